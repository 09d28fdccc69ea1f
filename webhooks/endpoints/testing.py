"""A test event: what an owner sends to see whether an endpoint works."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import asyncpg

from kernel.clock import Clock
from kernel.errors import Conflict
from kernel.ids import Kind, Tenant, new_id, to_text
from webhooks.endpoints.rows import lock_endpoint
from webhooks.events.model import Connection, NewEvent, Written
from webhooks.queue.port import Enqueuer
from webhooks.states import EndpointState

TEST_EVENT_TYPE = "webhook_endpoint.test"


class EventSink(Protocol):
    """Writes events in the caller's transaction (events/writer)."""

    async def write(self, connection: Connection, events: Sequence[NewEvent]) -> list[Written]:
        """What stands in the database once the caller commits."""
        ...


class EndpointTester:
    """Sends test events."""

    def __init__(
        self, pool: "asyncpg.Pool[asyncpg.Record]", events: EventSink, enqueuer: Enqueuer, clock: Clock
    ) -> None:
        self._pool = pool
        self._events = events
        self._enqueuer = enqueuer
        self._clock = clock

    async def send(self, tenant: Tenant, endpoint_id: UUID) -> UUID:
        """Commit an event for this endpoint alone, whatever types it listens to; the event's id.

        Raises NotFound, and Conflict (`endpoint_disabled`) for one that receives nothing.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            row = await lock_endpoint(connection, tenant, endpoint_id)
            if row["state"] != EndpointState.ENABLED:
                raise Conflict("The endpoint is disabled.", code="endpoint_disabled", action="Enable it first.")
            event = self._event(tenant, endpoint_id, row["merchant_id"])
            written = await self._events.write(connection, [event])
        await self._enqueuer.offer(written[0].jobs)
        return event.id

    def _event(self, tenant: Tenant, endpoint_id: UUID, merchant_id: UUID | None) -> NewEvent:
        now = self._clock.now()
        return NewEvent(
            tenant=tenant,
            id=new_id(now),
            type=TEST_EVENT_TYPE,
            merchant_id=merchant_id,
            occurred_at=now,
            data={
                "endpoint_id": to_text(Kind.ENDPOINT, endpoint_id, tenant.environment),
                "message": "This is a test event. If its signature verifies, the endpoint works.",
            },
            endpoint_id=endpoint_id,
        )
