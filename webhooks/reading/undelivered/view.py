"""Events that did not arrive: each with its endpoint and the reason, whatever kind of reason it is.

Four lists make one: deliveries that ended without success, those that have not ended and are not simply on their way,
events that nobody heard, and those that endpoints missed while they were disabled or unproven. All are in the order of
ids, and a delivery keeps its id when it moves from one list to another, so no page repeats or skips one.
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
from webhooks.catalogue.builtin import TOLD_ONCE
from webhooks.endpoints.patterns import TypeFilter
from webhooks.events.model import Connection
from webhooks.reading.cursor import Position
from webhooks.reading.deliveries import Delivery, DeliveryQuery, show
from webhooks.reading.scanning import LAST_ID, Span, looking, scan
from webhooks.reading.undelivered.reasons import ENDED, MISSED, ON_ITS_WAY, OPEN, UNMATCHED, is_on_its_way, reason_of
from webhooks.reading.undelivered.silences import (
    Missed,
    Silences,
    find_silences,
    keys_within,
    missed,
    number_of,
)

_SQL = beside(__file__, "undelivered.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """One event and the endpoint that does not have it; without a delivery, nobody was to have it.

    `reason` is a wait reason, the reason for which it ended, `unmatched`, `endpoint_disabled` or `endpoint_unproven`.
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
    """Which of them, newest event first; what is None or empty does not narrow. The times are the events'.

    `types` are patterns as endpoints have them. Without any, events of ours about endpoints do not count as unmatched.
    """

    endpoint_id: UUID | None = None
    merchant_id: UUID | None = None
    types: tuple[str, ...] = ()
    reasons: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    cursor: str | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class UndeliveredPage:
    """A page, and the cursor of the next one, None after the last; a page may be short and have a next one.

    Not `is_complete`: what endpoints missed is left out for all but the newest times at which they were silent.
    """

    rows: tuple[Undelivered, ...]
    next_cursor: str | None
    is_complete: bool


@dataclass(frozen=True, slots=True)
class _Key:
    """A place in the merged list; `is_event` where there is no delivery, `number` is then the endpoint's, if any."""

    id: UUID
    number: int = 0
    is_event: bool = False

    @property
    def place(self) -> tuple[int, int]:
        """What the list is in the order of."""
        return -self.id.int, self.number


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looking:
    """One search under way."""

    connection: Connection
    tenant: Tenant
    query: UndeliveredQuery
    span: Span
    young: UUID
    silences: Silences

    def wants(self, reasons: frozenset[str]) -> bool:
        """Whether one of these reasons is asked for."""
        return not self.query.reasons or bool(self.query.reasons & reasons)

    def is_about(self, event_type: str, merchant_id: UUID | None) -> bool:
        """Whether an event passes the query's types and merchant."""
        query = self.query
        is_type = not query.types or TypeFilter.of(query.types).matches(event_type)
        return is_type and query.merchant_id in {None, merchant_id}


class UndeliveredView:
    """Reads them."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def list(self, tenant: Tenant, query: UndeliveredQuery) -> UndeliveredPage:
        """A page. Raises Invalid for a cursor that is not this list's, or times that do not fit."""
        start = None if query.cursor is None else _place(Position.from_text(query.cursor))
        span = Span.of(query.since, query.until)
        async with looking(self._pool) as connection:
            search = _Looking(
                connection=connection,
                tenant=tenant,
                query=query,
                span=span,
                young=first_id_at(self._clock.now() - ON_ITS_WAY),
                silences=await find_silences(connection, tenant, query.endpoint_id, (query.since, query.until)),
            )
            scanned = await scan(partial(_keys, search), partial(_passing, search), start, query.limit)
        last = scanned.last
        return UndeliveredPage(
            rows=scanned.rows,
            next_cursor=None if last is None else Position(id=last.id, number=last.number).to_text(),
            is_complete=search.silences.is_complete,
        )


def _place(position: Position) -> _Key:
    return _Key(position.id, position.number)


async def _keys(search: _Looking, after: _Key | None, size: int) -> Sequence[_Key]:
    """The keys after one. Several may have its id, so those with it are read again."""
    part = search.span if after is None else search.span.below(UUID(int=min(after.id.int + 1, LAST_ID.int)))
    keys = [*await _listed_keys(search, part, size + 1), *await _missed_keys(search, part, size + 1)]
    later = sorted((key for key in keys if after is None or key.place > after.place), key=lambda key: key.place)
    return later[:size]


async def _listed_keys(search: _Looking, part: Span, size: int) -> list[_Key]:
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
    )
    return [_Key(row["id"], is_event=row["is_event"]) for row in rows]


async def _missed_keys(search: _Looking, part: Span, size: int) -> list[_Key]:
    if not search.wants(frozenset(MISSED.values())):
        return []
    events = await keys_within(search.connection, search.tenant, search.silences.within(part), size)
    return [_Key(event, number, is_event=True) for event, number in search.silences.expand(events)]


async def _passing(search: _Looking, keys: Sequence[_Key]) -> Mapping[_Key, Undelivered]:
    asked = search.query
    query = DeliveryQuery(endpoint_id=asked.endpoint_id, merchant_id=asked.merchant_id, types=asked.types)
    shown = await show(search.connection, search.tenant, [key.id for key in keys if not key.is_event], query)
    found = {_Key(one.id): of_delivery(one) for one in shown.values() if not _is_on_its_way(search, one)}
    found |= await _of_events(search, [key for key in keys if key.is_event])
    return {key: one for key, one in found.items() if search.wants(frozenset({one.reason}))}


async def _of_events(search: _Looking, keys: Sequence[_Key]) -> Mapping[_Key, Undelivered]:
    """What was missed, by key, and what nobody heard; an event that a silent endpoint would have heard is missed."""
    ids = sorted({key.id for key in keys})
    found = await missed(search.connection, search.tenant, ids, search.silences)
    rows = {_Key(one.event_id, number_of(one.endpoint_id), is_event=True): _of_missed(one) for one in found}
    unheard = {key.id for key in keys if not key.number} - {one.event_id for one in found}
    rows |= {_Key(one.event_id, is_event=True): one for one in await _unmatched(search, sorted(unheard))}
    return {key: one for key, one in rows.items() if search.is_about(one.event_type, one.merchant_id)}


async def _unmatched(search: _Looking, ids: Sequence[UUID]) -> list[Undelivered]:
    if not ids:
        return []
    span = Span.around(ids)
    rows = await search.connection.fetch(_SQL["show_unmatched"], search.tenant.partner_id, ids, span.low, span.high)
    return [_of_unmatched(row) for row in rows if search.query.types or not row["type"].startswith(TOLD_ONCE)]


def _is_on_its_way(search: _Looking, delivery: Delivery) -> bool:
    was_tried = delivery.last_attempt_at is not None
    return is_on_its_way(delivery.waiting_for, is_young=delivery.id >= search.young, was_tried=was_tried)


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


def _of_missed(one: Missed) -> Undelivered:
    return Undelivered(
        event_id=one.event_id,
        event_type=one.event_type,
        merchant_id=one.merchant_id,
        endpoint_id=one.endpoint_id,
        reason=one.reason,
        since=time_of(one.event_id),
    )


def _of_unmatched(row: asyncpg.Record) -> Undelivered:
    return Undelivered(
        event_id=row["id"],
        event_type=row["type"],
        merchant_id=row["merchant_id"],
        endpoint_id=None,
        reason=UNMATCHED,
        since=time_of(row["id"]),
    )
