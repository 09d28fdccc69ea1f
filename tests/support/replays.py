"""Endpoints, events and ended deliveries as rows, many at once, and everything that replays are made of."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from prometheus_client import CollectorRegistry

from kernel.ids import NIL, Tenant, id_beside, new_id
from kernel.sealing import Vault
from tests.support.clock import FakeClock
from tests.support.tenants import CollectingEnqueuer, caller
from webhooks.endpoints.model import filter_context
from webhooks.events.model import NewEvent, body_context, body_of
from webhooks.replays.model import Progress, ReplayRequest, ReplayRules
from webhooks.replays.retrying import Retrier
from webhooks.replays.runner import ReplayMetrics, ReplayRunner, RunnerPolicy
from webhooks.replays.service import Replays
from webhooks.replays.unmatched import Unmatched

# What a chunk of the fastest replay takes, so that tests need several.
RULES = ReplayRules(rate_default=1_000, rate_max=1_000_000)
POLICY = RunnerPolicy(chunk_max=10, scanned_max=25)
_HOUR = timedelta(hours=1)
_INSERT_EVENTS = """
INSERT INTO events (partner_id, id, environment, merchant_id, type, occurred_at, matched, sealed_body)
SELECT $1, id, $2, $3, $4, $5, $6, sealed_body FROM unnest($7::uuid[], $8::bytea[]) AS new (id, sealed_body)
"""
_INSERT_DELIVERIES = """
INSERT INTO deliveries (partner_id, id, environment, event_id, endpoint_id, state, last_status_code, step, ended_at,
                        next_attempt_at, ordering_key)
SELECT $1, id, $2, event_id, $3, $4::text::delivery_state, $5, 9,
    CASE WHEN $4::text NOT IN ('pending', 'waiting') THEN now() END,
    CASE WHEN $4::text = 'pending' THEN now() + interval '1 hour' END, $8
FROM unnest($6::uuid[], $7::uuid[]) AS new (id, event_id)
"""
_COUNT_ROUNDS = "SELECT round, count(*) FROM deliveries WHERE endpoint_id = $1 GROUP BY round"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One partner, and what works on its replays."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    vault: Vault
    clock: FakeClock
    tenant: Tenant
    policy: RunnerPolicy = POLICY
    enqueuer: CollectingEnqueuer = field(default_factory=CollectingEnqueuer)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    @property
    def retrier(self) -> Retrier:
        return Retrier(self.pool, self.enqueuer, self.clock, RULES)

    @property
    def replays(self) -> Replays:
        return Replays(self.pool, Unmatched(self.vault), self.retrier, self.clock, RULES)

    @property
    def recently(self) -> datetime:
        """An hour ago."""
        return self.clock.now() - _HOUR

    def runner(self, pool: Any = None, policy: RunnerPolicy | None = None) -> ReplayRunner:
        """A worker's runner; each counts for itself."""
        metrics = ReplayMetrics.registered(CollectorRegistry())
        return ReplayRunner(pool or self.pool, Unmatched(self.vault), self.enqueuer, metrics, policy or self.policy)

    async def endpoint(self, **columns: Any) -> UUID:
        """An enabled endpoint that hears everything."""
        endpoint_id = new_id(self.clock.now())
        values = {"sealed_settings": b"", "event_types": ["*"], **columns}
        names = ", ".join(values)
        marks = ", ".join(f"${number}" for number in range(4, 4 + len(values)))
        await self.pool.execute(
            f"INSERT INTO webhook_endpoints (partner_id, id, environment, {names}) VALUES ($1, $2, $3, {marks})",  # noqa: S608 - the test's own words
            self.tenant.partner_id,
            endpoint_id,
            self.tenant.environment,
            *values.values(),
        )
        return endpoint_id

    async def expect_expression(self, endpoint_id: UUID, text: str) -> None:
        """Give the endpoint a body expression."""
        key = await self.vault.data_key(self.tenant.partner_id, NIL)
        sealed = self.vault.seal(key, text.encode(), filter_context(endpoint_id))
        await self.pool.execute("UPDATE webhook_endpoints SET sealed_filter = $1 WHERE id = $2", sealed, endpoint_id)

    async def events(self, count: int = 1, **changes: Any) -> list[UUID]:
        """Events that nobody heard of, one a millisecond, whose data count them: {"number": 0} and on."""
        at = changes.pop("at", self.recently)
        event_type, merchant_id = changes.pop("type", "order.packed"), changes.pop("merchant_id", None)
        ids = [new_id(at + timedelta(milliseconds=number)) for number in range(count)]
        key = await self.vault.data_key(self.tenant.partner_id, NIL)
        bodies = [
            self.vault.seal(key, body_of(self._event(event_id, event_type, number)), body_context(event_id))
            for number, event_id in enumerate(ids)
        ]
        matched = changes.pop("matched", 0)
        owner = (self.tenant.partner_id, self.tenant.environment)
        await self.pool.execute(_INSERT_EVENTS, *owner, merchant_id, event_type, at, matched, ids, bodies)
        return ids

    async def deliveries(self, endpoint_id: UUID, count: int = 1, **changes: Any) -> list[UUID]:
        """Ended deliveries (dead, after a 500) with their events; the deliveries' ids, oldest first."""
        state, status_code = changes.pop("state", "dead"), changes.pop("status_code", 500)
        ordering_key = changes.pop("ordering_key", None)
        events = await self.events(count, matched=1, **changes)
        ids = [id_beside(event_id) for event_id in events]
        owner = (self.tenant.partner_id, self.tenant.environment)
        await self.pool.execute(_INSERT_DELIVERIES, *owner, endpoint_id, state, status_code, ids, events, ordering_key)
        return ids

    async def replay(self, **fields: Any) -> Progress:
        """Ask for a replay from two hours to a minute ago unless told otherwise."""
        minute = timedelta(minutes=1)
        given = {"since": self.clock.now() - 2 * _HOUR, "until": self.clock.now() - minute, **fields}
        return await self.replays.create(caller(self.tenant), ReplayRequest(**given))

    async def rounds(self, endpoint_id: UUID) -> dict[int, int]:
        """Round → deliveries of the endpoint in it."""
        return {row["round"]: row["count"] for row in await self.pool.fetch(_COUNT_ROUNDS, endpoint_id)}

    async def delivery(self, delivery_id: UUID) -> asyncpg.Record:
        """A delivery's row."""
        row = await self.pool.fetchrow("SELECT *, state::text AS is FROM deliveries WHERE id = $1", delivery_id)
        assert row is not None
        return row

    def _event(self, event_id: UUID, event_type: str, number: int) -> NewEvent:
        return NewEvent(
            tenant=self.tenant,
            id=event_id,
            type=event_type,
            merchant_id=None,
            occurred_at=self.clock.now(),
            data={"number": number},
        )
