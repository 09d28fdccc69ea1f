"""What became of events: deliveries, searched and read."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg

from kernel.errors import NotFound
from kernel.ids import Tenant
from kernel.sql import beside
from webhooks.events.model import Connection
from webhooks.queue.port import Priority
from webhooks.reading.cursor import Position, invalid_cursor
from webhooks.reading.feed import like_patterns
from webhooks.reading.scanning import Span, looking, scan
from webhooks.reading.waiting import Lane, Waiting, waiting_for
from webhooks.sending.model import Cause, ErrorClass
from webhooks.states import DeliveryState, EndpointState

_SQL = beside(__file__, "deliveries.sql")
_NUMBER_MAX = (1 << 63) - 1
# A payment has a handful of events; more than these are not looked at.
_EVENTS_OF_PAYMENT_MAX = 1_000

OPEN = frozenset({DeliveryState.WAITING, DeliveryState.PENDING})
FAILED = frozenset({DeliveryState.DEAD, DeliveryState.UNDELIVERED, DeliveryState.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event for one endpoint.

    `round` counts replays, `step` the tries of this round, `sequence` is the endpoint's own count of deliveries. The
    `last_…` tell of the last attempt of any round; `waiting_for` is None once it has ended.
    """

    id: UUID
    event_id: UUID
    event_type: str
    endpoint_id: UUID
    merchant_id: UUID | None
    state: DeliveryState
    state_reason: str | None
    round: int
    step: int
    sequence: int | None
    priority: Priority
    next_attempt_at: datetime | None
    ended_at: datetime | None
    round_at: datetime | None
    replay_id: UUID | None
    last_status_code: int | None
    last_error_class: str | None
    last_attempt_at: datetime | None
    waiting_for: Waiting | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryQuery:
    """Which deliveries, newest first; what is None or empty does not narrow.

    `types` are patterns as endpoints have them; `status_codes` is the lowest and the highest last status code, `cause`
    that of the last attempt. `since` and `until` are about the event's time.
    """

    endpoint_id: UUID | None = None
    event_id: UUID | None = None
    payment_id: UUID | None = None
    merchant_id: UUID | None = None
    replay_id: UUID | None = None
    states: tuple[DeliveryState, ...] = ()
    types: tuple[str, ...] = ()
    status_codes: tuple[int, int] | None = None
    error_class: ErrorClass | None = None
    cause: Cause | None = None
    since: datetime | None = None
    until: datetime | None = None
    cursor: str | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPage:
    """Deliveries and the cursor of the next page, None after the last; a page may be short and have a next one."""

    deliveries: tuple[Delivery, ...]
    next_cursor: str | None


class Deliveries:
    """Reads deliveries."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def list(self, tenant: Tenant, query: DeliveryQuery) -> DeliveryPage:
        """A page of deliveries. Raises Invalid for a cursor that is not this list's, or times that do not fit."""
        start = None if query.cursor is None else Position.from_text(query.cursor)
        span = Span.of(query.since, query.until)
        async with looking(self._pool) as connection:
            candidates = await _candidates(connection, tenant, query, span)
            passing = partial(_passing, connection, tenant, query)
            scanned = await scan(candidates, passing, start, query.limit)
        next_cursor = None if scanned.last is None else scanned.last.to_text()
        return DeliveryPage(deliveries=scanned.rows, next_cursor=next_cursor)

    async def get(self, tenant: Tenant, delivery_id: UUID) -> Delivery:
        """One delivery. Raises NotFound."""
        async with looking(self._pool) as connection:
            found = await show(connection, tenant, [delivery_id])
        if delivery_id not in found:
            raise NotFound
        return found[delivery_id]


async def show(
    connection: Connection, tenant: Tenant, ids: Sequence[UUID], query: DeliveryQuery | None = None
) -> dict[UUID, Delivery]:
    """Those of these deliveries that are the tenant's and pass the query's filters, by id."""
    if not ids:
        return {}
    span, asked = Span.around(ids), query or DeliveryQuery()
    low, high = asked.status_codes or (None, None)
    rows = await connection.fetch(
        _SQL["show_deliveries"],
        tenant.partner_id,
        tenant.environment,
        ids,
        span.low,
        span.high,
        asked.endpoint_id,
        asked.event_id,
        asked.merchant_id,
        asked.replay_id,
        list(asked.states) or None,
        like_patterns(asked.types),
        low,
        high,
        asked.error_class,
        asked.cause,
    )
    return {row["id"]: _delivery(row) for row in rows}


