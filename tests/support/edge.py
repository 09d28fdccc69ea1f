"""The public and the admin port as they run in production, on free ports, with a scripted bank behind them."""

import base64
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import aiohttp
import asyncpg
from aiohttp import web
from prometheus_client import CollectorRegistry

from accounts.policy import AccountsPolicy
from accounts.service import Accounts
from accounts.tools import Tools as AccountTools
from gateway.admin.banks import BankBook
from gateway.admin.clients.book import ClientBook
from gateway.admin.journal import Actor, Journal
from gateway.admin.limits.changes import LimitChanges
from gateway.admin.parties import Parties
from gateway.admin.queue.view import QueueView
from gateway.admin.routes import ADMIN_ROUTES
from gateway.admin.services import AdminServices
from gateway.admin.tokens.book import AdminTokens
from gateway.app import build_admin_app, build_app
from gateway.callbacks.counting import returns_counter
from gateway.health import Health
from gateway.http.peer.address import Network
from gateway.http.peer.certificates import CallerCertificates
from gateway.http.server import build_runner
from gateway.limits.flight.leases import RedisLeases
from gateway.limits.gate import Gate
from gateway.limits.live.book import LimitBook
from gateway.limits.policy import LimitPolicy
from gateway.limits.storage import RedisBuckets
from gateway.oauth.authentication.authenticator import AuthenticationRules, ClientAuthenticator
from gateway.oauth.authentication.certificates import Authorities
from gateway.oauth.authentication.used import UsedAssertions
from gateway.oauth.clients.methods import MethodPolicy
from gateway.oauth.clients.records import Clients
from gateway.oauth.clients.registration import RegistrationRules
from gateway.oauth.clients.remote_keys import RemoteKeys
from gateway.oauth.signing.rotation import KeyRotation, RotationPolicy
from gateway.oauth.tokens.policy import TokenPolicy
from gateway.openapi import ADMIN, OUR_EVENTS, PARTNERS
from gateway.overload.load import Load
from gateway.reach import MerchantReach
from gateway.routes import PUBLIC_ROUTES
from gateway.services import Services
from kernel.batcher import Batcher, BatchPolicy
from kernel.sealing import Vault
from payments.banks import BankRegistry
from payments.inbox import Inbox
from payments.inbox.metrics import notification_counter
from payments.operators.evidence import OperatorEvidence
from payments.operators.waiting import WaitingPayments
from payments.policy import PaymentsPolicy
from payments.service import Payments
from payments.tools import Tools
from tests.support.account_bank import CODES, AccountBank, AccountScript
from tests.support.accounts_world import ACCOUNTS
from tests.support.clock import FakeClock
from tests.support.conformance import Conformance
from tests.support.payments_world import Offers
from tests.support.scripted_bank import ScriptedAdapter, ScriptedBank
from threadneedle.roles.edge.oauth import OAuth, OAuthSetup, open_oauth
from webhooks.catalogue.memory import Catalogue
from webhooks.catalogue.service import EventTypes
from webhooks.endpoints.keys.published import PublishedKeys
from webhooks.endpoints.keys.service import EndpointSecrets
from webhooks.endpoints.requests import EndpointRules
from webhooks.endpoints.service import Endpoints
from webhooks.endpoints.telling import EventTeller
from webhooks.endpoints.trying.challenge import Challenges
from webhooks.endpoints.trying.courier import BoundedCourier
from webhooks.endpoints.trying.hearing import HearingTrials
from webhooks.endpoints.trying.tester import EndpointTester
from webhooks.endpoints.urls import UrlRules
from webhooks.erasure.events import EventErasure
from webhooks.events.checks import Checks, Merchants
from webhooks.events.matching import Matcher
from webhooks.events.publisher import EventWork, Publisher
from webhooks.events.writer import EventWriter
from webhooks.manifests.book import ManifestBook
from webhooks.reading.attempts import Attempts
from webhooks.reading.deliveries import Deliveries
from webhooks.reading.feed import Feed
from webhooks.reading.gaps import Gaps
from webhooks.reading.undelivered.summary import UndeliveredSummary
from webhooks.reading.undelivered.view import UndeliveredView
from webhooks.replays.model import ReplayRules
from webhooks.replays.retrying import Retrier
from webhooks.replays.service import Replays
from webhooks.replays.unmatched import Unmatched
from webhooks.sending.destination import AllowList
from webhooks.sending.lean_transport import LeanTransport
from webhooks.sending.transport import TransportPolicy

