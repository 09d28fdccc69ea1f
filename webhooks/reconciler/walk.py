"""One walk over all lanes: what is due and unknown to the queue is enqueued, a page of every lane in turn."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar
from uuid import UUID

import asyncpg

from kernel.ids import NIL
from kernel.sql import Queries
from webhooks.queue.port import JOBS_PER_CALL_MAX, Job, Origin, Placed, Queue
from webhooks.reconciler.model import NotQueued, ReconcilerPolicy

Lane = tuple[UUID, UUID]
Item = TypeVar("Item")
_START = (datetime(1970, 1, 1, tzinfo=UTC), NIL)


@dataclass(slots=True)
class _Place:
    """How far a lane was walked."""

    after: tuple[datetime, UUID] = _START
    rows: int = 0


@dataclass(slots=True, kw_only=True)
class Walked:
    """What a walk found."""

    lanes: list[Lane] = field(default_factory=list)
    enqueued: int = 0
    not_queued: Counter[NotQueued] = field(default_factory=Counter)
    oldest_due_seconds: float = 0.0


class Walk:
    """Walks once. After a loss (`rebuilding`) nothing is spared: whatever is due is enqueued."""

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        queue: Queue,
        queries: Queries,
        policy: ReconcilerPolicy,
        *,
        rebuilding: bool,
    ) -> None:
        self._pool = pool
        self._queue = queue
        self._queries = queries
        self._policy = policy
        self._rebuilding = rebuilding
        self._walked = Walked()

    async def run(self) -> Walked:
        """Raises QueueError or what the driver raises; what was enqueued by then stays."""
        lanes = await self._fetch("lanes_with_pending")
        self._walked.lanes = [(row["partner_id"], row["endpoint_id"]) for row in lanes]
        places = {lane: _Place() for lane in self._walked.lanes}
        while places:
            for chunk in _chunks(list(places), self._policy.lanes_per_page):
                await self._page(chunk, places)
        return self._walked

    async def _page(self, lanes: Sequence[Lane], places: dict[Lane, _Place]) -> None:
        """The next page of some lanes; a lane that is at its end, or full, leaves."""
        rows = await self._due(lanes, places)
        full = await self._enqueue(rows)
        counts = Counter(_lane(row) for row in rows)
        for row in rows:
            places[_lane(row)].after = (row["next_attempt_at"], row["id"])
        for lane in lanes:
            places[lane].rows += counts[lane]
            is_at_end = counts[lane] < self._policy.rows_per_lane or places[lane].rows >= self._policy.lane_window
            if is_at_end or lane in full:
                del places[lane]

    async def _due(self, lanes: Sequence[Lane], places: dict[Lane, _Place]) -> list[asyncpg.Record]:
        return await self._fetch(
            "due_page",
            [partner_id for partner_id, _ in lanes],
            [endpoint_id for _, endpoint_id in lanes],
            [places[lane].after[0] for lane in lanes],
            [places[lane].after[1] for lane in lanes],
            self._policy.horizon_seconds,
            self._policy.rows_per_lane,
            -1 if self._rebuilding else self._policy.grace_seconds,
        )

    async def _fetch(self, name: str, *arguments: object) -> list[asyncpg.Record]:
        async with self._pool.acquire() as connection, connection.transaction(readonly=True):
            await connection.execute(self._queries["plan_by_index"])
            return await connection.fetch(self._queries[name], *arguments)

    async def _enqueue(self, rows: Sequence[asyncpg.Record]) -> set[Lane]:
        """Offer the rows; returns the lanes that took no more."""
        full: set[Lane] = set()
        for part in _chunks(rows, JOBS_PER_CALL_MAX):
            for row, placed in zip(part, await self._queue.enqueue([_job(row) for row in part]), strict=True):
                self._count(row, placed)
                if placed is Placed.WINDOW:
                    full.add(_lane(row))
        return full

    def _count(self, row: asyncpg.Record, placed: Placed) -> None:
        overdue_seconds = -row["delay_ms"] / 1000
        self._walked.enqueued += placed in {Placed.ADDED, Placed.REPLACED}
        self._walked.oldest_due_seconds = max(self._walked.oldest_due_seconds, overdue_seconds)
        if overdue_seconds < 0:
            return
        if placed is Placed.WINDOW:
            self._walked.not_queued[NotQueued.WINDOW] += 1
        elif placed is Placed.ADDED:
            self._walked.not_queued[NotQueued.REBUILT if self._rebuilding else NotQueued.UNEXPLAINED] += 1


def _lane(row: asyncpg.Record) -> Lane:
    return row["partner_id"], row["endpoint_id"]


def _job(row: asyncpg.Record) -> Job:
    """What is overdue should have been queued, and its attempt will say so; the rest only comes into sight."""
    delay_ms = row["delay_ms"]
    return Job(
        partner_id=row["partner_id"],
        endpoint_id=row["endpoint_id"],
        delivery_id=row["id"],
        round=row["round"],
        step=row["step"],
        delay_ms=max(delay_ms, 0),
        origin=Origin.RECONCILED if delay_ms <= 0 else Origin.OFFERED,
    )


def _chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
