"""One delivery, now: a pending one is tried without waiting, one that has ended gets another round."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from kernel.audit import record
from kernel.clock import Clock
from kernel.errors import Conflict, NotFound
from kernel.ids import Kind, Tenant, new_id, time_of, to_text
from kernel.sql import beside
from webhooks.endpoints.model import Caller
from webhooks.events.model import Connection
from webhooks.queue.port import Enqueuer, Job, Origin
from webhooks.replays.covering import begin_rounds
from webhooks.replays.model import ReplayRules
from webhooks.replays.requests import coverage_of_one
from webhooks.states import DeliveryState, EndpointState

_SQL = beside(__file__, "retrying.sql")
# A day as UUIDv7 count it, milliseconds in the highest 48 bits.
_DAY = 86_400_000 << 80
_ID_MAX = (1 << 128) - 1
_ADVICE = {
    EndpointState.DISABLED: "Enable the endpoint first.",
    EndpointState.UNPROVEN: "Let the endpoint answer its ownership challenge first.",
    EndpointState.DELETED: "Make an endpoint and replay to that one with include_unmatched.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """The try that is due now; with a `replay_id` it is the first of another round."""

    delivery_id: UUID
    replay_id: UUID | None
    round: int
    step: int


class Retrier:
    """Makes single deliveries due."""

    def __init__(
        self, pool: "asyncpg.Pool[asyncpg.Record]", enqueuer: Enqueuer, clock: Clock, rules: ReplayRules
    ) -> None:
        self._pool = pool
        self._enqueuer = enqueuer
        self._clock = clock
        self._rules = rules

    async def retry(self, caller: Caller, delivery_id: UUID) -> Retried:
        """Try this delivery now.

        Raises NotFound, and Conflict where that is not possible: `endpoint_not_receiving`, `endpoint_paused`,
        `delivery_waiting` (an earlier one of its order has not ended), `outside_replay_window`, `event_erased`.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            row = await self._lock(connection, caller.tenant, delivery_id)
            if row["state"] == DeliveryState.PENDING:
                retried, job = _present(row), _probe_if_held(row, caller.tenant)
                await connection.execute(_SQL["make_due"], caller.tenant.partner_id, delivery_id)
            else:
                replay_id, job = await self._begin(connection, caller, row)
                retried = Retried(delivery_id=delivery_id, replay_id=replay_id, round=job.round, step=0)
            await audit(connection, self._clock, caller, "delivery.retried", delivery_id=delivery_id)
        await self._enqueuer.offer([job])
        return retried

    async def replay(self, caller: Caller, delivery_id: UUID) -> UUID:
        """The replay of one delivery that has ended; its id.

        Raises as `retry` does, and Conflict `delivery_under_way` for one that has not.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            row = await self._lock(connection, caller.tenant, delivery_id)
            _check_ended(row)
            replay_id, job = await self._begin(connection, caller, row)
            await audit(connection, self._clock, caller, "replay.created", replay_id=replay_id)
        await self._enqueuer.offer([job])
        return replay_id

    async def check(self, tenant: Tenant, delivery_id: UUID) -> None:
        """Raises what `replay` would."""
        async with self._pool.acquire() as connection, connection.transaction():
            _check_ended(await self._lock(connection, tenant, delivery_id))

    async def _lock(self, connection: Connection, tenant: Tenant, delivery_id: UUID) -> asyncpg.Record:
        names = (tenant.partner_id, tenant.environment, delivery_id)
        row = await connection.fetchrow(_SQL["lock_delivery"], *names, *_events_near(delivery_id))
        if row is None:
            raise NotFound
        self._check(row)
        return row

    def _check(self, row: asyncpg.Record) -> None:
        check_endpoint(row["endpoint_state"])
        if row["is_paused"]:
            raise Conflict("The endpoint is paused.", code="endpoint_paused", action="Resume it first.")
        if row["state"] == DeliveryState.WAITING:
            detail = "An earlier delivery of the same ordering key has not ended."
            raise Conflict(detail, code="delivery_waiting", action="Retry or wait for the earlier one.")
        if row["is_erased"]:
            raise Conflict("The event's body was erased.", code="event_erased")
        if time_of(row["event_id"]) < self._clock.now() - self._rules.window:
            detail = f"Events can be replayed for {self._rules.window.days} days."
            raise Conflict(detail, code="outside_replay_window", action="Publish the event again.")

    async def _begin(self, connection: Connection, caller: Caller, row: asyncpg.Record) -> tuple[UUID, Job]:
        """The round, and the replay that stands for it: done already."""
        tenant, replay_id, at = caller.tenant, new_id(self._clock.now()), time_of(row["event_id"])
        coverage = coverage_of_one(tenant, row["endpoint_id"], at)
        [job] = await begin_rounds(connection, coverage, replay_id, [row["id"]])
        names = (tenant.partner_id, replay_id, tenant.environment, caller.actor)
        await connection.execute(_SQL["insert_done_replay"], *names, row["id"], row["endpoint_id"], coverage.states, at)
        return replay_id, job


def check_endpoint(state: str | None) -> None:
    """Raises NotFound for no endpoint, Conflict for one that receives nothing, with what helps."""
    if state is None:
        raise NotFound
    if state != EndpointState.ENABLED:
        action = _ADVICE[EndpointState(state)]
        raise Conflict(f"The endpoint is {state}.", code="endpoint_not_receiving", action=action)


async def audit(connection: Connection, clock: Clock, caller: Caller, action: str, **target: UUID) -> None:
    """Record an act in the transaction that does it; the target is given as `replay_id` or `delivery_id`."""
    [(kind, identifier)] = target.items()
    of_kind = Kind.REPLAY if kind == "replay_id" else Kind.DELIVERY
    await record(connection, caller.entry(clock.now(), action, to_text(of_kind, identifier, caller.tenant.environment)))


def _events_near(delivery_id: UUID) -> tuple[UUID, UUID]:
    """Between which ids the delivery's event lies. The id may be anything that a caller made up, so no times here."""
    return UUID(int=max(delivery_id.int - _DAY, 0)), UUID(int=min(delivery_id.int + _DAY, _ID_MAX))


def _check_ended(row: asyncpg.Record) -> None:
    if row["state"] == DeliveryState.PENDING:
        action = "Retry it, if it is to be tried now."
        raise Conflict("The delivery is under way.", code="delivery_under_way", action=action)


def _present(row: asyncpg.Record) -> Retried:
    return Retried(delivery_id=row["id"], replay_id=None, round=row["round"], step=row["step"])


def _probe_if_held(row: asyncpg.Record, tenant: Tenant) -> Job:
    """A held lane gives out probes only, and whoever asks for a try now wants to know whether the lane is well."""
    return Job(
        partner_id=tenant.partner_id,
        endpoint_id=row["endpoint_id"],
        delivery_id=row["id"],
        round=row["round"],
        step=row["step"],
        origin=Origin.PROBE if row["is_held"] else Origin.OFFERED,
    )
