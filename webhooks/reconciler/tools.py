"""What every part of the reconciler works with."""

from dataclasses import dataclass, field

import asyncpg

from kernel.clock import Clock
from kernel.sql import Queries, beside
from webhooks.queue.port import RebuildableQueue
from webhooks.reconciler.model import Pool, ReconcilerMetrics, ReconcilerPolicy

_SQL = beside(__file__, "reconciler.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The stores, the clock, and the numbers. The pool has room for two connections."""

    pool: Pool
    queue: RebuildableQueue
    clock: Clock
    policy: ReconcilerPolicy
    metrics: ReconcilerMetrics
    queries: Queries = field(default_factory=lambda: _SQL)

    async def fetch(self, name: str, *arguments: object) -> list[asyncpg.Record]:
        """Rows of a named query, found by index, in a transaction of its own."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(self.queries["plan_by_index"])
            return await connection.fetch(self.queries[name], *arguments)

    async def execute(self, name: str, *arguments: object) -> int:
        """How many rows a named statement changed."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(self.queries["plan_by_index"])
            return int((await connection.execute(self.queries[name], *arguments)).split()[-1])
