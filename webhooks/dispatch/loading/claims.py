"""Claims become what can be sent: two queries per batch, one opening of all seals, and the rest is told why not."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import asyncpg

from kernel.clock import Clock
from kernel.ids import NIL, Environment, Tenant, first_id_at, time_of
from kernel.sealing import KeyEncryptionKeyMissing, SealError, Vault
from kernel.sql import beside
from webhooks.dispatch.loading.endpoints import Connection, EndpointLoader, LoadedEndpoint, OpenedEndpoint
from webhooks.dispatch.outcome import About, Outcome, Reason, Sendable, cause_of
from webhooks.dispatch.policy import DispatchPolicy
from webhooks.events.model import body_context, is_test_body, thin_body
from webhooks.health.notices import is_notice
from webhooks.queue.port import Claim, Finish, Lane, LaneMode, Origin, Retry
from webhooks.sending.model import LoadedDelivery
from webhooks.states import DeliveryState, EndpointState

_SQL = beside(__file__, "loading.sql")
_DAY = timedelta(days=1)
# A key-encryption key that is not configured is an operator's matter; no step is used up by it.
_KEY_MISSING_DELAY_MS = 60_000
# What a lane that is held or paused gives back is asked for again after this, should nobody tell the queue.
_CLOSED_DELAY_MS = 5_000
_ENDS = {
    EndpointState.DISABLED: Reason.ENDPOINT_DISABLED,
    EndpointState.DELETED: Reason.ENDPOINT_DELETED,
}

# By their texts: calling an enumeration costs ten times a look-up.
_ENVIRONMENTS = {environment.value: environment for environment in Environment}

_Matching = tuple[Claim, asyncpg.Record, LoadedEndpoint]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedBatch:
    """`sendable` are to be sent; `outcomes` end without a send; `finishes` are not to be sent now.

    `lanes` gave out what they should have kept: the queue is told again what they are. `read_at` is the monotonic time
    before which the endpoints' keys were read.
    """

    read_at: float
    sendable: list[Sendable] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    finishes: list[Finish] = field(default_factory=list)
    lanes: dict[UUID, Lane] = field(default_factory=dict)


class Loader:
    """Loads and opens."""

    def __init__(
        self, pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: Clock, policy: DispatchPolicy
    ) -> None:
        self._pool = pool
        self._vault = vault
        self._clock = clock
        self._timeout_seconds = policy.load_seconds
        self._endpoints = EndpointLoader(vault, clock, _SQL, policy.retry.schedule)

    async def load(self, claims: Sequence[Claim]) -> LoadedBatch:
        """Raises what the database's driver raises."""
        batch = LoadedBatch(read_at=self._clock.monotonic())
        rows, endpoint_rows = await self._rows(claims)
        endpoints = await self._endpoints.loaded(endpoint_rows)
        matching: list[_Matching] = []
        for claim in claims:
            row = rows.get(claim.job.delivery_id)
            if row is None or not _matches(claim, row):
                batch.finishes.append(Finish(claim=claim, retry=_present(row)))
            elif _is_sendable(batch, claim, row, endpoints.get(row["endpoint_id"])):
                matching.append((claim, row, endpoints[row["endpoint_id"]]))
        await self._open_bodies(matching, batch)
        return batch

    async def _rows(self, claims: Sequence[Claim]) -> tuple[dict[UUID, asyncpg.Record], list[asyncpg.Record]]:
        ids = [claim.job.delivery_id for claim in claims]
        partners = [claim.job.partner_id for claim in claims]
        endpoints = {(claim.job.partner_id, claim.job.endpoint_id) for claim in claims}
        async with asyncio.timeout(self._timeout_seconds), _reading(self._pool) as connection:
            rows = await connection.fetch(_SQL["load_deliveries"], partners, ids, *id_bounds(ids))
            return {row["id"]: row for row in rows}, await self._endpoints.rows(connection, endpoints)

    async def _open_bodies(self, matching: Sequence[_Matching], batch: LoadedBatch) -> None:
        bodies = await self._vault.open_each(
            [(row["partner_id"], row["sealed_body"], body_context(row["event_id"])) for _, row, _ in matching]
        )
        for (claim, row, endpoint), body in zip(matching, bodies, strict=True):
            opened = endpoint.opened
            if isinstance(body, KeyEncryptionKeyMissing) or isinstance(opened, KeyEncryptionKeyMissing):
                batch.finishes.append(release(claim, _KEY_MISSING_DELAY_MS))
            elif isinstance(body, SealError) or not isinstance(opened, OpenedEndpoint):
                batch.outcomes.append(_ended(claim, row, DeliveryState.DEAD, Reason.UNREADABLE))
            else:
                delivery = _delivery((claim, row, endpoint), opened, body)
                batch.sendable.append(_sendable((claim, row, endpoint), opened, delivery, batch.read_at))


@asynccontextmanager
async def _reading(pool: "asyncpg.Pool[asyncpg.Record]") -> AsyncIterator[Connection]:
    """A transaction that reads, with its settings in the round trip that begins it."""
    async with pool.acquire() as connection:
        try:
            await connection.execute(_SQL["begin"])
            yield connection
            await connection.execute("COMMIT")
        except BaseException:
            with suppress(asyncpg.InterfaceError):  # the pool has taken it back already
                connection.terminate()
            raise


