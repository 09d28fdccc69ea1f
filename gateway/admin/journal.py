"""Every admin change and its audit row, in one transaction."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

from kernel import sql
from kernel.audit import AuditEntry, Connection, record
from kernel.clock import Clock
from kernel.ids import new_id

_QUERIES = sql.beside(__file__, "admin.sql")
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Row: TypeAlias = asyncpg.Record
Work: TypeAlias = Callable[[Connection], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something, and in which request."""

    name: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One statement that changes one row, and what the audit log says of it. `detail` holds codes, nobody's words."""

    query: str
    arguments: Sequence[Any]
    action: str
    target: str
    partner_id: UUID | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


class Journal:
    """Runs admin statements."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    def now(self) -> datetime:
        """The corrected time."""
        return self._clock.now()

    def new_id(self) -> UUID:
        """An id for a new row."""
        return new_id(self._clock.now())

    async def change(self, actor: Actor, change: Change, also: Work | None = None) -> Row | None:
        """The changed row, recorded; None, and nothing recorded, where the statement matched no row.

        `also` is done in the same transaction before the record; what it raises undoes the change.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(_QUERIES[change.query], *change.arguments)
            if row is not None:
                if also is not None:
                    await also(connection)
                await record(connection, self._entry(actor, change))
        return row

    @staticmethod
    async def ask(connection: Connection, query: str, *arguments: Any) -> Any:
        """The first value of a reading query, in the transaction of a change."""
        return await connection.fetchval(_QUERIES[query], *arguments)

    async def fetch(self, query: str, *arguments: Any) -> Sequence[Row]:
        """Rows of a reading query."""
        return await self._pool.fetch(_QUERIES[query], *arguments)

    async def execute(self, query: str, *arguments: Any) -> None:
        """A statement that is no admin's change, so nothing is recorded."""
        await self._pool.execute(_QUERIES[query], *arguments)

    def _entry(self, actor: Actor, change: Change) -> AuditEntry:
        return AuditEntry(
            id=self.new_id(),
            partner_id=change.partner_id,
            actor=actor.name,
            action=change.action,
            target=change.target,
            request_id=actor.request_id,
            detail=dict(change.detail),
        )
