"""One event's bodies are erased: what was told, and what was exchanged with every receiver about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

import asyncpg

from kernel.audit import record
from kernel.clock import Clock
from kernel.errors import NotFound
from kernel.ids import Kind, Tenant, to_text
from kernel.sealing import ERASED
from kernel.sql import beside
from webhooks.dispatch.lines import free_followers
from webhooks.dispatch.outcome import Reason
from webhooks.endpoints.model import Caller
from webhooks.events.model import Connection, NewEvent, Written
from webhooks.health.notices import EndpointRef, delivery_dead, is_notice
from webhooks.queue.port import Enqueuer, Job

_SQL = beside(__file__, "erasure.sql")


class EventsWriter(Protocol):
    """Writes events in the caller's transaction (`webhooks.events.writer.EventWriter`)."""

    async def write(self, connection: Connection, events: Sequence[NewEvent]) -> list[Written]:
        """One result per event, with the jobs to offer after the commit."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedEvent:
    """An event without a body. `ended` deliveries were still to be sent, and are dead now."""

    event_id: UUID
    erased_at: datetime
    ended: int = 0


class EventErasure:
    """Erases in one transaction with its audit row, and tells the partner of each delivery that it ends."""

    def __init__(
        self, pool: "asyncpg.Pool[asyncpg.Record]", events: EventsWriter, enqueuer: Enqueuer, clock: Clock
    ) -> None:
        self._pool = pool
        self._events = events
        self._enqueuer = enqueuer
        self._clock = clock

    async def erase(self, caller: Caller, event_id: UUID) -> ErasedEvent:
        """Erase an event; one that is erased already stays as it is. Raises NotFound."""
        tenant = caller.tenant
        async with self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(_SQL["lock_event"], tenant.partner_id, tenant.environment, event_id)
            if row is None:
                raise NotFound
            if row["erased_at"] is not None:
                return ErasedEvent(event_id=event_id, erased_at=row["erased_at"])
            erased_at = await connection.fetchval(_SQL["erase_event"], tenant.partner_id, event_id, ERASED)
            ended = await _end(connection, tenant, event_id)
            jobs = await free_followers(connection, sorted(_lines(ended)))
            if not is_notice(row["type"]):
                jobs += await self._tell(connection, tenant, event_id, ended)
            target = to_text(Kind.EVENT, event_id, tenant.environment)
            entry = caller.entry(self._clock.now(), "event.erased", target, deliveries_ended=len(ended))
            await record(connection, entry)
        await self._enqueuer.offer(jobs)
        return ErasedEvent(event_id=event_id, erased_at=erased_at, ended=len(ended))

    async def _tell(
        self, connection: Connection, tenant: Tenant, event_id: UUID, ended: Sequence[asyncpg.Record]
    ) -> list[Job]:
        notices = [
            delivery_dead(
                EndpointRef(tenant, row["endpoint_id"]),
                self._clock.now(),
                delivery_id=row["id"],
                event_id=event_id,
                reason=Reason.UNREADABLE,
            )
            for row in ended
        ]
        written = await self._events.write(connection, notices) if notices else []
        return [job for item in written for job in item.jobs]


async def _end(connection: Connection, tenant: Tenant, event_id: UUID) -> list[asyncpg.Record]:
    """Empty the exchanges of all its deliveries and end those that are pending; these."""
    rows = await connection.fetch(_SQL["lock_deliveries"], tenant.partner_id, event_id)
    ids = [row["id"] for row in rows]
    await connection.execute(_SQL["erase_exchanges"], tenant.partner_id, ids, ERASED)
    return await connection.fetch(_SQL["end_deliveries"], tenant.partner_id, ids, Reason.UNREADABLE)


def _lines(ended: Sequence[asyncpg.Record]) -> set[tuple[UUID, UUID, UUID]]:
    return {(row["partner_id"], row["endpoint_id"], row["ordering_key"]) for row in ended if row["ordering_key"]}
