"""Offering jobs never fails the one who committed them."""

import asyncio
from collections.abc import Sequence

import pytest
from prometheus_client import CollectorRegistry

from tests.contracts.queue.harness import jobs_of, new_lane
from tests.support.clock import FakeClock
from webhooks.queue.enqueuer import EnqueuerMetrics, EnqueuerPolicy, QueueEnqueuer
from webhooks.queue.memory_queue import MemoryQueue
from webhooks.queue.port import Job, Placed, QueuePolicy, QueueUnavailable


class _Queue(MemoryQueue):
    """Enqueues when it is let, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__(FakeClock(), QueuePolicy(lane_window=600))
        self.error = error
        self.go = asyncio.Event()
        self.go.set()

    async def enqueue(self, jobs: Sequence[Job]) -> list[Placed]:
        await self.go.wait()
        if self.error:
            raise self.error
        return await super().enqueue(jobs)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def _enqueuer(queue: MemoryQueue, registry: CollectorRegistry, **policy: float) -> QueueEnqueuer:
    metrics = EnqueuerMetrics.registered(registry)
    return QueueEnqueuer(queue, metrics, EnqueuerPolicy(**policy))  # type: ignore[arg-type]


def _missed(registry: CollectorRegistry, why: str) -> float | None:
    return registry.get_sample_value("threadneedle_enqueue_missed_total", {"why": why})


async def test_offered_jobs_are_enqueued(registry: CollectorRegistry) -> None:
    """All offered jobs reach the queue, in as many calls as it takes."""
    queue = _Queue()
    await _enqueuer(queue, registry, wait_seconds=5).offer(jobs_of(new_lane(), 600))
    assert await queue.count() == 600


@pytest.mark.parametrize("error", [QueueUnavailable(), RuntimeError()])
async def test_a_failing_queue_fails_nobody(registry: CollectorRegistry, error: Exception) -> None:
    """An error of the queue is counted and not raised."""
    await _enqueuer(_Queue(error), registry, wait_seconds=5).offer(jobs_of(new_lane(), 3))
    why = "QueueUnavailable" if isinstance(error, QueueUnavailable) else "failed"
    assert _missed(registry, why) == 3


async def test_a_slow_queue_is_not_waited_for(registry: CollectorRegistry) -> None:
    """The caller goes on after its wait; the call goes on by itself and is not lost."""
    queue = _Queue()
    queue.go.clear()
    enqueuer = _enqueuer(queue, registry, wait_seconds=0.001)
    await enqueuer.offer(jobs_of(new_lane(), 1))
    assert await queue.count() == 0
    queue.go.set()
    await enqueuer.close()
    assert await queue.count() == 1


async def test_calls_to_a_hung_queue_do_not_pile_up(registry: CollectorRegistry) -> None:
    """Beyond a bound of calls under way, jobs are counted as missed at once."""
    queue = _Queue()
    queue.go.clear()
    enqueuer = _enqueuer(queue, registry, wait_seconds=0.001, calls_max=1)
    await enqueuer.offer(jobs_of(new_lane(), 1))
    await enqueuer.offer(jobs_of(new_lane(), 2))
    assert _missed(registry, "busy") == 2
    queue.go.set()
    await enqueuer.close()


async def test_a_full_lane_is_counted(registry: CollectorRegistry) -> None:
    """Jobs beyond a lane's window stay in PostgreSQL, and the metric says so."""
    await _enqueuer(_Queue(), registry, wait_seconds=5).offer(jobs_of(new_lane(), 610))
    assert _missed(registry, "window") == 10
