"""Events that did not arrive: each with its endpoint and the reason, whatever kind of reason it is.

Four lists make one: deliveries that ended without success, those that have not ended and failed before or are older
than a minute, events that nobody heard, and for a disabled endpoint those that it would have heard since. All are in
the order of ids, and a delivery keeps its id when it moves from one list to another, so no page repeats or skips one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

import asyncpg

from kernel.clock import Clock
from kernel.ids import Tenant, first_id_at, time_of
from kernel.sql import beside
from webhooks.events.model import Connection
from webhooks.reading.cursor import Position
from webhooks.reading.deliveries import Delivery, DeliveryQuery, show
from webhooks.reading.feed import like_patterns
from webhooks.reading.scanning import Span, looking, scan
from webhooks.reading.undelivered.reasons import ENDED, MISSED, ON_ITS_WAY, OPEN, UNMATCHED, reason_of

_SQL = beside(__file__, "undelivered.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """One event and the endpoint that does not have it; without a delivery, nobody was to have it.

    `reason` is a wait reason, the reason for which it ended, `unmatched`, or `endpoint_disabled`.
    """

    event_id: UUID
    event_type: str
    merchant_id: UUID | None
    endpoint_id: UUID | None
    reason: str
    since: datetime
    delivery: Delivery | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UndeliveredQuery:
    """Which of them, newest event first; what is None or empty does not narrow. The times are the events'."""

    endpoint_id: UUID | None = None
    reasons: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    cursor: str | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class UndeliveredPage:
    """A page, and the cursor of the next one, None after the last; a page may be short and have a next one."""

    rows: tuple[Undelivered, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class _Key:
    """A place in the merged list; `is_event` where there is no delivery."""

    id: UUID
    is_event: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looking:
    """One search under way. `disabled` is the row of an endpoint that misses events at present."""

    connection: Connection
    tenant: Tenant
    query: UndeliveredQuery
    span: Span
    young: UUID
    disabled: asyncpg.Record | None

    def wants(self, reasons: frozenset[str]) -> bool:
        """Whether one of these reasons is asked for."""
        return not self.query.reasons or bool(self.query.reasons & reasons)


class UndeliveredView:
    """Reads them."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def list(self, tenant: Tenant, query: UndeliveredQuery) -> UndeliveredPage:
        """A page. Raises Invalid for a cursor that is not this list's, or times that do not fit."""
        start = None if query.cursor is None else _Key(Position.from_text(query.cursor).id)
        span = Span.of(query.since, query.until)
        async with looking(self._pool) as connection:
            search = _Looking(
                connection=connection,
                tenant=tenant,
                query=query,
                span=span,
                young=first_id_at(self._clock.now() - ON_ITS_WAY),
                disabled=await _disabled(connection, tenant, query.endpoint_id),
            )
            scanned = await scan(partial(_keys, search), partial(_passing, search), start, query.limit)
        next_cursor = None if scanned.last is None else Position(id=scanned.last.id).to_text()
        return UndeliveredPage(rows=scanned.rows, next_cursor=next_cursor)


async def _disabled(connection: Connection, tenant: Tenant, endpoint_id: UUID | None) -> asyncpg.Record | None:
    if endpoint_id is None:
        return None
    return await connection.fetchrow(_SQL["find_disabled"], tenant.partner_id, endpoint_id, tenant.environment)


async def _keys(search: _Looking, after: _Key | None, size: int) -> Sequence[_Key]:
    part = search.span if after is None else search.span.below(after.id)
    is_missing = search.disabled is not None and search.wants(frozenset({MISSED}))
    rows = await search.connection.fetch(
        _SQL["keys_of_undelivered"],
        search.tenant.partner_id,
        search.tenant.environment,
        part.high,
        part.low,
        size,
        search.wants(ENDED),
        search.wants(OPEN),
        search.query.endpoint_id is None and search.wants(frozenset({UNMATCHED})),
        first_id_at(search.disabled["disabled_at"]) if search.disabled is not None and is_missing else None,
    )
    return [_Key(row["id"], row["is_event"]) for row in rows]


async def _passing(search: _Looking, keys: Sequence[_Key]) -> Mapping[_Key, Undelivered]:
    query = DeliveryQuery(endpoint_id=search.query.endpoint_id)
    shown = await show(search.connection, search.tenant, [key.id for key in keys if not key.is_event], query)
    found = {_Key(one.id): of_delivery(one) for one in shown.values() if not _is_young(search, one)}
    events = [key.id for key in keys if key.is_event]
    if events:
        found |= {_Key(row["id"], is_event=True): _of_event(search, row) for row in await _events(search, events)}
    return {key: one for key, one in found.items() if search.wants(frozenset({one.reason}))}


async def _events(search: _Looking, events: Sequence[UUID]) -> Sequence[asyncpg.Record]:
    span, disabled, partner_id = Span.around(events), search.disabled, search.tenant.partner_id
    if disabled is None:
        return await search.connection.fetch(_SQL["show_unmatched"], partner_id, events, span.low, span.high)
    return await search.connection.fetch(
        _SQL["show_missed"],
        partner_id,
        events,
        span.low,
        span.high,
        search.query.endpoint_id,
        like_patterns(disabled["event_types"]),
        disabled["merchant_id"],
        disabled["merchant_ids"],
    )


def _is_young(search: _Looking, delivery: Delivery) -> bool:
    return delivery.waiting_for is not None and delivery.last_attempt_at is None and delivery.id >= search.young


def of_delivery(delivery: Delivery) -> Undelivered:
    """A delivery that did not arrive, as this view shows it."""
    return Undelivered(
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        merchant_id=delivery.merchant_id,
        endpoint_id=delivery.endpoint_id,
        reason=reason_of(delivery.state, delivery.state_reason, delivery.waiting_for),
        since=delivery.ended_at or delivery.round_at or time_of(delivery.event_id),
        delivery=delivery,
    )


def _of_event(search: _Looking, row: asyncpg.Record) -> Undelivered:
    return Undelivered(
        event_id=row["id"],
        event_type=row["type"],
        merchant_id=row["merchant_id"],
        endpoint_id=search.query.endpoint_id,
        reason=UNMATCHED if search.disabled is None else MISSED,
        since=time_of(row["id"]),
    )
