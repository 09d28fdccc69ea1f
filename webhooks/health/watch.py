"""What time alone does to endpoints: warnings of failing spells, the end of hopeless ones, certificates that run out.

An endpoint without traffic is told of as well. One process watches at a time; a second one would find nothing to do.
"""

from collections.abc import Sequence
from typing import Protocol

import asyncpg
import structlog

from kernel.clock import Clock
from kernel.ids import Environment, Tenant
from kernel.sql import beside
from webhooks.events.model import Connection, NewEvent, Written
from webhooks.health.changes import disable
from webhooks.health.model import HealthPolicy
from webhooks.health.notices import Certificate, EndpointRef, certificate_expiring, endpoint_failing
from webhooks.queue.port import Enqueuer

_SQL = beside(__file__, "health.sql")
_ROWS_MAX = 200
# webhook_endpoints.state_reason of an endpoint that its health ended.
FAILED_TOO_LONG = "failed_too_long"
_log = structlog.get_logger()


class EventsWriter(Protocol):
    """Writes events in the caller's transaction (`webhooks.events.writer.EventWriter`)."""

    async def write(self, connection: Connection, events: Sequence[NewEvent]) -> list[Written]:
        """One result per event, with the jobs to offer after the commit."""
        ...


class HealthWatch:
    """Looks at all endpoints that fail, or with a certificate that ends; both are few."""

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        events: EventsWriter,
        enqueuer: Enqueuer,
        clock: Clock,
        policy: HealthPolicy,
    ) -> None:
        self._pool = pool
        self._events = events
        self._enqueuer = enqueuer
        self._clock = clock
        self._policy = policy

    async def run_once(self) -> None:
        """Tell what is due, a portion per transaction. Raises what the database's driver raises."""
        for name, portion in (
            ("endpoints.disabled", self._end_hopeless),
            ("endpoints.warned", self._warn),
            ("certificates.warned", self._warn_of_certificates),
            ("client_certificates.warned", self._warn_of_client_certificates),
        ):
            while told := await self._tell(portion):
                _log.warning(name, endpoints=told)

    async def _tell(self, portion: "Portion") -> int:
        """One portion and its notices in one transaction; how many endpoints it was about."""
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(_SQL["lead"]):
                return 0
            notices = await portion(connection)
            written = await self._events.write(connection, notices) if notices else []
        await self._enqueuer.offer([job for item in written for job in item.jobs])
        return len(notices)

    async def _end_hopeless(self, connection: Connection) -> list[NewEvent]:
        policy = self._policy
        rows = await connection.fetch(
            _SQL["hopeless_endpoints"], policy.disable_after, policy.disable_deliveries, _ROWS_MAX
        )
        versions = {(row["partner_id"], row["id"]): row["version"] for row in rows}
        return list((await disable(connection, versions, FAILED_TOO_LONG, self._clock.now())).values())

    async def _warn(self, connection: Connection) -> list[NewEvent]:
        rows = await connection.fetch(_SQL["due_warnings"], self._policy.warn_after, _ROWS_MAX)
        await connection.execute(_SQL["note_warnings"], *_columns(rows, "partner_id", "id", "warnings"))
        now = self._clock.now()
        return [
            endpoint_failing(
                _about(row), now, failing_since=row["failing_since"], failed_deliveries=row["failed_deliveries"]
            )
            for row in rows
        ]

    async def _warn_of_certificates(self, connection: Connection) -> list[NewEvent]:
        return await self._certificates(connection, "certificates", Certificate.RECEIVER)

    async def _warn_of_client_certificates(self, connection: Connection) -> list[NewEvent]:
        return await self._certificates(connection, "client_certificates", Certificate.CLIENT)

    async def _certificates(self, connection: Connection, queries: str, whose: Certificate) -> list[NewEvent]:
        rows = await connection.fetch(_SQL[f"due_{queries}"], self._policy.certificate_warn_before, _ROWS_MAX)
        await connection.execute(_SQL[f"note_{queries}"], *_columns(rows, "partner_id", "id", "moment"))
        now = self._clock.now()
        return [
            certificate_expiring(_about(row), now, expires_at=row["certificate_expires_at"], whose=whose)
            for row in rows
        ]


class Portion(Protocol):
    """Some endpoints of one kind, changed in the transaction; the notices of each."""

    async def __call__(self, connection: Connection) -> list[NewEvent]:
        """At most so many that a transaction stays short."""
        ...


def _about(row: asyncpg.Record) -> EndpointRef:
    return EndpointRef(Tenant(row["partner_id"], Environment(row["environment"])), row["id"])


def _columns(rows: Sequence[asyncpg.Record], *names: str) -> list[list[object]]:
    return [[row[name] for row in rows] for name in names]
