"""The queue and its statements against a model, in any order and with any death in between."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from kernel.clock import CorrectedClock
from kernel.sealing import Vault
from tests.chaos.queue_machine import LEASE_SECONDS, QueueMachine, Stage
from tests.support.keys import StaticKeys
from tests.support.webhooks import World
from webhooks.queue.port import QueuePolicy
from webhooks.queue.redis_queue import RedisQueue
from webhooks.reconciler.model import ReconcilerMetrics, ReconcilerPolicy
from webhooks.reconciler.reconciler import Reconciler
from webhooks.reconciler.tools import Tools
from webhooks.sending.model import Cause

_POLICY = ReconcilerPolicy(grace_seconds=0, heal_seconds=0, probe_seconds=LEASE_SECONDS)
# A failure is shown as it was found: to shrink it against real servers takes minutes.
_MODEL = settings(
    max_examples=10,
    stateful_step_count=40,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)


@pytest.fixture
def _loop_never_blocked() -> None:
    """Hypothesis keeps its examples in files, between the steps."""


@pytest.fixture
def stage(database_url: str, redis_url: str) -> Iterator[Stage]:
    """The real parts in a loop of their own, which runs only during a step."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        yield runner.run(stack.enter_async_context(_stage(database_url, redis_url, runner)))
        runner.run(stack.aclose())


@asynccontextmanager
async def _stage(database_url: str, redis_url: str, runner: asyncio.Runner) -> AsyncIterator[Stage]:
    clock, registry = CorrectedClock(), CollectorRegistry()
    async with (
        asyncpg.create_pool(database_url, min_size=1, max_size=4) as pool,
        asyncpg.create_pool(database_url, min_size=1, max_size=2) as keys,
        Redis.from_url(redis_url) as redis,
    ):
        queue = RedisQueue(redis, QueuePolicy(lease_seconds=LEASE_SECONDS))
        world = World(pool=pool, queue=queue, vault=Vault(keys, StaticKeys(), clock), clock=clock, registry=registry)
        metrics = ReconcilerMetrics.registered(registry)
        tools = Tools(pool=pool, queue=queue, clock=clock, policy=_POLICY, metrics=metrics, events=world.writer)
        reconciler = Reconciler(tools)
        yield Stage(world, reconciler, redis, runner)


@pytest.mark.timeout(180)
def test_no_order_of_steps_and_deaths_loses_repeats_or_reorders(stage: Stage) -> None:
    """Publish, claim, send, record, finish, retry, hold, probe, pause, replay, expire, flush, crash: in any order."""
    machine = type("Machine", (QueueMachine,), {"stage": stage})
    run_state_machine_as_test(machine, settings=_MODEL)
    assert stage.causes[Cause.PROBE] > 0, "no lane was held: the run proved less than it says"
    assert stage.rounds[1] > 0, "nothing was replayed: the run proved less than it says"
