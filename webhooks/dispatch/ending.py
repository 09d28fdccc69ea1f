"""The end of a claim: its result waits until it is committed, and only then is the queue told."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Protocol

import structlog

from kernel.clock import Clock
from kernel.errors import Unavailable
from webhooks.dispatch.metrics import DispatchMetrics
from webhooks.dispatch.outcome import Outcome
from webhooks.dispatch.recording import Recorded
from webhooks.queue.port import JOBS_PER_CALL_MAX, Claim, EpochLost, Finish, Queue, QueueUnavailable

_log = structlog.get_logger()

_RETRY_SECONDS = 0.5
_PAUSE_SECONDS_MIN = 0.1


class Results(Protocol):
    """Group commit of outcomes (`kernel.batcher.Batcher`)."""

    async def add(self, row: Outcome) -> Recorded:
        """Resolves after the commit; raises Unavailable while the database is away."""
        ...


class Recorder:
    """Records outcomes and knows which of them wait for it too long."""

    def __init__(self, results: Results, clock: Clock, patience_seconds: float) -> None:
        self._results = results
        self._clock = clock
        self._patience_seconds = patience_seconds
        self._waiting: dict[int, tuple[float, Claim]] = {}

    @property
    def is_stuck(self) -> bool:
        """Whether the oldest result has waited so long that nothing more should be claimed."""
        oldest = next(iter(self._waiting.values()), None)
        return oldest is not None and self._clock.monotonic() - oldest[0] > self._patience_seconds

    def waiting(self) -> Iterator[list[Claim]]:
        """The claims whose results wait, in portions for one call."""
        claims = [claim for _, claim in self._waiting.values()]
        for start in range(0, len(claims), JOBS_PER_CALL_MAX):
            yield claims[start : start + JOBS_PER_CALL_MAX]

    async def record(self, outcome: Outcome, stopping: asyncio.Event) -> Recorded | None:
        """Commit an outcome, trying until the database is back; None if it cannot be, and its lease shall end."""
        place = id(outcome)
        self._waiting[place] = (self._clock.monotonic(), outcome.claim)
        try:
            return await self._add_until_committed(outcome, stopping)
        except Exception as error:  # noqa: BLE001 - this row's own fault; the others are committed
            _log.error(
                "delivery.not_recorded", delivery_id=str(outcome.claim.job.delivery_id), error=type(error).__name__
            )
            return None
        finally:
            del self._waiting[place]

    async def _add_until_committed(self, outcome: Outcome, stopping: asyncio.Event) -> Recorded | None:
        while True:
            try:
                return await self._results.add(outcome)
            except Unavailable:
                if stopping.is_set():
                    return None
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), _RETRY_SECONDS)


class Finisher:
    """Finishes claims in the background. One call at a time; what comes meanwhile goes together with the next.

    A finish that is lost costs a second look at its row, never a delivery.
    """

    def __init__(self, queue: Queue, metrics: DispatchMetrics, backoff_seconds_max: float) -> None:
        self._queue = queue
        self._metrics = metrics
        self._backoff_seconds_max = backoff_seconds_max
        self._waiting: deque[Finish] = deque()
        self._has_work = asyncio.Event()
        self._is_closing = False

    def add(self, finish: Finish) -> None:
        """Finish it soon."""
        self._waiting.append(finish)
        self._has_work.set()

    def close(self) -> None:
        """Finish what is waiting, once; what the queue does not take now, its leases end."""
        self._is_closing = True
        self._has_work.set()

    async def run(self) -> None:
        """Work until closed. The first pauses are short: lanes whose claims are not finished stay full."""
        failures = 0
        while True:
            await self._has_work.wait()
            if self._waiting and not await self._flush():
                if self._is_closing:
                    return
                await asyncio.sleep(min(_PAUSE_SECONDS_MIN * 2 ** min(failures, 10), self._backoff_seconds_max))
                failures += 1
            else:
                failures = 0
            if self._is_closing and not self._waiting:
                return

    async def _flush(self) -> bool:
        """One call; False if the queue is away and the finishes are kept for later."""
        part = [self._waiting.popleft() for _ in range(min(len(self._waiting), JOBS_PER_CALL_MAX))]
        if not self._waiting and not self._is_closing:
            self._has_work.clear()
        try:
            held = await self._queue.finish(part)
        except EpochLost:
            held = 0  # the queue has forgotten the leases too
        except QueueUnavailable as error:
            _log.warning("finish.postponed", claims=len(part), error=str(error))
            self._waiting.extendleft(reversed(part))
            self._has_work.set()
            return False
        if held < len(part):
            self._metrics.finishes_lost.inc(len(part) - held)
        return True
