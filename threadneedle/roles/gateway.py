"""The gateway's role: the partners' API and the admin API on two ports."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog
from aiohttp import web

from accounts.service import Accounts
from adapters.engine import Engine
from config.logging import Lines
from gateway.admin.banks import BankBook
from gateway.admin.clients.book import ClientBook
from gateway.admin.journal import Journal
from gateway.admin.limits.changes import LimitChanges
from gateway.admin.parties import Parties
from gateway.admin.queue.view import QueueView
from gateway.admin.services import AdminServices
from gateway.admin.tokens.book import AdminTokens
from gateway.app import build_admin_app, build_app
from gateway.callbacks.counting import returns_counter
from gateway.health import Health
from gateway.http.server import build_runner
from gateway.limits.flight.leases import RedisLeases
from gateway.limits.gate import Gate
from gateway.limits.live.book import LimitBook
from gateway.limits.storage import RedisBuckets
from gateway.oauth.tokens.policy import TokenPolicy
from gateway.openapi import OUR_EVENTS
from gateway.overload.load import Load
from gateway.reach import MerchantReach
from gateway.services import Services
from payments.inbox.accept import Inbox
from payments.inbox.metrics import notification_counter
from payments.operators.evidence import OperatorEvidence
from payments.operators.waiting import WaitingPayments
from payments.service import Payments
from payments.tools import Tools
from threadneedle.roles import policies
from threadneedle.roles.accounts import account_tools
from threadneedle.roles.edge.client_proofs import ClientProofs, open_client_proofs
from threadneedle.roles.edge.oauth import OAuth, OAuthSetup, key_rotation, open_oauth
from threadneedle.roles.edge.webhooks import Webhooks, open_courier, open_publisher
from threadneedle.roles.foundation import (
    Foundation,
    open_foundation,
    open_payment_tools,
    running,
    settle_memory,
    stop_signal,
)
from webhooks.catalogue.service import EventTypes
from webhooks.endpoints.keys.published import PublishedKeys
from webhooks.endpoints.keys.service import EndpointSecrets
from webhooks.endpoints.service import Endpoints
from webhooks.endpoints.telling import EventTeller, LaneTeller
from webhooks.endpoints.trying.challenge import Challenges
from webhooks.endpoints.trying.hearing import HearingTrials
from webhooks.endpoints.trying.tester import EndpointTester
from webhooks.erasure.events import EventErasure
from webhooks.manifests.book import ManifestBook
from webhooks.reading.attempts import Attempts
from webhooks.reading.deliveries import Deliveries
from webhooks.reading.feed import Feed
from webhooks.reading.gaps import Gaps
from webhooks.reading.undelivered.summary import UndeliveredSummary
from webhooks.reading.undelivered.view import UndeliveredView
from webhooks.replays.retrying import Retrier
from webhooks.replays.service import Replays
from webhooks.replays.unmatched import Unmatched

_log = structlog.get_logger()


async def run() -> None:
    """Serve until SIGTERM: readiness goes down first, then requests end, then bank calls."""
    async with (
        open_foundation("gateway") as foundation,
        open_payment_tools(foundation) as (tools, adapters, engine),
        open_client_proofs(foundation) as proofs,
        _open_edge(foundation, proofs) as edge,
        open_publisher(foundation) as publisher,
        open_courier(foundation) as courier,
    ):
        rooms = _rooms(foundation, tools, engine)
        webhooks = Webhooks(publisher=publisher, courier=courier)
        lines = Lines(foundation.settings.logging, foundation.clock)
        front = _Front(edge=edge, proofs=proofs)
        services = replace(_services(foundation, front, webhooks, rooms), log=lines)
        banks = BankBook(edge.journal, foundation.vault, adapters.adapters)
        admin = AdminServices(
            journal=edge.journal,
            tokens=AdminTokens(edge.journal),
            parties=Parties(edge.journal, foundation.vault),
            clients=ClientBook(
                edge.journal, foundation.vault, policies.registration_rules(foundation.settings), foundation.clock
            ),
            banks=banks,
            evidence=OperatorEvidence(tools),
            waiting=WaitingPayments(tools),
            signing_keys=key_rotation(foundation),
            health=edge.health,
            queue=QueueView(foundation.resources.pool),
            public=services,
            gate=edge.gate,
            limits=LimitChanges(edge.journal, policies.limit_policy(foundation.settings.limits)),
            secret_overlap=timedelta(seconds=foundation.settings.oauth.secret_overlap_seconds),
        )
        where = foundation.settings.gateway
        async with (
            running(services.load.watch),
            _serving(build_admin_app(admin), where.admin_host, where.admin_port, foundation),
            _serving(build_app(services), where.host, where.port, foundation, proofs.tls) as public,
        ):
            settle_memory()
            _log.info("role.ready", role="gateway", port=where.port, admin_port=where.admin_port)
            await stop_signal(edge.health.drain)
            services.load.drain()
            await asyncio.sleep(where.drain_notice_seconds)
            await public.stop()
            await services.load.idle(where.drain_seconds)
        await rooms.payments.drain()
        await rooms.accounts.drain()
        lines.flush()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edge:
    """What stands between a caller and the rooms."""

    oauth: OAuth
    policy: TokenPolicy
    gate: Gate
    journal: Journal
    health: Health


@dataclass(frozen=True, slots=True, kw_only=True)
class _Front:
    """The edge with what it knows its callers by."""

    edge: _Edge
    proofs: ClientProofs


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rooms:
    """What talks to banks."""

    payments: Payments
    accounts: Accounts
    tools: Tools


def _rooms(foundation: Foundation, tools: Tools, engine: Engine) -> _Rooms:
    accounts = Accounts(account_tools(foundation.settings, tools, engine))
    return _Rooms(payments=Payments(tools), accounts=accounts, tools=tools)


@asynccontextmanager
async def _open_edge(foundation: Foundation, proofs: ClientProofs) -> AsyncIterator[_Edge]:
    pool, clock, settings = foundation.resources.pool, foundation.clock, foundation.settings
    policy = policies.token_policy(settings)
    redis = settings.redis
    url = redis.limits_url.reveal() or redis.queue_url.reveal()
    storage = RedisBuckets(url)
    limits = policies.limit_policy(settings.limits)
    book = LimitBook(pool, limits)
    leases = RedisLeases(url, limits.lease_seconds)
    gate = Gate(storage, leases, book, limits, clock.monotonic)
    for part in (book, gate):
        await part.start()
    try:
        async with open_oauth(_oauth_setup(foundation, proofs, policy)) as oauth:
            yield _Edge(
                oauth=oauth,
                policy=policy,
                gate=gate,
                journal=Journal(pool, clock),
                health=Health(pool, gate, foundation.registry),
            )
    finally:
        await gate.close()
        await book.close()
        await storage.close()
        await leases.close()


def _oauth_setup(foundation: Foundation, proofs: ClientProofs, policy: TokenPolicy) -> OAuthSetup:
    settings = foundation.settings
    return OAuthSetup(
        pool=foundation.resources.pool,
        vault=foundation.vault,
        clock=foundation.clock,
        policy=policy,
        authenticator=proofs.authenticator,
        certificates=proofs.certificates,
        nonce_seconds=settings.oauth.dpop_nonce_seconds,
        metrics=foundation.batch_metrics,
    )


def _services(foundation: Foundation, front: _Front, webhooks: Webhooks, rooms: _Rooms) -> Services:
    pool, vault, clock = foundation.resources.pool, foundation.vault, foundation.clock
    edge = front.edge
    teller, lanes = EventTeller(foundation.events, foundation.enqueuer), LaneTeller(foundation.queue)
    rules = policies.endpoint_rules(foundation.settings.webhooks)
    replay_rules = policies.replay_rules(foundation.settings)
    retrier = Retrier(pool, foundation.enqueuer, clock, replay_rules)
    event_types = EventTypes(pool, vault, clock, OUR_EVENTS)
    return Services(
        verifier=edge.oauth.verifier,
        tokens=edge.oauth.tokens,
        inspection=edge.oauth.inspection,
        token_policy=edge.policy,
        keys=edge.oauth.keys,
        gate=edge.gate,
        health=edge.health,
        publisher=webhooks.publisher,
        event_types=event_types,
        feed=Feed(pool, vault),
        deliveries=Deliveries(pool),
        attempts=Attempts(pool, vault),
        undelivered=UndeliveredView(pool, clock),
        undelivered_summary=UndeliveredSummary(pool, clock),
        gaps=Gaps(pool),
        manifests=ManifestBook(pool),
        endpoints=Endpoints(pool, vault, clock, rules, lanes),
        endpoint_secrets=EndpointSecrets(pool, vault, clock, rules, teller),
        endpoint_tester=EndpointTester(pool, teller, clock, event_types),
        published_keys=PublishedKeys(pool),
        challenges=Challenges(pool, vault, clock, webhooks.courier, lanes),
        hearing_trials=HearingTrials(rules),
        replays=Replays(pool, Unmatched(vault), retrier, clock, replay_rules),
        retrier=retrier,
        event_erasure=EventErasure(pool, foundation.events, foundation.enqueuer, clock),
        reach=MerchantReach(pool),
        payments=rooms.payments,
        accounts=rooms.accounts,
        inbox=Inbox(rooms.tools, notification_counter(foundation.registry)),
        payer_returns=returns_counter(foundation.registry),
        proxies=foundation.settings.gateway.trusted_proxies,
        methods=policies.method_policy(foundation.settings),
        certificates=front.proofs.certificates,
        wait=policies.wait_policy(foundation.settings.payments),
        load=Load(
            policies.overload_bounds(foundation.settings.gateway),
            lambda: rooms.payments.waiting + rooms.accounts.waiting,
        ),
        request_seconds_max=foundation.settings.gateway.request_seconds_max,
    )


@asynccontextmanager
async def _serving(
    app: web.Application, host: str, port: int, foundation: Foundation, tls: ssl.SSLContext | None = None
) -> AsyncIterator[web.TCPSite]:
    """Listen; several gateway processes of one machine share the port."""
    settings = foundation.settings.gateway
    bounds = policies.connection_bounds(settings)
    runner = build_runner(
        app, shutdown_timeout_seconds=settings.drain_seconds, bounds=bounds, proxies=settings.trusted_proxies
    )
    await runner.setup()
    site = web.TCPSite(runner, host, port, reuse_port=True, ssl_context=tls)
    try:
        await site.start()
        yield site
    finally:
        await runner.cleanup()
