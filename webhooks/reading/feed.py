"""The feed: all events of a tenant, each exactly once, in the order of (transaction, id).

A page ends below the oldest transaction that is still running (`pg_snapshot_xmin`), so no event can ever commit behind
a cursor, however long its transaction took and whatever its process's clock said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from kernel.errors import NotFound
from kernel.ids import NIL, Tenant
from kernel.sealing import KeyDestroyed, SealError, Vault
from kernel.sql import beside
from webhooks.events.model import body_context, is_test_body
from webhooks.reading.cursor import Position
from webhooks.reading.scanning import Span, looking
from webhooks.states import DeliveryState

_SQL = beside(__file__, "feed.sql")
_START = Position(id=NIL)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEvent:
    """An event as it was told; `data` and `is_test` are None where it was erased, alone or with its merchant's key."""

    id: UUID
    type: str
    merchant_id: UUID | None
    occurred_at: datetime
    matched: int
    data: dict[str, Any] | None
    is_test: bool | None
    type_version: int | None
    erased_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStory:
    """One event, and how many of its deliveries are in each state."""

    event: FeedEvent
    deliveries: Mapping[DeliveryState, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """Events and where to go on. The cursor of an empty page is the one that was asked with: ask again later."""

    events: tuple[FeedEvent, ...]
    next_cursor: str | None
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedQuery:
    """Which events: `types` are patterns as endpoints have them (none: all); `merchant_id` None is all merchants."""

    cursor: str | None = None
    limit: int = 100
    types: tuple[str, ...] = ()
    merchant_id: UUID | None = None


class Feed:
    """Reads the feed."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def page(self, tenant: Tenant, query: FeedQuery) -> FeedPage:
        """The next events after the cursor. Raises Invalid for a cursor that is not ours."""
        after = Position.from_text(query.cursor) if query.cursor is not None else _START
        rows = await self._pool.fetch(
            _SQL["feed_page"],
            tenant.partner_id,
            tenant.environment,
            str(after.number),
            after.id,
            query.limit + 1,
            like_patterns(query.types),
            query.merchant_id,
        )
        return await self._page(tenant, query, rows)

    async def event(self, tenant: Tenant, event_id: UUID) -> EventStory:
        """One event and what became of it. Raises NotFound."""
        earliest = Span.around([event_id]).low
        async with looking(self._pool) as connection:
            row = await connection.fetchrow(_SQL["get_event"], tenant.partner_id, tenant.environment, event_id)
            if row is None:
                raise NotFound
            counts = await connection.fetch(_SQL["count_deliveries"], tenant.partner_id, event_id, earliest)
        return EventStory(
            event=(await self._open(tenant, [row]))[0],
            deliveries={DeliveryState(count["state"]): count["deliveries"] for count in counts},
        )

    async def _page(self, tenant: Tenant, query: FeedQuery, rows: Sequence[asyncpg.Record]) -> FeedPage:
        shown = rows[: query.limit]
        last = Position(id=shown[-1]["id"], number=int(shown[-1]["xid_text"])).to_text() if shown else query.cursor
        return FeedPage(
            events=tuple(await self._open(tenant, shown)), next_cursor=last, has_more=len(rows) > query.limit
        )

    async def _open(self, tenant: Tenant, rows: Sequence[asyncpg.Record]) -> list[FeedEvent]:
        """An erased body is no longer what was sealed, so it is not opened."""
        kept = [row for row in rows if row["erased_at"] is None]
        bodies = await self._vault.open_each(
            [(tenant.partner_id, row["sealed_body"], body_context(row["id"])) for row in kept]
        )
        opened = {row["id"]: body for row, body in zip(kept, bodies, strict=True)}
        return [_event(row, opened.get(row["id"])) for row in rows]


def _event(row: asyncpg.Record, body: bytes | SealError | None) -> FeedEvent:
    if isinstance(body, SealError) and not isinstance(body, KeyDestroyed):
        raise body
    return FeedEvent(
        id=row["id"],
        type=row["type"],
        merchant_id=row["merchant_id"],
        occurred_at=row["occurred_at"],
        matched=row["matched"],
        data=orjson.loads(body)["data"] if isinstance(body, bytes) else None,
        is_test=is_test_body(body) if isinstance(body, bytes) else None,
        type_version=row["type_version"],
        erased_at=row["erased_at"],
    )


def like_patterns(patterns: Sequence[str]) -> list[str] | None:
    """The patterns as LIKE has them. `_` stands in types as itself, so it is escaped."""
    if not patterns or "*" in patterns:
        return None
    return [
        pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace(".*", ".%")
        for pattern in patterns
    ]