Pool = "asyncpg.Pool[asyncpg.Record]"
_PUBLIC = Conformance(PUBLIC_ROUTES, PARTNERS)
_ADMIN = Conformance(ADMIN_ROUTES, ADMIN)
# Every method is on, and whoever calls from this machine is a proxy that tells addresses and certificates.
METHODS = MethodPolicy(secret_post=True, tls=True, self_signed_tls=True)
PROXIES = (ip_network("127.0.0.0/8"),)
CERTIFICATES = CallerCertificates(proxies=PROXIES, are_told=True)
LOOPBACK = AllowList(networks=PROXIES)
OTHER_SERVICE = "https://reports.example.com"
TOKENS = TokenPolicy(
    issuer="https://gateway.example.com", audience="https://gateway.example.com", resources=(OTHER_SERVICE,)
)
# What every challenge of the API ends with (RFC 9728 §5.1).
METADATA = f'resource_metadata="{TOKENS.resource_metadata_url}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer, read."""

    status: int
    headers: Mapping[str, str]
    raw: bytes
    json: Any

    @property
    def code(self) -> str:
        """The problem's code."""
        return str(self.json["code"])

    def pointers(self) -> set[str]:
        """Where the problem's field errors point."""
        return {error["pointer"] for error in self.json.get("errors", [])}


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A partner's environment with a client, a token of it, and a merchant."""

    partner_id: str
    client_id: str
    secret: str
    token: str
    merchant_id: str
    environment: str

    @property
    def basic(self) -> str:
        """The client's HTTP Basic credentials."""
        return "Basic " + base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()


@dataclass(slots=True, kw_only=True)
class Edge:
    """Both ports, running."""

    session: aiohttp.ClientSession
    url: str
    admin_url: str
    admin_token: str
    services: Services
    admin_services: AdminServices
    oauth: OAuth
    bank: ScriptedBank
    account_bank: AccountBank
    clock: FakeClock

    async def call(self, method: str, path: str, **options: Any) -> Answer:
        """A request to the public port; `token` and `admin` are short for the Authorization header.

        Whatever is answered must be described by the port's OpenAPI document.
        """
        self.clock.advance(0.001)  # so that ids made one after the other are in order
        headers = dict(options.pop("headers", {}))
        base = self.url
        if (token := options.pop("token", None)) is not None:
            headers["Authorization"] = f"Bearer {token}"
        if options.pop("admin", False):
            base, headers["Authorization"] = self.admin_url, f"Bearer {self.admin_token}"
        async with self.session.request(method, base + path, headers=headers, **options) as response:
            raw = await response.read()
            parsed = await response.json(content_type=None) if "json" in response.content_type and raw else None
            answer = Answer(status=response.status, headers=response.headers, raw=raw, json=parsed)
        (_PUBLIC if base == self.url else _ADMIN).check(method, path, answer)
        return answer

    async def party(self, environment: str = "test", scopes: list[str] | None = None) -> Party:
        """A new partner, made over the admin port."""
        partner = (await self.call("POST", "/admin/v1/partners", admin=True, json={"name": "Example Partner"})).json
        base = f"/admin/v1/partners/{partner['id']}"
        wanted = scopes or ["payments:write", "accounts:write", "events:write", "webhooks:manage"]
        body = {"name": "shop", "environment": environment, "scopes": wanted}
        client = (await self.call("POST", f"{base}/clients", admin=True, json=body)).json
        body = {"name": "Example Books Ltd", "environment": environment}
        merchant = (await self.call("POST", f"{base}/merchants", admin=True, json=body)).json
        token = await self.token(client["id"], client["secret"])
        return Party(
            partner_id=partner["id"],
            client_id=client["id"],
            secret=client["secret"],
            token=token.json["access_token"],
            merchant_id=merchant["id"],
            environment=environment,
        )

    async def token(self, client_id: str, secret: str, headers: Mapping[str, str] | None = None, **form: str) -> Answer:
        """Ask the token endpoint."""
        basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
        data = {"grant_type": "client_credentials", **form}
        sent = {"Authorization": f"Basic {basic}", **(headers or {})}
        return await self.call("POST", "/oauth/token", headers=sent, data=data)

    async def add_bank(self, environment: str = "test", bank_id: str = "scripted") -> None:
        """The scripted bank, configured over the admin port."""
        body = {
            "id": bank_id,
            "adapter": "scripted",
            "environment": environment,
            "name": "Scripted Bank",
            "settings": {"base_url": "https://bank.example.com"},
        }
        answer = await self.call("POST", "/admin/v1/banks", admin=True, json=body)
        assert answer.status == 201, answer.raw


