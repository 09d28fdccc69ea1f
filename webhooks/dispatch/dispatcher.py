"""The loop: claim → load → send → record → finish.

PostgreSQL is told first and the queue afterwards, so whatever dies in between is done again and nothing is lost: a
claim that was not finished comes back when its lease ends, and its row says whether there is still anything to send.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from webhooks.dispatch.attempting import Attempter
from webhooks.dispatch.ending import Finisher, Recorder
from webhooks.dispatch.loading import LoadedBatch, Loader, release
from webhooks.dispatch.metrics import DispatchMetrics
from webhooks.dispatch.outcome import Sendable
from webhooks.dispatch.policy import DispatchPolicy
from webhooks.queue.port import Claim, EpochLost, Finish, Lane, Queue, QueueError, QueuePolicy

_log = structlog.get_logger()

_BACKOFF_SECONDS_MIN = 0.1
_RELEASE_DELAY_MS = 1_000
# When many claims end at once, one claim for all of them costs no more than one for the first.
_GATHER_SECONDS = 0.005
# So many at once say that more will come within that time.
_CLAIMS_UNDER_LOAD = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """What a claim passes through."""

    queue: Queue
    loader: Loader
    attempter: Attempter
    recorder: Recorder


class Dispatcher:
    """One dispatcher; a process runs one, a deployment as many as it likes."""

    def __init__(
        self, stages: Stages, policy: DispatchPolicy, metrics: DispatchMetrics, queue_policy: QueuePolicy
    ) -> None:
        """Raises ValueError where a lease could end before its result is committed."""
        if queue_policy.lease_seconds < policy.lease_seconds_min:
            raise ValueError(f"the lease must be at least {policy.lease_seconds_min} seconds long")
        self._stages = stages
        self._policy = policy
        self._metrics = metrics
        self._finisher = Finisher(stages.queue, metrics, policy.backoff_seconds_max)
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._freed = asyncio.Event()
        self._in_flight = 0
        # Plain tasks, each a delivery: a task group's book-keeping for them costs more than they do (measured).
        self._sending: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Claim no more; `run` returns when what is in flight was recorded and finished."""
        self._stopping.set()
        self._stages.recorder.stop()
        self._freed.set()

    async def run(self) -> None:
        """Dispatch until stopped. Cancelling it is like killing it: what is in flight comes back by its lease.

        The tasks beside the claims are asked to end, not cancelled: the queue's client has been seen to swallow that.
        """
        recorder = self._stages.recorder
        async with asyncio.TaskGroup() as group:
            group.create_task(self._finisher.run())
            group.create_task(recorder.run(self._end))
            group.create_task(self._until_ended(self._tick, self._policy.tick_seconds))
            group.create_task(self._until_ended(self._renew, self._policy.commit_seconds / 3))
            try:
                await self._claim_until_stopped(group)
                await self._let_end()
            finally:
                self._ended.set()
                recorder.close()
                self._finisher.close()
                await self._give_up()

    async def _claim_until_stopped(self, group: asyncio.TaskGroup) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                await self._claim(group)
                failures = 0
            except QueueError as error:
                failures += 1
                _log.warning("claim.postponed", error=type(error).__name__, why=str(error), failures=failures)
                # A new epoch is opened within a second or two; a server that is away may stay so.
                await self._pause(1 if isinstance(error, EpochLost) else failures)

    async def _claim(self, group: asyncio.TaskGroup) -> None:
        free = self._policy.in_flight_max - self._in_flight
        if free <= 0 or self._stages.recorder.is_stuck:
            await self._wait_for_room()
            return
        asked = min(free, self._policy.claim_max)
        claims = await self._stages.queue.claim(asked)
        if not claims:
            await self._stages.queue.wait(self._policy.idle_seconds)
            return
        self._count(len(claims))
        group.create_task(self._dispatch(claims))
        if _CLAIMS_UNDER_LOAD <= len(claims) < asked:
            await asyncio.sleep(_GATHER_SECONDS)

    async def _wait_for_room(self) -> None:
        self._freed.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._freed.wait(), self._policy.idle_seconds)
        await asyncio.sleep(_GATHER_SECONDS)

    async def _dispatch(self, claims: Sequence[Claim]) -> None:
        """One batch of claims, loaded and on its way. Whatever goes wrong is about these claims and nobody else's."""
        try:
            batch = await self._stages.loader.load(claims)
        except Exception as error:  # noqa: BLE001 - the database is away, or says no: nothing was sent
            _log.warning("load.failed", claims=len(claims), error=type(error).__name__)
            self._end([release(claim, _RELEASE_DELAY_MS) for claim in claims])
            return
        for outcome in batch.outcomes:
            self._stages.recorder.add(outcome)
        for sendable in batch.sendable:
            task = asyncio.create_task(self._send(sendable))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        self._drop(batch)
        await self._tell(batch.lanes.values())

    def _drop(self, batch: LoadedBatch) -> None:
        for finish in batch.finishes:
            self._metrics.dropped.labels("moved" if finish.retry else "ended").inc()
        self._end(batch.finishes)

    async def _tell(self, lanes: Iterable[Lane]) -> None:
        """The queue gave out what these lanes keep: it has not heard, or has forgotten, that they are closed."""
        told = list(lanes)
        with suppress(QueueError):  # their claims were given back, and will be again
            if told:
                await self._stages.queue.configure(told)

    async def _send(self, sendable: Sendable) -> None:
        try:
            outcome = await self._stages.attempter.attempt(sendable)
        except Exception as error:  # noqa: BLE001 - a fault of ours; its lease ends and it is tried again
            _log.error("attempt.failed", delivery_id=str(sendable.delivery.delivery_id), error=type(error).__name__)
            self._count(-1)
            return
        if outcome is None:
            self._end([release(sendable.claim, 0)])
        else:
            self._stages.recorder.add(outcome)

    def _end(self, finishes: Sequence[Finish], lost: int = 0) -> None:
        """Finish claims; those that are lost come back when their leases end."""
        self._finisher.add(finishes)
        self._count(-len(finishes) - lost)

    def _count(self, change: int) -> None:
        self._in_flight += change
        self._metrics.in_flight.set(self._in_flight)
        if change < 0:
            self._freed.set()

    async def _let_end(self) -> None:
        while self._in_flight > 0:
            self._freed.clear()
            await self._freed.wait()

    async def _give_up(self) -> None:
        """Nothing is left to send, or this dispatcher is cancelled."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    async def _until_ended(self, work: Callable[[], Awaitable[None]], seconds: float) -> None:
        while not self._ended.is_set():
            with suppress(QueueError):  # the claim loop meets the same and says so
                await work()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), seconds)

    async def _tick(self) -> None:
        while await self._stages.queue.tick():
            pass

    async def _renew(self) -> None:
        """Results that wait for the database keep their leases."""
        for claims in self._stages.recorder.waiting():
            await self._stages.queue.renew(claims)

    async def _pause(self, failures: int) -> None:
        seconds = min(_BACKOFF_SECONDS_MIN * 2 ** min(failures, 10), self._policy.backoff_seconds_max)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
