"""Due deliveries are read page by page, lane beside lane, and offered to the queue."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import asyncpg

from kernel.ids import NIL
from webhooks.queue.port import JOBS_PER_CALL_MAX, Job, Origin, Placed, Priority
from webhooks.reconciler.lanes import chunks, columns
from webhooks.reconciler.model import After, LaneKey
from webhooks.reconciler.tools import Tools

START: After = (datetime(1970, 1, 1, tzinfo=UTC), NIL)
# A first page is short: it finds out whether a lane has room at all, and every lane's first rows come early.
_FIRST_ROWS = 50


@dataclass(slots=True)
class Place:
    """How far a lane was read; everything up to `after` is in the queue, or was."""

    after: After = START
    rows: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a page brought: each row with what became of it, and the lanes that are done with, or full.

    A lane is done with at its end, or where its shard is away. The place of a full one stands before the first row that
    the queue did not take.
    """

    placed: list[tuple[asyncpg.Record, Placed]] = field(default_factory=list)
    ended: set[LaneKey] = field(default_factory=set)
    full: set[LaneKey] = field(default_factory=set)


class Pages:
    """Reads on from places and moves them."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def turn(self, places: Mapping[LaneKey, Place], *, grace_seconds: float) -> Page:
        """The next page of these lanes. Raises QueueError; what was enqueued by then stays."""
        policy = self._tools.policy
        is_first = any(place.rows == 0 for place in places.values())
        rows_max = min(_FIRST_ROWS, policy.rows_per_lane) if is_first else policy.rows_per_lane
        rows = await self._due(places, rows_max, grace_seconds)
        page = Page(placed=[pair async for pair in self._offered(rows)])
        self._move(page, places)
        counts = Counter(lane_of(row) for row in rows)
        for lane, place in places.items():
            place.rows += counts[lane]
            if counts[lane] < rows_max and lane not in page.full:
                page.ended.add(lane)
        return page

    async def _due(self, places: Mapping[LaneKey, Place], rows_max: int, grace_seconds: float) -> list[asyncpg.Record]:
        return await self._tools.fetch(
            "due_page",
            *columns(places),
            [place.after[0] for place in places.values()],
            [place.after[1] for place in places.values()],
            self._tools.policy.horizon_seconds,
            rows_max,
            grace_seconds,
        )

    async def _offered(self, rows: Sequence[asyncpg.Record]) -> AsyncIterator[tuple[asyncpg.Record, Placed]]:
        for part in chunks(rows, JOBS_PER_CALL_MAX):
            placed = await self._tools.queue.enqueue([found_job(row) for row in part])
            for pair in zip(part, placed, strict=True):
                yield pair

    @staticmethod
    def _move(page: Page, places: Mapping[LaneKey, Place]) -> None:
        for row, placed in page.placed:
            lane = lane_of(row)
            if placed is Placed.WINDOW:
                page.full.add(lane)
            elif placed is Placed.AWAY:
                page.ended.add(lane)
            elif lane not in page.full:
                places[lane].after = (row["next_attempt_at"], row["id"])


def lane_of(row: asyncpg.Record) -> LaneKey:
    """The lane of a delivery."""
    return row["partner_id"], row["endpoint_id"]


def found_job(row: asyncpg.Record) -> Job:
    """What is overdue should have been queued, and its attempt will say so; the rest only comes into sight."""
    return job_of(row, Origin.RECONCILED if row["delay_ms"] <= 0 else Origin.OFFERED, delay_ms=row["delay_ms"])


def job_of(row: asyncpg.Record, origin: Origin, *, delay_ms: int = 0) -> Job:
    """The job of a delivery."""
    return Job(
        partner_id=row["partner_id"],
        endpoint_id=row["endpoint_id"],
        delivery_id=row["id"],
        round=row["round"],
        step=row["step"],
        delay_ms=max(delay_ms, 0),
        origin=origin,
        priority=Priority(row["priority"]),
    )
