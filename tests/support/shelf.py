"""Events, deliveries and attempts put straight into a test's database, in whatever state a test wants to read."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from kernel.ids import Tenant, id_beside, new_id

_EVENT = {"type": "order.shipped", "matched": 1, "sealed_body": b""}
_COPIED_AT_ONCE = 1_000
_ATTEMPT = {"round": 0, "step": 0, "cause": "first", "superseded": False, "total_us": 1_000, "sealed_exchange": b""}


@dataclass(frozen=True, slots=True)
class Shelf:
    """What one tenant has."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    tenant: Tenant

    async def endpoint(self, **columns: Any) -> UUID:
        """An endpoint that hears everything, unless the columns say otherwise."""
        identifier = new_id(datetime.now(UTC))
        given = {"id": identifier, "sealed_settings": b"", "event_types": ["*"], **columns}
        await self._insert("webhook_endpoints", given)
        return identifier

    async def event(self, at: datetime | None = None, **columns: Any) -> UUID:
        """An event of that time."""
        at = at or datetime.now(UTC)
        identifier = new_id(at)
        await self._insert("events", {"id": identifier, "occurred_at": at, **_EVENT, **columns})
        return identifier

    async def delivery(self, endpoint_id: UUID, event_id: UUID | None = None, **columns: Any) -> UUID:
        """A delivery with the endpoint's next number; of a new event, unless one is given."""
        event_id = event_id or await self.event()
        identifier = id_beside(event_id)
        sequence = await self.pool.fetchval(
            "INSERT INTO endpoint_counters VALUES ($1, $2, 1)"
            " ON CONFLICT (partner_id, endpoint_id) DO UPDATE SET last_sequence = endpoint_counters.last_sequence + 1"
            " RETURNING last_sequence",
            self.tenant.partner_id,
            endpoint_id,
        )
        given = {"event_id": event_id, "endpoint_id": endpoint_id, "state": "delivered", "sequence": sequence}
        await self._insert("deliveries", {"id": identifier, **given, **columns})
        return identifier

    async def attempt(self, delivery_id: UUID, endpoint_id: UUID, **columns: Any) -> UUID:
        """An attempt that began now, unless the columns say otherwise."""
        at = columns.get("started_at") or datetime.now(UTC)
        identifier = columns.pop("id", None) or new_id(at)
        given = {**_ATTEMPT, "delivery_id": delivery_id, "endpoint_id": endpoint_id, "started_at": at, **columns}
        await self._insert("delivery_attempts", {"id": identifier, **given}, has_environment=False)
        return identifier

    async def fill(self, endpoints: list[UUID], count: int, until: datetime, every: timedelta) -> None:
        """So many delivered deliveries, the last at `until`, spread over the endpoints, with one attempt each."""
        for start in range(0, count, _COPIED_AT_ONCE):
            numbers = range(start, min(start + _COPIED_AT_ONCE, count))
            rows = [(number, until - every * (count - number)) for number in numbers]
            await self._copy(endpoints, [(number, at, new_id(at)) for number, at in rows])
        await self.pool.executemany(
            "INSERT INTO endpoint_counters VALUES ($1, $2, $3)",
            [
                (self.tenant.partner_id, endpoint, len(range(number, count, len(endpoints))))
                for number, endpoint in enumerate(endpoints)
            ],
        )

    async def _copy(self, endpoints: list[UUID], rows: list[tuple[int, datetime, UUID]]) -> None:
        partner, world, every = self.tenant.partner_id, self.tenant.environment, len(endpoints)
        events = [(partner, i, world, "order.shipped", at, 1, b"") for _, at, i in rows]
        columns = ["partner_id", "id", "environment", "type", "occurred_at", "matched", "sealed_body"]
        await self.pool.copy_records_to_table("events", records=events, columns=columns)
        deliveries = [
            (partner, i, world, i, endpoints[n % every], "delivered", n // every + 1, 204, at) for n, at, i in rows
        ]
        columns = ["partner_id", "id", "environment", "event_id", "endpoint_id", "state", "sequence"]
        columns += ["last_status_code", "last_attempt_at"]
        await self.pool.copy_records_to_table("deliveries", records=deliveries, columns=columns)
        attempts = [
            (partner, i, i, 0, 0, "first", False, 204, at, 1_000, b"", endpoints[n % every]) for n, at, i in rows
        ]
        columns = ["partner_id", "delivery_id", "id", "round", "step", "cause", "superseded", "status_code"]
        columns += ["started_at", "total_us", "sealed_exchange", "endpoint_id"]
        await self.pool.copy_records_to_table("delivery_attempts", records=attempts, columns=columns)

    async def _insert(self, table: str, given: dict[str, Any], *, has_environment: bool = True) -> None:
        own = {"partner_id": self.tenant.partner_id, **given}
        if has_environment:
            own["environment"] = self.tenant.environment
        places = ", ".join(f"${number}" for number in range(1, len(own) + 1))
        statement = f"INSERT INTO {table} ({', '.join(own)}) VALUES ({places})"  # noqa: S608 - names of our own
        await self.pool.execute(statement, *own.values())
