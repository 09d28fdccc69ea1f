"""The waiting rows, the writers, and the answers."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Generic

import asyncpg

from kernel.batcher.metrics import BatchMetrics
from kernel.batcher.policy import BatchPolicy, linger_seconds
from kernel.batcher.work import BatchWork, Result, Row
from kernel.batcher.writer import BatchWriter
from kernel.errors import Unavailable


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Row, Result]):
    """A row, since when it waits, and the future of its outcome (an error is a value of it, so none goes unseen)."""

    row: Row
    key: Any
    since: float
    outcome: asyncio.Future[Result | Exception]


class Batcher(Generic[Row, Result]):
    """Group commit of one kind of work; call `start` before the first row and `close` after the last.

    A caller that is cancelled leaves its row where it is: it may be written, and nobody hears of it.
    """

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        work: BatchWork[Row, Result],
        policy: BatchPolicy | None = None,
        metrics: BatchMetrics | None = None,
    ) -> None:
        self._work = work
        self._policy = policy or BatchPolicy()
        self._metrics = metrics
        if metrics:
            metrics.refused.labels(work.name)  # counted from 0
        self._writer = BatchWriter(pool, work, self._policy, metrics)
        # Rows whose keys differ from one another's and from those being written; the others follow behind their key.
        self._ready: deque[_Waiting[Row, Result]] = deque()
        self._followers: dict[Any, deque[_Waiting[Row, Result]]] = {}
        self._keys: set[Any] = set()
        self._waiting = 0
        self._rows_last = 0
        self._is_open = False
        self._writers: list[asyncio.Task[None]] = []
        self._idle_writers: list[asyncio.Future[None]] = []
        self._answering: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start the writers."""
        self._is_open = True
        self._writers = [
            asyncio.create_task(self._write_batches(), name=f"batcher {self._work.name} {number}")
            for number in range(self._policy.writers)
        ]

    async def close(self) -> None:
        """Take no more rows, write those that wait, answer everyone."""
        self._is_open = False
        self._wake()
        await asyncio.gather(*self._writers)
        await asyncio.gather(*self._answering)

    async def add(self, row: Row) -> Result:
        """The row's result, once it is committed.

        Raises the row's own error; Unavailable where the batcher is full or closed, or the database away too long.
        """
        outcome = await self._enter(row)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def add_many(self, rows: Sequence[Row]) -> list[Result | Exception]:
        """The outcome of each row, in order. Rows that find no place are refused, each by itself."""
        outcomes = [self._enter_or_refuse(row) for row in rows]
        return [outcome if isinstance(outcome, Exception) else await outcome for outcome in outcomes]

    def _enter_or_refuse(self, row: Row) -> asyncio.Future[Result | Exception] | Exception:
        try:
            return self._enter(row)
        except Exception as error:  # noqa: BLE001 - each item has its own answer
            return error

    def _enter(self, row: Row) -> asyncio.Future[Result | Exception]:
        if not self._is_open or self._waiting >= self._policy.waiting_max:
            if self._metrics:
                self._metrics.refused.labels(self._work.name).inc()
            raise Unavailable("Too many writes are waiting.", code="overloaded")
        loop = asyncio.get_running_loop()
        entry: _Waiting[Row, Result] = _Waiting(row, self._work.key(row), loop.time(), loop.create_future())
        self._waiting += 1
        if entry.key in self._keys:
            self._followers.setdefault(entry.key, deque()).append(entry)
        else:
            self._keys.add(entry.key)
            self._ready.append(entry)
            if len(self._ready) in (1, self._policy.rows_enough):
                self._wake()
        return entry.outcome

    async def _write_batches(self) -> None:
        while await self._ripe():
            batch = self._take()
            batch.sort(key=attrgetter("key"))
            outcomes = await self._writer.commit([entry.row for entry in batch])
            self._release(batch)
            answering = asyncio.create_task(self._answer(batch, outcomes))
            self._answering.add(answering)
            answering.add_done_callback(self._answering.discard)

    async def _ripe(self) -> bool:
        """Wait until a batch should leave; False once the batcher is closed and nothing is left to write."""
        while self._is_open or self._waiting:
            if not self._ready:
                await self._sleep(None)
            elif (seconds := self._seconds_until_ripe()) > 0:
                await self._sleep(seconds)
            else:
                return True
        return False

    def _seconds_until_ripe(self) -> float:
        if not self._is_open or len(self._ready) >= self._policy.rows_enough:
            return 0
        waited = asyncio.get_running_loop().time() - self._ready[0].since
        return linger_seconds(self._policy, self._rows_last) - waited

    async def _sleep(self, seconds: float | None) -> None:
        """Until `_wake`, or so many seconds."""
        loop = asyncio.get_running_loop()
        awake: asyncio.Future[None] = loop.create_future()
        self._idle_writers.append(awake)
        timer = loop.call_later(seconds, _set, awake) if seconds is not None else None
        await awake
        if timer:
            timer.cancel()

    def _wake(self) -> None:
        for awake in self._idle_writers:
            _set(awake)
        self._idle_writers.clear()

    def _take(self) -> list[_Waiting[Row, Result]]:
        batch = [self._ready.popleft() for _ in range(min(len(self._ready), self._policy.rows_max))]
        self._waiting -= len(batch)
        self._rows_last = len(batch)
        return batch

    def _release(self, batch: list[_Waiting[Row, Result]]) -> None:
        """Let the next row of each key come forward."""
        for entry in batch:
            followers = self._followers.get(entry.key)
            if not followers:
                self._keys.discard(entry.key)
                continue
            self._ready.append(followers.popleft())
            if not followers:
                del self._followers[entry.key]
        self._wake()

    async def _answer(self, batch: list[_Waiting[Row, Result]], outcomes: list[Result | Exception]) -> None:
        try:
            await self._writer.tell(outcomes)
        finally:
            for entry, outcome in zip(batch, outcomes, strict=True):
                if not entry.outcome.done():
                    entry.outcome.set_result(outcome)


def _set(awake: asyncio.Future[None]) -> None:
    if not awake.done():
        awake.set_result(None)
