"""Replays as their owners ask for and steer them. Every change is audited in its own transaction."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from kernel.clock import Clock
from kernel.errors import Conflict, FieldError, NotFound
from kernel.ids import Tenant, new_id
from kernel.sql import beside
from webhooks.endpoints.model import Caller
from webhooks.events.model import Connection
from webhooks.reading.cursor import Position
from webhooks.replays.covering import count_covered, count_under_way, plan_for_counting
from webhooks.replays.model import Coverage, Estimate, Progress, Replay, ReplayRequest, ReplayRules
from webhooks.replays.requests import check, coverage_of, refuse
from webhooks.replays.retrying import Retrier, audit, check_endpoint
from webhooks.replays.unmatched import Missing, Unmatched
from webhooks.states import REPLAY_MOVES, DeliveryState, ReplayState

_SQL = beside(__file__, "service.sql")
_COUNT_SECONDS_MAX = 10
_VERBS = {ReplayState.PAUSED: "paused", ReplayState.RUNNING: "resumed", ReplayState.CANCELLED: "cancelled"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPage:
    """Replays, newest first, and the cursor of the next page, None after the last."""

    replays: tuple[Replay, ...]
    next_cursor: str | None


class Replays:
    """Create, estimate, read, pause, resume, cancel."""

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        unmatched: Unmatched,
        retrier: Retrier,
        clock: Clock,
        rules: ReplayRules,
    ) -> None:
        self._pool = pool
        self._unmatched = unmatched
        self._retrier = retrier
        self._clock = clock
        self._rules = rules

    def check(self, request: ReplayRequest) -> Sequence[FieldError]:
        """Every wrong field that can be told without looking anything up."""
        return check(request, self._rules, self._clock.now())

    async def create(self, caller: Caller, request: ReplayRequest) -> Progress:
        """Commit a replay; the worker begins at once. One delivery is made due here and now.

        Raises Invalid with every wrong field, and Conflict where the endpoint receives nothing
        (`endpoint_not_receiving`), the delivery is under way (`delivery_under_way`), too many replays run
        (`replays_max`), or the filter is too wide to be counted (`replay_too_large`).
        """
        if errors := self.check(request):
            raise refuse([*errors])
        if request.delivery_id is not None:
            return await self.get(caller.tenant, await self._replay_one(caller, request.delivery_id))
        coverage = coverage_of(caller.tenant, request, self._clock.now())
        rate = request.rate_per_second or self._rules.rate_default
        estimate = await self._estimate(coverage, rate)
        replay_id = new_id(self._clock.now())
        async with self._pool.acquire() as connection, connection.transaction():
            await self._check_room(connection, caller.tenant)
            await _insert(connection, caller, replay_id, coverage, (rate, estimate.total + estimate.unmatched))
            await audit(connection, self._clock, caller, "replay.created", replay_id=replay_id)
        return await self.get(caller.tenant, replay_id)

    async def estimate(self, caller: Caller, request: ReplayRequest) -> Estimate:
        """What `create` would do, and nothing else. Raises as it does."""
        if errors := self.check(request):
            raise refuse([*errors])
        if request.delivery_id is not None:
            with _known("/delivery_id", "delivery"):
                await self._retrier.check(caller.tenant, request.delivery_id)
            return Estimate(total=1, unmatched=0, under_way=0, is_unmatched_at_most=False, seconds=0)
        coverage = coverage_of(caller.tenant, request, self._clock.now())
        return await self._estimate(coverage, request.rate_per_second or self._rules.rate_default)

    async def get(self, tenant: Tenant, replay_id: UUID) -> Progress:
        """One replay and what became of its deliveries so far. Raises NotFound."""
        replay = await self._replay(tenant, replay_id)
        bounds = (replay.coverage.first_id, replay.coverage.deliveries_end_id)
        rows = await self._pool.fetch(_SQL["count_outcomes"], tenant.partner_id, replay_id, *bounds)
        return Progress(replay=replay, outcomes={DeliveryState(row["state"]): row["deliveries"] for row in rows})

    async def list(self, tenant: Tenant, *, cursor: str | None = None, limit: int = 50) -> ReplayPage:
        """A page of replays. Raises Invalid for a cursor that is not ours."""
        after = Position.from_text(cursor).id if cursor is not None else None
        rows = await self._pool.fetch(_SQL["list_replays"], tenant.partner_id, tenant.environment, after, limit + 1)
        shown = tuple(Replay.from_row(row) for row in rows[:limit])
        return ReplayPage(replays=shown, next_cursor=Position(id=shown[-1].id).to_text() if len(rows) > limit else None)

    async def pause(self, caller: Caller, replay_id: UUID) -> Progress:
        """Make nothing more due for now. Raises NotFound, Conflict (`replay_ended`)."""
        return await self._move(caller, replay_id, ReplayState.PAUSED)

    async def resume(self, caller: Caller, replay_id: UUID) -> Progress:
        """Go on where it was paused. Raises as `pause` does."""
        return await self._move(caller, replay_id, ReplayState.RUNNING)

    async def cancel(self, caller: Caller, replay_id: UUID) -> Progress:
        """End it; what it has made due is still sent. Raises as `pause` does."""
        return await self._move(caller, replay_id, ReplayState.CANCELLED)

    async def _replay_one(self, caller: Caller, delivery_id: UUID) -> UUID:
        with _known("/delivery_id", "delivery"):
            return await self._retrier.replay(caller, delivery_id)

    async def _move(self, caller: Caller, replay_id: UUID, target: ReplayState) -> Progress:
        """A guarded move; one to the state that it has already changes and records nothing."""
        tenant = caller.tenant
        origins = [origin for origin, allowed in REPLAY_MOVES if allowed is target]
        async with self._pool.acquire() as connection, connection.transaction():
            arguments = (tenant.partner_id, tenant.environment, replay_id, target, origins)
            if await connection.fetchval(_SQL["move_replay"], *arguments) is not None:
                await audit(connection, self._clock, caller, f"replay.{_VERBS[target]}", replay_id=replay_id)
        progress = await self.get(tenant, replay_id)
        if progress.replay.state is not target:
            raise Conflict(f"The replay is {progress.replay.state}.", code="replay_ended", action="Make a new replay.")
        return progress

    async def _estimate(self, coverage: Coverage, rate: float) -> Estimate:
        try:
            async with self._pool.acquire() as connection, connection.transaction(readonly=True):
                await plan_for_counting(connection, _COUNT_SECONDS_MAX)
                await self._check_endpoint(connection, coverage)
                await self._check_merchant(connection, coverage)
                return await self._count(connection, coverage, rate)
        except asyncpg.QueryCanceledError:
            action = "Narrow the time range, or leave out the states delivered and cancelled."
            raise Conflict("The filter is too wide to be counted.", code="replay_too_large", action=action) from None

    async def _count(self, connection: Connection, coverage: Coverage, rate: float) -> Estimate:
        total, missing = await count_covered(connection, coverage), Missing(deliveries=0, is_at_most=False)
        if coverage.include_unmatched:
            missing = await self._unmatched.count(connection, coverage)
        return Estimate(
            total=total,
            unmatched=missing.deliveries,
            under_way=await count_under_way(connection, coverage),
            is_unmatched_at_most=missing.is_at_most,
            seconds=(total + missing.deliveries) / rate,
        )

    async def _check_endpoint(self, connection: Connection, coverage: Coverage) -> None:
        if coverage.endpoint_id is None:
            return
        tenant = coverage.tenant
        state = await connection.fetchval(
            _SQL["find_endpoint_state"], tenant.partner_id, tenant.environment, coverage.endpoint_id
        )
        with _known("/endpoint_id", "endpoint"):
            check_endpoint(state)

    async def _check_merchant(self, connection: Connection, coverage: Coverage) -> None:
        if coverage.merchant_id is None:
            return
        names = (coverage.tenant.partner_id, coverage.tenant.environment, coverage.merchant_id)
        with _known("/merchant_id", "merchant"):
            if not await connection.fetchval(_SQL["has_merchant"], *names):
                raise NotFound

    async def _check_room(self, connection: Connection, tenant: Tenant) -> None:
        running = await connection.fetchval(_SQL["count_running"], tenant.partner_id, tenant.environment)
        if running >= self._rules.running_max:
            detail = f"There are {self._rules.running_max} running replays already."
            raise Conflict(detail, code="replays_max", action="Wait for one to end, or pause or cancel one.")

    async def _replay(self, tenant: Tenant, replay_id: UUID) -> Replay:
        row = await self._pool.fetchrow(_SQL["get_replay"], tenant.partner_id, tenant.environment, replay_id)
        if row is None:
            raise NotFound
        return Replay.from_row(row)


@contextmanager
def _known(pointer: str, what: str) -> Iterator[None]:
    """An id in the body that names nothing of the caller's is a wrong field, not a missing resource."""
    try:
        yield
    except NotFound:
        message = f"must be the id of a {what} of yours in this environment"
        raise refuse([FieldError(pointer=pointer, code=f"{what}_unknown", message=message)]) from None


async def _insert(
    connection: Connection, caller: Caller, replay_id: UUID, coverage: Coverage, rate_and_total: tuple[Any, ...]
) -> None:
    await connection.execute(
        _SQL["insert_replay"],
        caller.tenant.partner_id,
        replay_id,
        caller.tenant.environment,
        caller.actor,
        coverage.endpoint_id,
        coverage.merchant_id,
        coverage.event_types,
        coverage.states,
        coverage.status_classes,
        coverage.since,
        coverage.until,
        coverage.include_unmatched,
        *rate_and_total,
    )
