"""What every role stands on: settings, log, clock, stores, vault, queue, and the writer of events."""

import asyncio
import contextlib
import gc
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from adapters.engine import Engine
from adapters.engine.engine import EngineMetrics
from adapters.registry import Registry, discover
from config.keys import open_provider
from config.loading import SettingsError, load_settings
from config.logging import configure_logging
from config.resources import Resources, keep_clock, open_resources
from config.settings import Settings
from kernel.batcher import BatchMetrics
from kernel.clock import CorrectedClock
from kernel.sealing import Vault
from kernel.tasks import end
from payments.banks import BankRegistry
from payments.banks.health import HealthTeller
from payments.banks.tokens import StoredTokens
from payments.tools import Tools
from threadneedle.roles import policies
from webhooks.events.matching import Matcher, MatcherMetrics
from webhooks.events.writer import EventWriter
from webhooks.queue.enqueuer import EnqueuerMetrics, EnqueuerPolicy, QueueEnqueuer
from webhooks.queue.port import QueuePolicy, RebuildableQueue
from webhooks.queue.redis_queue import RedisQueue, shard_tag
from webhooks.queue.sharded import ShardedQueue

_NEW_OBJECTS = 50_000
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """Built once per process."""

    settings: Settings
    resources: Resources
    registry: CollectorRegistry
    batch_metrics: BatchMetrics
    vault: Vault
    queue: RebuildableQueue
    enqueuer: QueueEnqueuer
    events: EventWriter

    @property
    def clock(self) -> CorrectedClock:
        """The corrected clock."""
        return self.resources.clock


@contextlib.asynccontextmanager
async def open_foundation(role: str) -> AsyncIterator[Foundation]:
    """Everything opened and checked, and the clock kept right, until the block ends."""
    settings = load_settings()
    clock = CorrectedClock(_machine_clock(settings.rehearsal.clock_skew_seconds))
    configure_logging(settings.logging, clock)
    _log.info("role.starting", role=role, **settings.summary())
    async with (
        open_resources(settings, role=role, clock=clock) as resources,
        running(lambda: keep_clock(resources.pool, clock)),
        _open_queue(resources, settings) as queue,
    ):
        registry = CollectorRegistry()
        keys = open_provider(settings.keys, os.environ)
        vault = Vault(resources.key_pool, keys, clock, policies.vault_policy(settings))
        enqueuer = QueueEnqueuer(queue, EnqueuerMetrics.registered(registry), _enqueuer_policy(settings))
        yield Foundation(
            settings=settings,
            resources=resources,
            registry=registry,
            batch_metrics=BatchMetrics.registered(registry),
            vault=vault,
            queue=queue,
            enqueuer=enqueuer,
            events=EventWriter(vault, Matcher(vault, MatcherMetrics.registered(registry))),
        )
        await enqueuer.close()


@contextlib.asynccontextmanager
async def open_payment_tools(foundation: Foundation) -> AsyncIterator[tuple[Tools, Registry, Engine]]:
    """What the stages of a payment need, with the engine that calls banks. Raises SettingsError."""
    settings, clock, pool = foundation.settings, foundation.clock, foundation.resources.pool
    registry = discover()
    if problems := policies.key_retention_problems(settings, registry.declarations):
        raise SettingsError(problems)
    engine = Engine(
        registry.declarations,
        clock,
        EngineMetrics.on(foundation.registry),
        policies.engine_settings(settings),
        StoredTokens(pool, foundation.vault, clock),
    )
    policy = policies.payments_policy(settings.payments, settings.gateway.public_url)
    banks = BankRegistry(pool, foundation.vault, registry.adapters, clock, policy.bank_settings_age_max_seconds)
    tools = Tools(
        pool=pool,
        vault=foundation.vault,
        banks=banks,
        engine=engine,
        events=foundation.events,
        enqueuer=foundation.enqueuer,
        clock=clock,
        policy=policy,
    )
    try:
        async with running(HealthTeller(pool, engine.standings).run):
            yield tools, registry, engine
    finally:
        await engine.close()


@contextlib.asynccontextmanager
async def running(*works: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Tasks beside the block; cancelled when it ends. One that fails ends the process, so that it is restarted."""
    tasks = [asyncio.create_task(_or_stop(work)) for work in works]
    try:
        yield
    finally:
        await end(*tasks)


def settle_memory() -> None:
    """Call it once everything is built.

    Python looks for garbage whenever 700 objects are new. Under load hundreds of requests are in flight, and each of
    those searches walks all that they hold and finds nothing: it was a seventh of the gateway's CPU. What
    stands at the start is never looked at again, and the rest after fifty thousand.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 20, 50)


async def stop_signal(on_stop: Callable[[], None] | None = None) -> None:
    """Wait for SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    if on_stop is not None:
        on_stop()


async def _or_stop(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    try:
        await work()
    except Exception:  # noqa: BLE001 - whatever it is, half a role must not go on
        _log.exception("role.broken")
        os.kill(os.getpid(), signal.SIGTERM)


def _machine_clock(skew_seconds: float) -> Callable[[], datetime]:
    skew = timedelta(seconds=skew_seconds)
    return (lambda: datetime.now(UTC) + skew) if skew else partial(datetime.now, UTC)


@contextlib.asynccontextmanager
async def _open_queue(resources: Resources, settings: Settings) -> AsyncIterator[RebuildableQueue]:
    policy, shards = policies.queue_policy(settings.webhooks), settings.webhooks.queue_shards
    parts = [_shard(resources, policy, shard, shards) for shard in range(shards)]
    if shards == 1:
        yield parts[0]
        return
    queue = ShardedQueue(parts)
    try:
        yield queue
    finally:
        await queue.close()


def _shard(resources: Resources, policy: QueuePolicy, shard: int, shards: int) -> RedisQueue:
    if (cluster := resources.queue_cluster) is not None:
        return RedisQueue(cluster.shard(shard_tag(shard)), policy, shard=shard, shards=shards)
    return RedisQueue(resources.queue_line, policy, waiting=resources.queue_redis, shard=shard, shards=shards)


def _enqueuer_policy(settings: Settings) -> EnqueuerPolicy:
    webhooks = settings.webhooks
    return EnqueuerPolicy(wait_seconds=webhooks.enqueue_wait_seconds, calls_max=webhooks.enqueue_calls_max)
