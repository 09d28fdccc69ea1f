"""Results become true: one transaction per batch inserts attempts, moves deliveries and changes endpoints."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import UUID

import asyncpg

from kernel.batcher.work import BatchConnection
from kernel.clock import Clock
from kernel.ids import Environment, Kind, Tenant, new_id, to_text
from kernel.sql import beside
from webhooks.dispatch.outcome import Attempt, Effect, Outcome
from webhooks.events.model import NewEvent, Written
from webhooks.queue.port import Enqueuer, Job, Retry
from webhooks.states import DeliveryState

_SQL = beside(__file__, "recording.sql")
_DISABLED_EVENT = "webhook_endpoint.disabled"

_Key = tuple[UUID, UUID]
# An ordered endpoint's deliveries of one ordering key: partner, endpoint, key.
Line = tuple[UUID, UUID, UUID]


class EventsWriter(Protocol):
    """Writes events in the caller's transaction (`webhooks.events.writer.EventWriter`)."""

    async def write(self, connection: BatchConnection, events: Sequence[NewEvent]) -> list[Written]:
        """One result per event, with the jobs to offer after the commit."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What was committed of an outcome. `superseded`: the delivery had moved on, so only the attempt was kept.

    `freed` are jobs that the whole batch brought about, told with one of its results.
    """

    superseded: bool
    retry: Retry | None = None
    freed: tuple[Job, ...] = ()


class RecordWork:
    """`kernel.batcher.BatchWork` for outcomes."""

    name = "delivery_results"

    def __init__(self, events: EventsWriter, enqueuer: Enqueuer, clock: Clock) -> None:
        self._events = events
        self._enqueuer = enqueuer
        self._clock = clock

    def key(self, row: Outcome) -> _Key:
        """One delivery: two results of it are never in one batch."""
        return _key(row)

    async def write(self, connection: BatchConnection, rows: Sequence[Outcome]) -> list[Recorded]:
        """See BatchWork."""
        await connection.execute(_SQL["plan_by_key"])
        disabled = await _disable(connection, rows)
        chosen = [_applicable(row, disabled) for row in rows]
        settled = await _settle(connection, chosen)
        await _insert_attempts(connection, chosen, settled)
        await _mark_endpoints(connection, chosen)
        freed = [
            *await free_followers(connection, _ended_lines(settled.values())),
            *await self._tell(connection, disabled),
        ]
        results = [_recorded(row, settled) for row in chosen]
        return [replace(results[0], freed=tuple(freed)), *results[1:]]

    async def find(self, connection: BatchConnection, rows: Sequence[Outcome]) -> list[Recorded | None]:
        """See BatchWork. What is found is finished without a retry: the reconciler knows when it is due."""
        attempts = [(row.claim.job, row.attempt) for row in rows if row.attempt]
        found = await connection.fetch(
            _SQL["find_attempts"],
            [job.partner_id for job, _ in attempts],
            [job.delivery_id for job, _ in attempts],
            [attempt.id for _, attempt in attempts],
        )
        known = {record["id"] for record in found}
        return [Recorded(superseded=False) if row.attempt and row.attempt.id in known else None for row in rows]

    async def committed(self, results: Sequence[Recorded]) -> None:
        """Offer what the batch made due."""
        await self._enqueuer.offer([job for result in results for job in result.freed])

    async def _tell(self, connection: BatchConnection, disabled: Mapping[_Key, Environment]) -> list[Job]:
        """Each endpoint that was disabled is told to its partner, once: with the change itself."""
        if not disabled:
            return []
        now = self._clock.now()
        events = [
            NewEvent(
                tenant=Tenant(partner_id, environment),
                id=new_id(now),
                type=_DISABLED_EVENT,
                merchant_id=None,
                occurred_at=now,
                data={"endpoint_id": to_text(Kind.ENDPOINT, endpoint_id, environment), "reason": "receiver_asked"},
            )
            for (partner_id, endpoint_id), environment in disabled.items()
        ]
        return [job for written in await self._events.write(connection, events) for job in written.jobs]


async def _disable(connection: BatchConnection, rows: Sequence[Outcome]) -> dict[_Key, Environment]:
    """The endpoints that this batch disabled."""
    asking = [row for row in rows if row.effect is Effect.DISABLE]
    if not asking:
        return {}
    versions = {_endpoint(row): row.endpoint_version for row in asking}
    columns = (*_columns(list(versions)), list(versions.values()))
    await connection.execute(_SQL["move_versions"], *columns)
    records = await connection.fetch(_SQL["disable_endpoints"], *columns)
    return {(record["partner_id"], record["id"]): Environment(record["environment"]) for record in records}


