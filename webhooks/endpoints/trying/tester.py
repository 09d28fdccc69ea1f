"""A test event: what an owner sends to see whether an endpoint works."""

from typing import Any, Protocol
from uuid import UUID

import asyncpg

from kernel.clock import Clock
from kernel.errors import Conflict, FieldError, Invalid
from kernel.ids import Kind, Tenant, new_id, to_text
from webhooks.endpoints.rows import lock_endpoint
from webhooks.endpoints.telling import EventTeller
from webhooks.events.model import NewEvent
from webhooks.states import EndpointState

TEST_EVENT_TYPE = "webhook_endpoint.test"


class ExampleSource(Protocol):
    """Knows what events look like (webhooks.catalogue.service)."""

    async def example(self, tenant: Tenant, event_type: str) -> dict[str, Any] | None:
        """The `data` of an example event; None for a type in nobody's catalogue."""
        ...


class EndpointTester:
    """Sends test events."""

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        teller: EventTeller,
        clock: Clock,
        examples: ExampleSource,
    ) -> None:
        self._pool = pool
        self._teller = teller
        self._clock = clock
        self._examples = examples

    async def send(self, tenant: Tenant, endpoint_id: UUID, event_type: str | None = None) -> UUID:
        """Commit an event for this endpoint alone, whatever it listens to; the event's id.

        Without a type it is our own test message, else an example of the type. Raises NotFound, Invalid for a type
        without an example, and Conflict (`endpoint_disabled`, `endpoint_unproven`) for one that receives nothing.
        """
        data = await self._data(tenant, endpoint_id, event_type)
        async with self._pool.acquire() as connection, connection.transaction():
            row = await lock_endpoint(connection, tenant, endpoint_id)
            _check_state(row["state"])
            now = self._clock.now()
            event = NewEvent(
                tenant=tenant,
                id=new_id(now),
                type=event_type or TEST_EVENT_TYPE,
                merchant_id=row["merchant_id"],
                occurred_at=now,
                data=data,
                endpoint_id=endpoint_id,
            )
            jobs = await self._teller.write(connection, event)
        await self._teller.offer(jobs)
        return event.id

    async def _data(self, tenant: Tenant, endpoint_id: UUID, event_type: str | None) -> dict[str, Any]:
        if event_type is None:
            return {
                "endpoint_id": to_text(Kind.ENDPOINT, endpoint_id, tenant.environment),
                "message": "This is a test event. If its signature verifies, the endpoint works.",
            }
        data = await self._examples.example(tenant, event_type)
        if data is None:
            message = "must be a type of the catalogue, yours or ours"
            raise Invalid([FieldError(pointer="/event_type", code="event_type_unknown", message=message)])
        return data


def _check_state(state: str) -> None:
    if state == EndpointState.DISABLED:
        raise Conflict("The endpoint is disabled.", code="endpoint_disabled", action="Enable it first.")
    if state == EndpointState.UNPROVEN:
        message = "The endpoint's receiver has not answered the ownership challenge."
        raise Conflict(message, code="endpoint_unproven", action="Challenge it first.")
