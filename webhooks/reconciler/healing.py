"""What no dispatcher would ever meet again: lines without a head, and deliveries of endpoints that were closed."""

from collections.abc import Sequence

import asyncpg

from kernel.sql import Queries
from webhooks.dispatch.outcome import Reason
from webhooks.dispatch.recording import free_followers
from webhooks.reconciler.walk import Lane

_REASONS = {"disabled": Reason.ENDPOINT_DISABLED, "deleted": Reason.ENDPOINT_DELETED}


class Healing:
    """Works in portions, each a transaction of its own."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", queries: Queries, rows_max: int) -> None:
        self._pool = pool
        self._queries = queries
        self._rows_max = rows_max

    async def free_stranded(self) -> int:
        """Make the first delivery of each stranded line due; the next walk enqueues it. Returns how many."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(self._queries["plan_by_index"])
            rows = await connection.fetch(self._queries["stranded_lines"], self._rows_max)
            lines = [(row["partner_id"], row["endpoint_id"], row["ordering_key"]) for row in rows]
            return len(await free_followers(connection, lines))

    async def end_closed(self, lanes: Sequence[Lane]) -> int:
        """End what the endpoints of these lanes will not receive. Returns how many deliveries."""
        columns = ([partner_id for partner_id, _ in lanes], [endpoint_id for _, endpoint_id in lanes])
        closed = await self._pool.fetch(self._queries["closed_lanes"], *columns)
        return sum([await self._end_lane(row) for row in closed])

    async def _end_lane(self, lane: asyncpg.Record) -> int:
        ended, portion = 0, self._rows_max
        while portion == self._rows_max:
            reason = _REASONS[lane["state"]]
            arguments = (lane["partner_id"], lane["endpoint_id"], reason, self._rows_max)
            portion = int((await self._pool.execute(self._queries["end_lane"], *arguments)).split()[-1])
            ended += portion
        return ended
