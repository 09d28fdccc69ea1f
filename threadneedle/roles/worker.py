"""The worker's role: reconciler, sweepers, inbox, replays, health, manifests, audit chain, data keys, retention."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import asyncpg
import structlog

from accounts.calls.hints import HintedConsents
from accounts.calls.sweeper import ConsentSweeper
from config.database.expired_rows import Kept, delete_expired_rows
from config.database.partitions import drop_expired, ensure_partitions
from gateway.oauth.upkeep import OAuthUpkeep
from kernel.audit.writer import ChainMetrics, ChainPolicy, ChainWriter
from kernel.errors import ThreadneedleError
from kernel.sealing.rotation.walker import RotationWalker, WalkMetrics, WalkPolicy
from payments.banks.metrics import UnreadableGauge
from payments.inbox.metrics import notification_counter
from payments.inbox.worker import InboxWorker
from payments.operators.waiting import WaitingGauge
from payments.recovery.sweeper import Sweeper
from threadneedle.roles import policies
from threadneedle.roles.accounts import account_tools
from threadneedle.roles.edge.oauth import key_rotation
from threadneedle.roles.foundation import Foundation, open_foundation, open_payment_tools, running, stop_signal
from threadneedle.roles.sealed_columns import SEALED_COLUMNS
from threadneedle.roles.watch import watched
from webhooks.health.watch import HealthWatch
from webhooks.manifests.maker import ManifestMaker, ManifestPolicy
from webhooks.reconciler.model import ReconcilerMetrics
from webhooks.reconciler.reconciler import Reconciler
from webhooks.reconciler.tools import Tools
from webhooks.replays.runner import ReplayMetrics, ReplayRunner
from webhooks.replays.unmatched import Unmatched

_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ThreadneedleError)
_REWRAP_SECONDS = 60.0
# An assertion is refused once it has ended; a day more outlives every clock that is put right.
_USED_ASSERTIONS_DAYS = 1
# Events are dropped by whole weeks, so the youngest of a week that is still there is so much older at most.
_WEEK_DAYS = 7
# Old proofs are a table's worth of nothing after two minutes; keys move by the hour.
_OAUTH_SECONDS = 60.0
_OPERATORS_SECONDS = 15.0
_log = structlog.get_logger()


async def run() -> None:
    """Work until SIGTERM; then wait for the bank calls that are under way."""
    async with open_foundation("worker") as foundation, open_payment_tools(foundation) as (tools, _, engine):
        times = foundation.settings.payments
        accounts = account_tools(foundation.settings, tools, engine)
        sweeper, consents = Sweeper(tools), ConsentSweeper(accounts)
        inbox = InboxWorker(tools, HintedConsents(accounts), notification_counter(foundation.registry))
        operators = WaitingGauge(tools.pool, foundation.registry)
        unreadable = UnreadableGauge(tools.banks, foundation.registry)
        works = (
            _reconciler(foundation).run,
            partial(_repeat, "sweeper", sweeper.run_once, times.sweep_interval_seconds),
            partial(_repeat, "consents", consents.run_once, foundation.settings.accounts.sweep_interval_seconds),
            partial(_repeat, "inbox", inbox.run_once, times.inbox_interval_seconds),
            partial(_repeat, "replays", _replays(foundation).run_once, foundation.settings.replays.interval_seconds),
            partial(_repeat, "health", _health(foundation).run_once, foundation.settings.health.watch_interval_seconds),
            partial(_repeat, "manifests", _manifests(foundation).run_once, ManifestPolicy().interval_seconds),
            partial(_repeat, "operators", operators.run_once, _OPERATORS_SECONDS),
            partial(_repeat, "banks", unreadable.run_once, _OPERATORS_SECONDS),
            partial(_repeat, "audit", _audit_chain(foundation).run_once, ChainPolicy().interval_seconds),
            partial(_repeat, "keys", _rotations(foundation).run_once, WalkPolicy().interval_seconds),
            partial(_repeat, "rewrapping", foundation.vault.rewrap, _REWRAP_SECONDS),
            partial(_repeat, "oauth", _oauth(foundation).run_once, _OAUTH_SECONDS),
            partial(_repeat, "retention", lambda: _retain(foundation), foundation.settings.retention.interval_seconds),
        )
        async with running(*works), watched(foundation, "worker", foundation.settings.watch.worker_port):
            await stop_signal()
        await sweeper.drain()
        await consents.drain()


def _reconciler(foundation: Foundation) -> Reconciler:
    return Reconciler(
        Tools(
            pool=foundation.resources.pool,
            queue=foundation.queue,
            clock=foundation.clock,
            policy=policies.reconciler_policy(foundation.settings.webhooks),
            metrics=ReconcilerMetrics.registered(foundation.registry),
            events=foundation.events,
        )
    )


def _manifests(foundation: Foundation) -> ManifestMaker:
    return ManifestMaker(foundation.resources.pool, foundation.vault, foundation.clock)


def _audit_chain(foundation: Foundation) -> ChainWriter:
    metrics = ChainMetrics.registered(foundation.registry)
    return ChainWriter(foundation.resources.pool, foundation.vault, foundation.clock, metrics)


def _rotations(foundation: Foundation) -> RotationWalker:
    return RotationWalker(
        foundation.resources.pool,
        foundation.vault,
        SEALED_COLUMNS,
        WalkMetrics.registered(foundation.registry),
        WalkPolicy(rows_per_second=foundation.settings.keys.rotation_rows_per_second),
    )


def _replays(foundation: Foundation) -> ReplayRunner:
    return ReplayRunner(
        foundation.resources.pool,
        Unmatched(foundation.vault),
        foundation.enqueuer,
        ReplayMetrics.registered(foundation.registry),
    )


def _health(foundation: Foundation) -> HealthWatch:
    return HealthWatch(
        foundation.resources.pool,
        foundation.events,
        foundation.enqueuer,
        foundation.clock,
        policies.health_policy(foundation.settings.health),
    )


def _oauth(foundation: Foundation) -> OAuthUpkeep:
    return OAuthUpkeep(foundation.resources.pool, key_rotation(foundation), foundation.clock)


async def _retain(foundation: Foundation) -> None:
    """Partitions ahead are made, those past their time dropped, and old rows outside them forgotten."""
    pool, retention = foundation.resources.pool, foundation.settings.retention
    async with pool.acquire() as connection:
        await ensure_partitions(connection, foundation.clock.now(), weeks_ahead=retention.partition_weeks_ahead)
    await drop_expired(pool, foundation.clock.now(), retention_days=retention.events_days)
    days = {
        Kept.EVENT_KEYS: retention.event_keys_days,
        Kept.REQUEST_KEYS: retention.request_keys_days,
        Kept.MANIFESTS: retention.manifests_days,
        Kept.REPLAYS: retention.replays_days,
        Kept.AUTHORISATIONS: retention.authorisations_days,
        # What an endpoint missed can be told as long as the events are there.
        Kept.SILENCES: retention.events_days + _WEEK_DAYS,
        Kept.CONSENTS: retention.consents_days,
        Kept.CONSENT_EXCHANGES: retention.consent_exchanges_days,
        Kept.NOTIFICATIONS: retention.notifications_days,
        Kept.PAYMENT_EXCHANGES: retention.payment_exchanges_days,
        Kept.USED_ASSERTIONS: _USED_ASSERTIONS_DAYS,
    }
    await delete_expired_rows(pool, foundation.clock.now(), days)


async def _repeat(name: str, work: Callable[[], Awaitable[object]], seconds: float) -> None:
    """Do it again and again; a store that is away is waited for."""
    while True:
        try:
            await work()
        except _AWAY as error:
            _log.warning("work.postponed", work=name, error=type(error).__name__)
        await asyncio.sleep(seconds)