@asynccontextmanager
async def running_edge(
    pool: "asyncpg.Pool[asyncpg.Record]",
    vault: Vault,
    clock: FakeClock,
    redis_url: str,
    limits: LimitPolicy | None = None,
    *,
    authorities: Authorities | None = None,
) -> AsyncIterator[Edge]:
    """Everything built as the composition root does, started, and closed in reverse. Tests' clients are its proxies."""
    transport = LeanTransport(TransportPolicy(total_timeout_seconds=1), LOOPBACK)
    authenticator = ClientAuthenticator(
        Clients(pool, vault),
        RemoteKeys(transport, clock.monotonic),
        UsedAssertions(pool),
        AuthenticationRules(
            audiences={TOKENS.issuer, TOKENS.token_endpoint}, methods=METHODS, authorities=authorities or Authorities()
        ),
        clock,
    )
    setup = OAuthSetup(
        pool=pool, vault=vault, clock=clock, policy=TOKENS, authenticator=authenticator, certificates=CERTIFICATES
    )
    async with (
        open_oauth(setup) as oauth,
        _running(oauth, setup, redis_url, limits or LimitPolicy(), transport) as edge,
    ):
        yield edge
    await transport.close()


@asynccontextmanager
async def _running(
    oauth: OAuth, setup: OAuthSetup, redis_url: str, policy: LimitPolicy, transport: LeanTransport
) -> AsyncIterator[Edge]:
    pool, vault, clock, bank = setup.pool, setup.vault, setup.clock, ScriptedBank()
    assert isinstance(clock, FakeClock)
    adapters = {"scripted": ScriptedAdapter(CODES)}
    writer = EventWriter(vault, Matcher(vault))
    tools = Tools(
        pool=pool,
        vault=vault,
        banks=BankRegistry(pool, vault, adapters, clock),
        engine=bank,
        events=writer,
        enqueuer=Offers(),
        clock=clock,
        policy=PaymentsPolicy(),
    )
    storage = RedisBuckets(redis_url)
    book = LimitBook(pool, policy)
    leases = RedisLeases(redis_url, policy.lease_seconds)
    gate = Gate(storage, leases, book, policy, time.monotonic)
    batcher = Batcher(pool, EventWork(writer, tools.enqueuer), BatchPolicy())
    health = Health(pool, gate, CollectorRegistry())
    rules = EndpointRules(urls=UrlRules(allowed=LOOPBACK))
    teller = EventTeller(writer, tools.enqueuer)
    retrier = Retrier(pool, tools.enqueuer, clock, ReplayRules())
    event_types = EventTypes(pool, vault, clock, OUR_EVENTS)
    payments, account_bank = Payments(tools), AccountBank(accounts=[dict(each) for each in ACCOUNTS])
    accounts = Accounts(
        AccountTools(
            pool=pool,
            vault=vault,
            banks=tools.banks,
            readers={"scripted": AccountScript()},
            engine=account_bank,
            events=writer,
            enqueuer=tools.enqueuer,
            clock=clock,
            policy=AccountsPolicy(),
            callback_base=TOKENS.issuer,
        )
    )
    services = Services(
        verifier=oauth.verifier,
        tokens=oauth.tokens,
        inspection=oauth.inspection,
        token_policy=TOKENS,
        keys=oauth.keys,
        gate=gate,
        health=health,
        publisher=Publisher(batcher, writer, Checks(Merchants(pool), Catalogue(pool, vault)), clock),
        event_types=event_types,
        feed=Feed(pool, vault),
        deliveries=Deliveries(pool),
        attempts=Attempts(pool, vault),
        undelivered=UndeliveredView(pool, clock),
        undelivered_summary=UndeliveredSummary(pool, clock),
        gaps=Gaps(pool),
        manifests=ManifestBook(pool),
        endpoints=Endpoints(pool, vault, clock, rules),
        endpoint_secrets=EndpointSecrets(pool, vault, clock, rules, teller),
        endpoint_tester=EndpointTester(pool, teller, clock, event_types),
        published_keys=PublishedKeys(pool),
        challenges=Challenges(pool, vault, clock, BoundedCourier(transport, 2)),
        hearing_trials=HearingTrials(rules),
        replays=Replays(pool, Unmatched(vault), retrier, clock, ReplayRules()),
        retrier=retrier,
        event_erasure=EventErasure(pool, writer, tools.enqueuer, clock),
        reach=MerchantReach(pool),
        payments=payments,
        accounts=accounts,
        inbox=Inbox(tools, notification_counter(CollectorRegistry())),
        payer_returns=returns_counter(CollectorRegistry()),
        load=Load(waiting=lambda: payments.waiting),
        proxies=PROXIES,
        methods=METHODS,
        certificates=CERTIFICATES,
    )
    journal = Journal(pool, clock)
    admin = AdminServices(
        journal=journal,
        tokens=AdminTokens(journal),
        parties=Parties(journal, vault),
        clients=ClientBook(journal, vault, RegistrationRules(methods=METHODS, urls=rules.urls), clock),
        banks=BankBook(journal, vault, adapters),
        evidence=OperatorEvidence(tools),
        waiting=WaitingPayments(tools),
        signing_keys=KeyRotation(pool, vault, clock, RotationPolicy()),
        health=health,
        queue=QueueView(pool),
        public=services,
        gate=gate,
        limits=LimitChanges(journal, policy),
    )
    for part in (book, gate, batcher):
        await part.start()
    async with (
        listening(build_app(services)) as public_url,
        listening(build_admin_app(admin)) as admin_url,
        aiohttp.ClientSession() as session,
    ):
        yield Edge(
            session=session,
            url=public_url,
            admin_url=admin_url,
            admin_token=await another_admin(admin, "test admin"),
            services=services,
            admin_services=admin,
            oauth=oauth,
            bank=bank,
            account_bank=account_bank,
            clock=clock,
        )
        await services.payments.drain()
        await services.accounts.drain()
    for part in (batcher, gate, book, storage, leases):
        await part.close()


@asynccontextmanager
async def listening(app: web.Application, proxies: Sequence[Network] = ()) -> AsyncIterator[str]:
    """The application on a free port, behind these proxies; its URL."""
    runner = build_runner(app, shutdown_timeout_seconds=1, proxies=proxies)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def another_admin(admin: AdminServices, name: str = "another admin") -> str:
    """An admin token as the command line makes one: another person's."""
    _, token = await admin.tokens.create(Actor("command line: somebody", "5f0c1d2e3a4b5c6d"), name)
    return token.reveal()
