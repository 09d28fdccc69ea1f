"""What became of events: deliveries and their attempts, for reading."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from kernel.errors import NotFound
from kernel.ids import Tenant
from kernel.sealing import KeyDestroyed, SealError, Vault
from kernel.sql import beside
from webhooks.reading.cursor import Position
from webhooks.sending.model import Cause, ErrorClass, Exchange, Timings, exchange_context
from webhooks.states import DeliveryState

_SQL = beside(__file__, "deliveries.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event for one endpoint. `round` counts replays; `step` counts the tries of this round."""

    id: UUID
    event_id: UUID
    event_type: str
    endpoint_id: UUID
    merchant_id: UUID | None
    state: DeliveryState
    state_reason: str | None
    round: int
    step: int
    next_attempt_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One POST. `superseded` ones came too late to count. `exchange` is None where the merchant's key was destroyed."""

    id: UUID
    round: int
    step: int
    cause: Cause
    superseded: bool
    status_code: int | None
    error_class: ErrorClass | None
    started_at: datetime
    timings: Timings
    exchange: Exchange | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryQuery:
    """Which deliveries, newest first; what is None or empty does not narrow."""

    endpoint_id: UUID | None = None
    event_id: UUID | None = None
    merchant_id: UUID | None = None
    states: tuple[DeliveryState, ...] = ()
    cursor: str | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPage:
    """Deliveries and the cursor of the next page, None after the last."""

    deliveries: tuple[Delivery, ...]
    next_cursor: str | None


class Deliveries:
    """Reads deliveries."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def list(self, tenant: Tenant, query: DeliveryQuery) -> DeliveryPage:
        """A page of deliveries. Raises Invalid for a cursor that is not ours."""
        rows = await self._pool.fetch(
            _SQL["list_deliveries"],
            tenant.partner_id,
            tenant.environment,
            query.endpoint_id,
            query.event_id,
            query.merchant_id,
            list(query.states) or None,
            Position.from_text(query.cursor).id if query.cursor is not None else None,
            query.limit + 1,
        )
        shown = rows[: query.limit]
        return DeliveryPage(
            deliveries=tuple(_delivery(row) for row in shown),
            next_cursor=Position(id=shown[-1]["id"]).to_text() if len(rows) > query.limit else None,
        )

    async def get(self, tenant: Tenant, delivery_id: UUID) -> Delivery:
        """One delivery. Raises NotFound."""
        row = await self._pool.fetchrow(_SQL["get_delivery"], tenant.partner_id, tenant.environment, delivery_id)
        if row is None:
            raise NotFound
        return _delivery(row)

    async def attempts(self, tenant: Tenant, delivery_id: UUID) -> tuple[Attempt, ...]:
        """The attempts of a delivery, first to last, with what was exchanged. Raises NotFound."""
        await self.get(tenant, delivery_id)
        rows = await self._pool.fetch(_SQL["list_attempts"], tenant.partner_id, delivery_id)
        exchanges = await self._vault.open_each(
            [(tenant.partner_id, row["sealed_exchange"], exchange_context(row["id"])) for row in rows]
        )
        return _attempts(rows, exchanges)


def _delivery(row: asyncpg.Record) -> Delivery:
    return Delivery(
        id=row["id"],
        event_id=row["event_id"],
        event_type=row["event_type"],
        endpoint_id=row["endpoint_id"],
        merchant_id=row["merchant_id"],
        state=DeliveryState(row["state"]),
        state_reason=row["state_reason"],
        round=row["round"],
        step=row["step"],
        next_attempt_at=row["next_attempt_at"],
        ended_at=row["ended_at"],
    )


def _attempts(rows: Sequence[asyncpg.Record], exchanges: Sequence[bytes | SealError]) -> tuple[Attempt, ...]:
    return tuple(_attempt(row, exchange) for row, exchange in zip(rows, exchanges, strict=True))


def _attempt(row: asyncpg.Record, exchange: bytes | SealError) -> Attempt:
    if isinstance(exchange, SealError) and not isinstance(exchange, KeyDestroyed):
        raise exchange
    return Attempt(
        id=row["id"],
        round=row["round"],
        step=row["step"],
        cause=Cause(row["cause"]),
        superseded=row["superseded"],
        status_code=row["status_code"],
        error_class=ErrorClass(row["error_class"]) if row["error_class"] else None,
        started_at=row["started_at"],
        timings=Timings(**{name: row[name] for name in Timings.__dataclass_fields__}),
        exchange=None if isinstance(exchange, SealError) else Exchange.from_bytes(exchange),
    )