def _applicable(row: Outcome, disabled: Mapping[_Key, Environment]) -> Outcome:
    if row.otherwise is not None and _endpoint(row) not in disabled:
        return row.otherwise
    return row


async def _settle(connection: BatchConnection, rows: Sequence[Outcome]) -> dict[_Key, asyncpg.Record]:
    """Move the deliveries that are where their outcome left them; returns the rows that moved."""
    jobs = [row.claim.job for row in rows]
    records = await connection.fetch(
        _SQL["settle_deliveries"],
        *_columns([_key(row) for row in rows]),
        [job.round for job in jobs],
        [job.step for job in jobs],
        [row.state.value for row in rows],
        [row.reason for row in rows],
        [row.retry.step if row.retry else row.claim.job.step for row in rows],
        [row.retry.delay_ms if row.retry else 0 for row in rows],
    )
    return {(record["partner_id"], record["id"]): record for record in records}


async def _insert_attempts(
    connection: BatchConnection, rows: Sequence[Outcome], settled: Mapping[_Key, asyncpg.Record]
) -> None:
    values = [_attempt_values(row, row.attempt, _key(row) not in settled) for row in rows if row.attempt]
    if values:
        await connection.execute(_SQL["insert_attempts"], *(list(column) for column in zip(*values, strict=True)))


def _attempt_values(row: Outcome, attempt: Attempt, superseded: bool) -> tuple[object, ...]:  # noqa: FBT001 - a column
    job, result, timings = row.claim.job, attempt.result, attempt.result.timings
    return (
        job.partner_id,
        job.delivery_id,
        attempt.id,
        job.round,
        job.step,
        attempt.cause.value,
        superseded,
        result.status_code,
        result.error_class,
        result.started_at,
        timings.dns_us,
        timings.connect_us,
        timings.tls_us,
        timings.first_byte_us,
        timings.total_us,
        attempt.sealed_exchange,
    )


async def _mark_endpoints(connection: BatchConnection, rows: Sequence[Outcome]) -> None:
    """The last word of a batch on an endpoint counts."""
    marks = {_endpoint(row): row for row in rows if row.effect in {Effect.FAILING, Effect.RECOVERED}}
    if marks:
        await connection.execute(
            _SQL["mark_endpoints"],
            *_columns(sorted(marks)),
            [marks[endpoint].endpoint_version for endpoint in sorted(marks)],
            [marks[endpoint].effect is Effect.FAILING for endpoint in sorted(marks)],
        )


async def free_followers(connection: BatchConnection, lines: Sequence[Line]) -> list[Job]:
    """Make the next delivery of each line due unless one is already; the caller offers the jobs after its commit."""
    if not lines:
        return []
    await connection.execute(_SQL["lock_lines"], [f"{endpoint}/{key}" for _, endpoint, key in lines])
    freed = await connection.fetch(_SQL["free_followers"], *(list(column) for column in zip(*lines, strict=True)))
    return [
        Job(
            partner_id=record["partner_id"],
            endpoint_id=record["endpoint_id"],
            delivery_id=record["id"],
            round=record["round"],
            step=record["step"],
        )
        for record in freed
    ]


def _ended_lines(settled: Iterable[asyncpg.Record]) -> list[Line]:
    """The lines whose head has ended in this batch, in the order in which everybody locks them."""
    ended = (record for record in settled if record["ordering_key"] and record["state"] != DeliveryState.PENDING)
    return sorted({(record["partner_id"], record["endpoint_id"], record["ordering_key"]) for record in ended})


def _recorded(row: Outcome, settled: Mapping[_Key, asyncpg.Record]) -> Recorded:
    if _key(row) not in settled:
        return Recorded(superseded=True)
    return Recorded(superseded=False, retry=row.retry)


def _key(row: Outcome) -> _Key:
    return row.claim.job.partner_id, row.claim.job.delivery_id


def _endpoint(row: Outcome) -> _Key:
    return row.claim.job.partner_id, row.claim.job.endpoint_id


def _columns(keys: Sequence[_Key]) -> tuple[list[UUID], list[UUID]]:
    return [partner for partner, _ in keys], [identifier for _, identifier in keys]
