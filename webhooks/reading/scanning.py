"""Searching a large table in small steps: a page looks at so many rows at most, and its cursor says how far it came.

Candidates come in order from one index; whether they pass the other filters is asked of a chunk at a time. A page may
therefore be short, or even empty, and still have a next one; it is never slow, and it never skips a row.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar
from uuid import UUID

import asyncpg

from kernel.errors import FieldError, Invalid
from kernel.ids import first_id_at
from kernel.sql import beside
from webhooks.events.model import Connection

_SQL = beside(__file__, "scanning.sql")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_ID = UUID(int=(1 << 128) - 1)
# A day as the difference of two ids.
_DAY = 86_400_000 << 80

CHUNK_ROWS = 1_000
SCAN_ROWS_MAX = 5_000

Key = TypeVar("Key")
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Ids from `low` up to but not including `high`: what lies between two times."""

    low: UUID
    high: UUID

    @classmethod
    def of(cls, since: datetime | None, until: datetime | None) -> "Span":
        """From `since` (included) to `until` (not included). Raises Invalid where nothing can lie between."""
        if since is not None and until is not None and since >= until:
            message = "Expected a time after since."
            raise Invalid([FieldError(pointer="/until", code="too_small", message=message)])
        return cls(
            low=first_id_at(_EPOCH if since is None else max(since, _EPOCH)),
            high=LAST_ID if until is None else first_id_at(max(until, _EPOCH)),
        )

    @classmethod
    def around(cls, ids: Sequence[UUID]) -> "Span":
        """Where these deliveries and their events lie: a delivery's id carries its event's time, nearly."""
        low, high = min(ids).int - _DAY, max(ids).int + _DAY
        return cls(low=UUID(int=max(low, 0)), high=UUID(int=min(high, LAST_ID.int)))

    def below(self, identifier: UUID) -> "Span":
        """The part of it that lies below an id."""
        return Span(low=self.low, high=min(self.high, identifier))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned(Generic[Key, Row]):
    """What was found, in order; `last` is the key to go on after, None where nothing is left."""

    rows: tuple[Row, ...]
    last: Key | None


async def scan(
    candidates: Callable[[Key | None, int], Awaitable[Sequence[Key]]],
    passing: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Row]]],
    start: Key | None,
    limit: int,
) -> Scanned[Key, Row]:
    """Up to `limit` rows after `start`.

    `candidates` gives that many keys after one, in order; `passing` the rows of those keys that pass.
    """
    found: list[tuple[Key, Row]] = []
    examined, at, size = 0, start, limit + 1
    while examined < SCAN_ROWS_MAX:
        keys = await candidates(at, size)
        rows = await passing(keys) if keys else {}
        found += [(key, rows[key]) for key in keys if key in rows]
        if len(found) > limit:
            return Scanned(rows=tuple(row for _, row in found[:limit]), last=found[limit - 1][0])
        if len(keys) < size:
            return Scanned(rows=tuple(row for _, row in found), last=None)
        examined, at, size = examined + len(keys), keys[-1], CHUNK_ROWS
    return Scanned(rows=tuple(row for _, row in found), last=at)


@asynccontextmanager
async def looking(pool: "asyncpg.Pool[asyncpg.Record]") -> AsyncIterator[Connection]:
    """A transaction that reads one state of the database, and by index only."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(_SQL["plan_by_index"])
        yield connection