def release(claim: Claim, delay_ms: int) -> Finish:
    """Give a claim back unsent: the same step, with the origin that it had."""
    job = claim.job
    origin = Origin.OFFERED if job.origin is Origin.PROBE else job.origin
    return Finish(claim=claim, retry=Retry(round=job.round, step=job.step, delay_ms=delay_ms, origin=origin))


def id_bounds(ids: Sequence[UUID]) -> tuple[UUID, UUID]:
    """Between which ids these deliveries and their events lie: a delivery's id carries its event's time, nearly."""
    return first_id_at(time_of(min(ids)) - _DAY), first_id_at(time_of(max(ids)) + _DAY)


def _matches(claim: Claim, row: asyncpg.Record) -> bool:
    job = claim.job
    return row["state"] == DeliveryState.PENDING and (row["round"], row["step"]) == (job.round, job.step)


def _present(row: asyncpg.Record | None) -> Retry | None:
    """Where a delivery is that its job no longer matches; None if nothing is to be sent."""
    if row is None or row["state"] != DeliveryState.PENDING:
        return None
    return Retry(round=row["round"], step=row["step"], delay_ms=row["delay_ms"] or 0)


def _is_sendable(batch: LoadedBatch, claim: Claim, row: asyncpg.Record, endpoint: LoadedEndpoint | None) -> bool:
    """Whether it is to be sent now; if not, the batch says what becomes of it."""
    state = endpoint.state if endpoint else EndpointState.DELETED
    if row["sealed_body"] is None:
        batch.outcomes.append(_ended(claim, row, DeliveryState.DEAD, Reason.UNREADABLE))
    elif endpoint is None or state in _ENDS:
        batch.outcomes.append(_ended(claim, row, DeliveryState.UNDELIVERED, _ENDS[state]))
    elif (wait_ms := _wait_ms(claim, row, endpoint)) > 0:
        batch.finishes.append(release(claim, wait_ms))
        batch.lanes[claim.job.endpoint_id] = endpoint.lane
    else:
        return True
    return False


def _wait_ms(claim: Claim, row: asyncpg.Record, endpoint: LoadedEndpoint) -> int:
    """How long it must not be sent: its lane is closed, it is not due, or its receiver asked to wait."""
    due_ms, early_ms = int(row["delay_ms"] or 0), int(row["early_ms"] or 0)
    is_probe, mode = claim.job.origin is Origin.PROBE, endpoint.lane.mode
    is_closed = mode is LaneMode.PAUSED or (mode is LaneMode.HELD and not is_probe)
    if is_closed:
        return max(due_ms, early_ms, _CLOSED_DELAY_MS)
    if is_probe and mode is LaneMode.OPEN:
        return max(due_ms, early_ms)
    return early_ms


def _ended(claim: Claim, row: asyncpg.Record, state: DeliveryState, reason: Reason) -> Outcome:
    return Outcome(claim=claim, about=_about(row), state=state, reason=reason)


def _about(row: asyncpg.Record) -> About:
    """An event that is gone had no words either: nothing is told of it."""
    event_type = row["type"]
    return About(
        event_id=row["event_id"],
        environment=_ENVIRONMENTS[row["environment"]],
        is_notice=event_type is None or is_notice(event_type),
    )


def _sendable(matching: _Matching, opened: OpenedEndpoint, delivery: LoadedDelivery, read_at: float) -> Sendable:
    claim, row, endpoint = matching
    failing_since, last_at = endpoint.failing_since, row["last_attempt_at"]
    return Sendable(
        claim=claim,
        delivery=delivery,
        about=_about(row),
        read_at=read_at,
        owner_id=row["merchant_id"] or NIL,
        began_at=row["round_at"] or time_of(row["id"]),
        schedule=opened.schedule,
        due_ms=row["delay_ms"] or 0 if claim.job.origin is Origin.PROBE else 0,
        failed_before=failing_since is not None and last_at is not None and last_at >= failing_since,
    )


def _delivery(matching: _Matching, opened: OpenedEndpoint, body: bytes) -> LoadedDelivery:
    claim, row, endpoint = matching
    job = claim.job
    environment = _ENVIRONMENTS[row["environment"]]
    is_test = is_test_body(body)
    if endpoint.is_thin:
        body = thin_body(row["event_id"], environment, row["type"], row["occurred_at"], is_test=is_test)
    return LoadedDelivery(
        tenant=Tenant(row["partner_id"], environment),
        delivery_id=row["id"],
        event_id=row["event_id"],
        endpoint_id=row["endpoint_id"],
        endpoint_version=endpoint.version,
        url=opened.url,
        signing_keys=opened.signing_keys,
        body=body,
        round=job.round,
        step=job.step,
        cause=cause_of(job.origin, job.round, job.step),
        headers=opened.headers,
        sequence=row["sequence"],
        is_test=is_test,
        client_certificate=opened.client_certificate,
    )
