"""What every part of the reconciler works with."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import asyncpg

from kernel.clock import Clock
from kernel.sql import Queries, beside
from webhooks.events.model import Connection, NewEvent, Written
from webhooks.queue.port import RebuildableQueue
from webhooks.reconciler.model import Pool, ReconcilerMetrics, ReconcilerPolicy

_SQL = beside(__file__, "reconciler.sql")


class EventsWriter(Protocol):
    """Writes events in the caller's transaction (`webhooks.events.writer.EventWriter`)."""

    async def write(self, connection: Connection, events: Sequence[NewEvent]) -> list[Written]:
        """One result per event, with the jobs to offer after the commit."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The stores, the clock, the numbers, and who tells partners. The pool has room for two connections."""

    pool: Pool
    queue: RebuildableQueue
    clock: Clock
    policy: ReconcilerPolicy
    metrics: ReconcilerMetrics
    events: EventsWriter
    queries: Queries = field(default_factory=lambda: _SQL)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A transaction whose statements find their rows by index."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(self.queries["plan_by_index"])
            yield connection

    async def fetch(self, name: str, *arguments: object) -> list[asyncpg.Record]:
        """Rows of a named query, in a transaction of its own."""
        async with self.transaction() as connection:
            return await connection.fetch(self.queries[name], *arguments)

    async def execute(self, name: str, *arguments: object) -> None:
        """Run a named statement, in a transaction of its own."""
        async with self.transaction() as connection:
            await connection.execute(self.queries[name], *arguments)
