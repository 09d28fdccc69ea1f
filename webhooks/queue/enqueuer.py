"""Handing committed jobs to the queue without making the caller wait for it, or fail with it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry, Counter

from webhooks.queue.port import JOBS_PER_CALL_MAX, Job, Placed, Queue, QueueError

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnqueuerPolicy:
    """How long a caller waits, and how many calls may be under way before further ones are not even tried."""

    wait_seconds: float = 0.05
    calls_max: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class EnqueuerMetrics:
    """`missed` counts jobs that the reconciler will have to find, by why."""

    missed: Counter

    @classmethod
    def registered(cls, registry: CollectorRegistry) -> "EnqueuerMetrics":
        """The metrics, made known to a registry. Call it once per registry."""
        return cls(
            missed=Counter(
                "threadneedle_enqueue_missed",
                "Committed jobs that were not enqueued at once",
                ["why"],
                registry=registry,
            )
        )


class QueueEnqueuer:
    """`webhooks.queue.port.Enqueuer` on a queue. A call that takes longer goes on by itself."""

    def __init__(self, queue: Queue, metrics: EnqueuerMetrics, policy: EnqueuerPolicy | None = None) -> None:
        self._queue = queue
        self._metrics = metrics
        self._policy = policy or EnqueuerPolicy()
        self._calls: set[asyncio.Task[None]] = set()

    async def offer(self, jobs: Sequence[Job]) -> None:
        """See the port."""
        if not jobs:
            return
        if len(self._calls) >= self._policy.calls_max:
            self._missed("busy", len(jobs))
            return
        call = asyncio.create_task(self._enqueue(jobs))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        await asyncio.wait((call,), timeout=self._policy.wait_seconds)

    async def close(self) -> None:
        """Wait for the calls that are under way."""
        await asyncio.gather(*self._calls)

    async def _enqueue(self, jobs: Sequence[Job]) -> None:
        for start in range(0, len(jobs), JOBS_PER_CALL_MAX):
            part = jobs[start : start + JOBS_PER_CALL_MAX]
            try:
                placed = await self._queue.enqueue(part)
            except QueueError as error:
                self._missed(type(error).__name__, len(part))
            except Exception as error:  # noqa: BLE001 - whatever it is, the jobs are committed and the caller must not fail
                _log.warning("enqueue.failed", jobs=len(part), error=type(error).__name__)
                self._missed("failed", len(part))
            else:
                self._refused(placed)

    def _refused(self, placed: Sequence[Placed]) -> None:
        for why in (Placed.WINDOW, Placed.AWAY):
            if jobs := placed.count(why):
                self._missed(why, jobs)

    def _missed(self, why: str, jobs: int) -> None:
        self._metrics.missed.labels(why).inc(jobs)
