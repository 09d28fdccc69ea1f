"""The feed: all events of a tenant, each exactly once, in the order of (transaction, id).

A page ends below the oldest transaction that is still running (`pg_snapshot_xmin`), so no event can ever commit behind
a cursor, however long its transaction took and whatever its process's clock said.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from kernel.ids import NIL, Tenant
from kernel.sealing import KeyDestroyed, SealError, Vault
from kernel.sql import beside
from webhooks.events.model import body_context
from webhooks.reading.cursor import Position

_SQL = beside(__file__, "feed.sql")
_START = Position(id=NIL)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEvent:
    """An event as it was told; `data` is None where the merchant's key was destroyed."""

    id: UUID
    type: str
    merchant_id: UUID | None
    occurred_at: datetime
    matched: int
    data: dict[str, Any] | None


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
            str(after.xid),
            after.id,
            query.limit + 1,
            _like(query.types),
            query.merchant_id,
        )
        return await self._page(tenant, query, rows)

    async def _page(self, tenant: Tenant, query: FeedQuery, rows: Sequence[asyncpg.Record]) -> FeedPage:
        shown = rows[: query.limit]
        bodies = await self._vault.open_each(
            [(tenant.partner_id, row["sealed_body"], body_context(row["id"])) for row in shown]
        )
        last = Position(id=shown[-1]["id"], xid=int(shown[-1]["xid_text"])).to_text() if shown else query.cursor
        return FeedPage(
            events=tuple(_event(row, body) for row, body in zip(shown, bodies, strict=True)),
            next_cursor=last,
            has_more=len(rows) > query.limit,
        )


def _event(row: asyncpg.Record, body: bytes | SealError) -> FeedEvent:
    if isinstance(body, SealError) and not isinstance(body, KeyDestroyed):
        raise body
    return FeedEvent(
        id=row["id"],
        type=row["type"],
        merchant_id=row["merchant_id"],
        occurred_at=row["occurred_at"],
        matched=row["matched"],
        data=None if isinstance(body, SealError) else orjson.loads(body)["data"],
    )


def _like(patterns: Sequence[str]) -> list[str] | None:
    """The patterns as LIKE has them. `_` stands in types as itself, so it is escaped."""
    if not patterns or "*" in patterns:
        return None
    return [
        pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace(".*", ".%")
        for pattern in patterns
    ]
