"""Attempts: those of one delivery with what was exchanged, and all of them, searched."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

import asyncpg

from kernel.errors import NotFound
from kernel.ids import Tenant
from kernel.sealing import KeyDestroyed, SealError, Vault
from kernel.sql import beside
from webhooks.events.model import Connection
from webhooks.reading.cursor import AttemptPosition
from webhooks.reading.deliveries import show
from webhooks.reading.scanning import LAST_ID, Span, looking, scan
from webhooks.sending.model import Cause, ErrorClass, Exchange, Timings, exchange_context

_SQL = beside(__file__, "attempts.sql")
_END = AttemptPosition(delivery_id=LAST_ID, id=LAST_ID)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One POST. `superseded` ones came too late to count. `exchange` is None where the merchant's key was destroyed."""

    id: UUID
    round: int
    step: int
    cause: Cause
    superseded: bool
    status_code: int | None
    error_class: str | None
    started_at: datetime
    timings: Timings
    exchange: Exchange | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundAttempt:
    """An attempt that a search found, and whose it is; what was exchanged is read with its delivery."""

    attempt: Attempt
    delivery_id: UUID
    event_id: UUID
    endpoint_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptQuery:
    """Which attempts; what is None does not narrow.

    Those of an endpoint come newest first; without one, those of the newest event come first. `since` and `until` are
    about when the attempt began; `status_codes` is the lowest and the highest.
    """

    endpoint_id: UUID | None = None
    delivery_id: UUID | None = None
    event_id: UUID | None = None
    status_codes: tuple[int, int] | None = None
    error_class: ErrorClass | None = None
    cause: Cause | None = None
    since: datetime | None = None
    until: datetime | None = None
    cursor: str | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptPage:
    """Attempts and the cursor of the next page, None after the last; a page may be short and have a next one."""

    attempts: tuple[FoundAttempt, ...]
    next_cursor: str | None


class Attempts:
    """Reads attempts."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def of_delivery(self, tenant: Tenant, delivery_id: UUID) -> tuple[Attempt, ...]:
        """The attempts of a delivery, first to last, with what was exchanged. Raises NotFound."""
        async with looking(self._pool) as connection:
            if not await show(connection, tenant, [delivery_id]):
                raise NotFound
            rows = await connection.fetch(_SQL["attempts_of_delivery"], tenant.partner_id, delivery_id)
        exchanges = await self._vault.open_each(
            [(tenant.partner_id, row["sealed_exchange"], exchange_context(row["id"])) for row in rows]
        )
        return tuple(_attempt(row, _opened(sealed)) for row, sealed in zip(rows, exchanges, strict=True))

    async def search(self, tenant: Tenant, query: AttemptQuery) -> AttemptPage:
        """A page of attempts. Raises Invalid for a cursor that is not this list's, or times that do not fit."""
        start = None if query.cursor is None else AttemptPosition.from_text(query.cursor)
        span = Span.of(query.since, query.until)
        async with looking(self._pool) as connection:
            candidates = await _candidates(connection, tenant, query, span)
            scanned = await scan(candidates, partial(_passing, connection, tenant, query), start, query.limit)
        next_cursor = None if scanned.last is None else scanned.last.to_text()
        return AttemptPage(attempts=scanned.rows, next_cursor=next_cursor)


_Candidates = Callable[[AttemptPosition | None, int], Awaitable[Sequence[AttemptPosition]]]


async def _candidates(connection: Connection, tenant: Tenant, query: AttemptQuery, span: Span) -> _Candidates:
    """The index that narrows most gives the candidates."""
    partner = tenant.partner_id
    if query.delivery_id is not None or query.event_id is not None:
        return partial(_by_deliveries, connection, partner, await _deliveries(connection, partner, query))
    if query.endpoint_id is not None:
        return partial(_by_endpoint, connection, (partner, query.endpoint_id), span)
    return partial(_of_all, connection, partner, span)


async def _deliveries(connection: Connection, partner_id: UUID, query: AttemptQuery) -> list[UUID]:
    """The deliveries asked for: one, or those of an event."""
    if query.event_id is None:
        return [query.delivery_id] if query.delivery_id is not None else []
    earliest = Span.around([query.event_id]).low
    rows = await connection.fetch(_SQL["deliveries_of_event"], partner_id, query.event_id, earliest)
    return [row["id"] for row in rows if query.delivery_id in {None, row["id"]}]


async def _by_deliveries(
    connection: Connection, partner_id: UUID, deliveries: list[UUID], after: AttemptPosition | None, size: int
) -> Sequence[AttemptPosition]:
    at = after or _END
    rows = await connection.fetch(_SQL["keys_by_deliveries"], partner_id, deliveries, at.delivery_id, at.id, size)
    return _positions(rows)


async def _by_endpoint(
    connection: Connection, scope: tuple[UUID, UUID], span: Span, after: AttemptPosition | None, size: int
) -> Sequence[AttemptPosition]:
    part = span if after is None else span.below(after.id)
    newest = Span.around([part.high]).high
    return _positions(await connection.fetch(_SQL["keys_by_endpoint"], *scope, part.high, part.low, size, newest))


async def _of_all(
    connection: Connection, partner_id: UUID, span: Span, after: AttemptPosition | None, size: int
) -> Sequence[AttemptPosition]:
    at = after or AttemptPosition(delivery_id=Span.around([span.high]).high, id=LAST_ID)
    return _positions(await connection.fetch(_SQL["keys_of_all"], partner_id, at.delivery_id, at.id, size))


def _positions(rows: Sequence[asyncpg.Record]) -> list[AttemptPosition]:
    return [AttemptPosition(delivery_id=row["delivery_id"], id=row["id"]) for row in rows]


async def _passing(
    connection: Connection, tenant: Tenant, query: AttemptQuery, keys: Sequence[AttemptPosition]
) -> dict[AttemptPosition, FoundAttempt]:
    deliveries = [key.delivery_id for key in keys]
    span, (low, high) = Span.around(deliveries), query.status_codes or (None, None)
    rows = await connection.fetch(
        _SQL["show_attempts"],
        tenant.partner_id,
        tenant.environment,
        deliveries,
        [key.id for key in keys],
        span.low,
        span.high,
        query.endpoint_id,
        query.since,
        query.until,
        low,
        high,
        query.error_class,
        query.cause,
    )
    return {AttemptPosition(delivery_id=row["delivery_id"], id=row["id"]): _found(row) for row in rows}


def _found(row: asyncpg.Record) -> FoundAttempt:
    return FoundAttempt(
        attempt=_attempt(row),
        delivery_id=row["delivery_id"],
        event_id=row["event_id"],
        endpoint_id=row["endpoint_id"],
    )


def _attempt(row: asyncpg.Record, exchange: Exchange | None = None) -> Attempt:
    return Attempt(
        id=row["id"],
        round=row["round"],
        step=row["step"],
        cause=Cause(row["cause"]),
        superseded=row["superseded"],
        status_code=row["status_code"],
        error_class=row["error_class"],
        started_at=row["started_at"],
        timings=Timings(**{name: row[name] for name in Timings.__dataclass_fields__}),
        exchange=exchange,
    )


def _opened(exchange: bytes | SealError) -> Exchange | None:
    if isinstance(exchange, bytes):
        return Exchange.from_bytes(exchange)
    if isinstance(exchange, KeyDestroyed):
        return None
    raise exchange
