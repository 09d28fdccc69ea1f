"""The gateway's role: the partners' API and the admin API on two ports."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog
from aiohttp import web

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
from kernel.batcher import Batcher
from payments.inbox.accept import Inbox
from payments.operators.evidence import OperatorEvidence
from payments.service import Payments
from payments.tools import Tools
from threadneedle.roles import policies
from threadneedle.roles.edge.client_proofs import ClientProofs, open_client_proofs
from threadneedle.roles.edge.oauth import OAuth, OAuthSetup, key_rotation, open_oauth
from threadneedle.roles.foundation import (
    Foundation,
    open_foundation,
    open_payment_tools,
    running,
    settle_memory,
    stop_signal,
)
from webhooks.catalogue.memory import Catalogue
from webhooks.catalogue.service import EventTypes
from webhooks.endpoints.keys.published import PublishedKeys
from webhooks.endpoints.keys.service import EndpointSecrets
from webhooks.endpoints.service import Endpoints
from webhooks.endpoints.telling import EventTeller, LaneTeller
from webhooks.endpoints.trying.challenge import Challenges
from webhooks.endpoints.trying.courier import BoundedCourier, Courier
from webhooks.endpoints.trying.hearing import HearingTrials
from webhooks.endpoints.trying.tester import EndpointTester
from webhooks.erasure.events import EventErasure
from webhooks.events.checks import Checks, Merchants
from webhooks.events.publisher import EventWork, Publisher
from webhooks.events.requests import PublishPolicy
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
from webhooks.sending.lean_transport import LeanTransport

_log = structlog.get_logger()


async def run() -> None:
    """Serve until SIGTERM: readiness goes down first, then requests end, then bank calls."""
    async with (
        open_foundation("gateway") as foundation,
        open_payment_tools(foundation) as (tools, adapters),
        open_client_proofs(foundation) as proofs,
        _open_edge(foundation, proofs) as edge,
        _open_publisher(foundation) as publisher,
        _open_courier(foundation) as courier,
    ):
        payments = Payments(tools)
        webhooks = _Webhooks(publisher=publisher, courier=courier)
        lines = Lines(foundation.settings.logging, foundation.clock)
        front = _Front(edge=edge, proofs=proofs)
        services = replace(_services(foundation, front, webhooks, payments, tools), log=lines)
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
        await payments.drain()
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
class _Webhooks:
    """What of the webhooks rooms has to be opened and closed."""

    publisher: Publisher
    courier: Courier


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


@asynccontextmanager
async def _open_publisher(foundation: Foundation) -> AsyncIterator[Publisher]:
    batcher = Batcher(
        foundation.resources.hot_pool,
        EventWork(foundation.events, foundation.enqueuer),
        policies.batch_policy(foundation.settings.batches),
        foundation.batch_metrics,
    )
    await batcher.start()
    try:
        yield Publisher(batcher, foundation.events, _checks(foundation), foundation.clock)
    finally:
        await batcher.close()


def _checks(foundation: Foundation) -> Checks:
    pool = foundation.resources.pool
    policy = PublishPolicy(data_bytes_max=foundation.settings.gateway.event_bytes_max)
    return Checks(Merchants(pool), Catalogue(pool, foundation.vault), policy)


@asynccontextmanager
async def _open_courier(foundation: Foundation) -> AsyncIterator[Courier]:
    settings = foundation.settings.webhooks
    transport = LeanTransport(
        policies.challenge_policy(settings), policies.allow_list(settings), proxy=policies.egress_proxy(settings)
    )
    try:
        yield BoundedCourier(transport, settings.challenges_running_max)
    finally:
        await transport.close()


def _services(foundation: Foundation, front: _Front, webhooks: _Webhooks, payments: Payments, tools: Tools) -> Services:
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
        payments=payments,
        inbox=Inbox(tools),
        proxies=foundation.settings.gateway.trusted_proxies,
        methods=policies.method_policy(foundation.settings),
        certificates=front.proofs.certificates,
        wait=policies.wait_policy(foundation.settings.payments),
        load=Load(policies.overload_bounds(foundation.settings.gateway), lambda: payments.waiting),
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