async def _passing(
    connection: Connection, tenant: Tenant, query: DeliveryQuery, keys: Sequence[Position]
) -> dict[Position, Delivery]:
    shown = await show(connection, tenant, [key.id for key in keys], query)
    return {key: shown[key.id] for key in keys if key.id in shown}


_Candidates = Callable[[Position | None, int], Awaitable[Sequence[Position]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """A list of keys: a query, the two values that it is about, and the ids between which it looks."""

    query: str
    about: tuple[UUID, Any]
    span: Span


async def _candidates(connection: Connection, tenant: Tenant, query: DeliveryQuery, span: Span) -> _Candidates:
    """The index that narrows most gives the candidates."""
    name, keys = "keys_of_all", _keys
    about: tuple[UUID, Any] = (tenant.partner_id, tenant.environment)
    states = frozenset(query.states)
    if query.event_id is not None or query.payment_id is not None:
        name, about = "keys_of_events", (tenant.partner_id, await _events(connection, tenant, query))
    elif query.replay_id is not None:
        name, about = "keys_of_replay", (tenant.partner_id, query.replay_id)
    elif states and states <= FAILED:
        name = "keys_of_failed"
    elif query.endpoint_id is not None:
        name, about, keys = "keys_of_endpoint", (tenant.partner_id, query.endpoint_id), _keys_by_number
    elif states and states <= OPEN:
        name = "keys_of_open"
    return partial(keys, connection, _Source(query=name, about=about, span=span))


async def _events(connection: Connection, tenant: Tenant, query: DeliveryQuery) -> Sequence[UUID]:
    """The events asked for: one, or those of a payment."""
    if query.payment_id is None:
        return [query.event_id] if query.event_id is not None else []
    rows = await connection.fetch(
        _SQL["events_of_payment"],
        tenant.partner_id,
        tenant.environment,
        query.payment_id,
        Span.around([query.payment_id]).low,
        _EVENTS_OF_PAYMENT_MAX,
    )
    return [row["id"] for row in rows if query.event_id in {None, row["id"]}]


async def _keys(connection: Connection, source: _Source, after: Position | None, size: int) -> Sequence[Position]:
    part = source.span if after is None else source.span.below(after.id)
    rows = await connection.fetch(_SQL[source.query], *source.about, part.high, part.low, size)
    return [Position(id=row["id"]) for row in rows]


async def _keys_by_number(
    connection: Connection, source: _Source, after: Position | None, size: int
) -> Sequence[Position]:
    """The endpoint's own order. A cursor without a number is another list's."""
    if after is not None and not after.number:
        raise invalid_cursor()
    number, span = _NUMBER_MAX if after is None else after.number, source.span
    rows = await connection.fetch(_SQL[source.query], *source.about, span.high, span.low, size, number)
    return [Position(id=row["id"], number=row["number"]) for row in rows]


def _delivery(row: asyncpg.Record) -> Delivery:
    state = DeliveryState(row["state"])
    copied = {name: row[name] for name in _COPIED}
    return Delivery(
        **copied,
        state=state,
        priority=Priority(row["priority"]),
        waiting_for=waiting_for(state, lane_of(row), next_attempt_at=row["next_attempt_at"], is_due=row["is_due"]),
    )


def lane_of(row: asyncpg.Record) -> Lane:
    """The lane in a row that carries its endpoint's columns."""
    return Lane(
        endpoint=None if row["endpoint_state"] is None else EndpointState(row["endpoint_state"]),
        is_paused=row["paused_at"] is not None,
        is_held=row["held_at"] is not None,
        next_probe_at=row["next_probe_at"],
    )


_COPIED = frozenset(Delivery.__dataclass_fields__) - {"state", "priority", "waiting_for"}
