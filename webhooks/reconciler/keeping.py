"""Held lanes are probed, and lanes that are well again are let go, within a second of when it is time."""

import asyncpg

from webhooks.queue.port import Origin, Placed
from webhooks.reconciler.lanes import LaneBook, LaneNow, columns, lane_now
from webhooks.reconciler.model import LaneKey
from webhooks.reconciler.pages import job_of, lane_of
from webhooks.reconciler.tools import Tools

_PROBES_MAX = 500
_LANES_MAX = 50
_ROWS_MAX = 500
# A held lane that has nothing to send is looked at again so soon.
_EMPTY_SECONDS = 5


class Keeper:
    """What `webhook_endpoints` says is to be done about lanes. Its rows decide; nothing is remembered here."""

    def __init__(self, tools: Tools, book: LaneBook) -> None:
        self._tools = tools
        self._book = book

    async def probe(self) -> None:
        """Enqueue one delivery of each held lane whose probe is due.

        The next probe is moved first, so that none is made twice; what the queue does not take is due again. Raises
        QueueError.
        """
        seconds = self._tools.policy.probe_seconds
        rows = await self._tools.fetch("take_probes", _PROBES_MAX, seconds, _EMPTY_SECONDS)
        if not rows:
            return
        missed = rows
        try:
            placed = await self._tools.queue.enqueue([job_of(row, Origin.PROBE) for row in rows])
            missed = [row for row, what in zip(rows, placed, strict=True) if what is Placed.AWAY]
        finally:
            self._tools.metrics.probes.inc(len(rows) - len(missed))
            if missed:
                await self._tools.execute("return_probes", *columns(lane_of(row) for row in missed))

    async def release(self) -> list[LaneKey]:
        """Make a portion due of what waits for each lane that is well again; returns these lanes. Raises QueueError.

        A release does not end before the queue was told that the lane is open.
        """
        lanes = [lane_now(row) for row in await self._tools.fetch("releasing_lanes", _LANES_MAX)]
        were_told = await self._book.tell(lanes, surely=True)
        for lane in lanes:
            await self._release(lane, may_end=were_told)
        return [lane.key for lane in lanes]

    async def _release(self, lane: LaneNow, *, may_end: bool) -> None:
        """In the order of the ids, which is that of the events. What is not enqueued is due, and found as such."""
        rows = sorted(await self._portion(lane.key), key=lambda row: row["id"])
        if may_end and len(rows) < _ROWS_MAX:
            await self._tools.execute("end_release", *lane.key)
        if rows:
            jobs = [job_of(row, Origin.OFFERED, delay_ms=row["delay_ms"]) for row in rows]
            await self._tools.queue.enqueue(jobs)
            self._tools.metrics.released.inc(len(rows))

    async def _portion(self, key: LaneKey) -> list[asyncpg.Record]:
        queries = self._tools.queries
        async with self._tools.transaction() as connection:
            ids = [row["id"] for row in await connection.fetch(queries["release_page"], *key, _ROWS_MAX)]
            if not ids:
                return []
            return await connection.fetch(queries["release_deliveries"], key[0], ids, min(ids), max(ids))
