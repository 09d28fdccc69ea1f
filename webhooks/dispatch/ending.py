"""The end of a claim: its result waits until it is committed, and only then is the queue told."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol
from uuid import UUID

import structlog

from kernel.clock import Clock
from kernel.errors import Unavailable
from webhooks.dispatch.metrics import DispatchMetrics
from webhooks.dispatch.outcome import Outcome
from webhooks.dispatch.recording import Recorded
from webhooks.queue.port import JOBS_PER_CALL_MAX, Claim, EpochLost, Finish, Queue, QueueUnavailable

_log = structlog.get_logger()

_RETRY_SECONDS = 0.5
# How long the first result waits for company, and how long where there was much of it the last time.
_GATHER_SECONDS = (0.005, 0.020)
_ROWS_UNDER_LOAD = 20
_BATCHES_AT_ONCE = 2
# So many leave at once: lanes whose claims are not finished stay full.
_ROWS_ENOUGH = 100
_PAUSE_SECONDS_MIN = 0.1


# Is told of a batch's finishes, and of how many claims end without one.
End = Callable[[Sequence[Finish], int], None]


class Results(Protocol):
    """Commits batches of outcomes (`kernel.batcher.BatchWriter`)."""

    async def write(self, rows: Sequence[Outcome]) -> list[Recorded | Exception]:
        """One each, after the commit; Unavailable while the database is away. Of each delivery one outcome a call."""
        ...


class Recorder:
    """Commits outcomes in large batches and ends their claims; knows which of them wait for it too long.

    Two batches at a time, of different deliveries: while one commits, the next is written. What comes meanwhile goes
    together with the one after, so that batches grow with the load.
    """

    def __init__(self, results: Results, clock: Clock, patience_seconds: float) -> None:
        self._results = results
        self._clock = clock
        self._patience_seconds = patience_seconds
        self._waiting: dict[int, tuple[float, Outcome]] = {}
        # The deliveries of those in a batch that is being written; they wait until it is committed.
        self._writing: set[UUID] = set()
        self._gathering = asyncio.Lock()
        self._has_work = asyncio.Event()
        self._has_enough = asyncio.Event()
        self._is_stopping = False
        self._is_closing = False

    @property
    def is_stuck(self) -> bool:
        """Whether the oldest result has waited so long that nothing more should be claimed."""
        oldest = next(iter(self._waiting.values()), None)
        return oldest is not None and self._clock.monotonic() - oldest[0] > self._patience_seconds

    def waiting(self) -> Iterator[list[Claim]]:
        """The claims whose results wait, in portions for one call."""
        claims = [outcome.claim for _, outcome in self._waiting.values()]
        for start in range(0, len(claims), JOBS_PER_CALL_MAX):
            yield claims[start : start + JOBS_PER_CALL_MAX]

    def add(self, outcome: Outcome) -> None:
        """Record it soon."""
        self._waiting[id(outcome)] = (self._clock.monotonic(), outcome)
        self._has_work.set()
        if self._free >= _ROWS_ENOUGH:
            self._has_enough.set()

    @property
    def _free(self) -> int:
        """How many results are in no batch yet."""
        return len(self._waiting) - len(self._writing)

    def stop(self) -> None:
        """From now on a result that cannot be committed at once is given up: its lease ends."""
        self._is_stopping = True

    def close(self) -> None:
        """Nothing more will come; `run` returns when nothing waits."""
        self._is_closing = True
        self._has_work.set()

    async def run(self, end: End) -> None:
        """Work until closed."""
        async with asyncio.TaskGroup() as group:
            for _ in range(_BATCHES_AT_ONCE):
                group.create_task(self._work(end))

    async def _work(self, end: End) -> None:
        rows_last = 0
        while True:
            await self._has_work.wait()
            async with self._gathering:
                if self._free:
                    await self._gather(_GATHER_SECONDS[rows_last >= _ROWS_UNDER_LOAD])
                rows = self._batch()
            if rows:
                rows_last = await self._record(rows, end)
            elif self._is_closing:
                return
            elif not self._free:
                self._has_work.clear()

    async def _gather(self, seconds: float) -> None:
        self._has_enough.clear()
        if self._free < _ROWS_ENOUGH:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._has_enough.wait(), seconds)

    def _batch(self) -> list[Outcome]:
        """The oldest results that are in no batch; of each delivery one, as a lease that ended early may bring two."""
        oldest: dict[UUID, Outcome] = {}
        for _, outcome in self._waiting.values():
            delivery_id = outcome.claim.job.delivery_id
            if delivery_id not in self._writing:
                oldest.setdefault(delivery_id, outcome)
            if len(oldest) == JOBS_PER_CALL_MAX:
                break
        self._writing |= oldest.keys()
        return list(oldest.values())

    async def _record(self, rows: Sequence[Outcome], end: End) -> int:
        """One batch; how many rows it had."""
        finishes, lost, is_away = list[Finish](), 0, False
        try:
            outcomes = await self._results.write(rows)
        finally:
            self._writing -= {row.claim.job.delivery_id for row in rows}
        for row, recorded in zip(rows, outcomes, strict=True):
            if isinstance(recorded, Unavailable) and not self._is_stopping:
                is_away = True
                continue
            del self._waiting[id(row)]
            if isinstance(recorded, Exception):
                lost += 1
                _note_loss(row, recorded)
            else:
                finishes.append(row.finish(recorded.retry))
        end(finishes, lost)
        if is_away:
            await asyncio.sleep(_RETRY_SECONDS)
        if self._waiting:
            self._has_work.set()
        return len(rows)


def _note_loss(row: Outcome, error: Exception) -> None:
    """This row's own fault, or nobody will record it any more; the others are committed."""
    _log.error("delivery.not_recorded", delivery_id=str(row.claim.job.delivery_id), error=type(error).__name__)


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

    def add(self, finishes: Sequence[Finish]) -> None:
        """Finish them soon."""
        self._waiting.extend(finishes)
        if self._waiting:
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
