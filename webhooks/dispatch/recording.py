"""Results become true: one transaction per batch moves deliveries, inserts attempts and judges endpoints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import asyncpg
import structlog

from kernel.batcher.work import BatchConnection
from kernel.clock import Clock
from kernel.ids import Tenant
from kernel.sealing import ERASED
from kernel.sql import beside
from webhooks.dispatch.lines import Line, free_followers
from webhooks.dispatch.outcome import Attempt, Outcome
from webhooks.events.model import NewEvent, Written
from webhooks.health.changes import Changes, disable, report_health
from webhooks.health.judging import reports
from webhooks.health.model import HealthPolicy, Sign
from webhooks.health.notices import EndpointRef, delivery_dead
from webhooks.queue.port import Enqueuer, Job, Lane, QueueError, Retry
from webhooks.states import DeliveryState

_SQL = beside(__file__, "recording.sql")
_MILLISECOND = timedelta(milliseconds=1)
# webhook_endpoints.state_reason of an endpoint whose receiver answered 410 or `webhook-delivery: disable`.
RECEIVER_ASKED = "receiver_asked"
_log = structlog.get_logger()

_Key = tuple[UUID, UUID]


class EventsWriter(Protocol):
    """Writes events in the caller's transaction (`webhooks.events.writer.EventWriter`)."""

    async def write(self, connection: BatchConnection, events: Sequence[NewEvent]) -> list[Written]:
        """One result per event, with the jobs to offer after the commit."""
        ...


class Lanes(Protocol):
    """Is told what became of lanes (`webhooks.queue.port.Queue`)."""

    async def configure(self, lanes: Sequence[Lane]) -> None:
        """Raises QueueError; the reconciler will tell it again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What was committed of an outcome. `superseded`: the delivery had moved on, so only the attempt was kept.

    `freed` and `lanes` are jobs and lanes that the whole batch brought about, told with one of its results.
    """

    superseded: bool
    retry: Retry | None = None
    freed: tuple[Job, ...] = ()
    lanes: tuple[Lane, ...] = ()


class RecordWork:
    """`kernel.batcher.BatchWork` for outcomes."""

    name = "delivery_results"

    def __init__(
        self, events: EventsWriter, enqueuer: Enqueuer, lanes: Lanes, clock: Clock, policy: HealthPolicy
    ) -> None:
        self._events = events
        self._enqueuer = enqueuer
        self._lanes = lanes
        self._clock = clock
        self._policy = policy

    def key(self, row: Outcome) -> _Key:
        """One delivery: two results of it are never in one batch."""
        return _key(row)

    async def write(self, connection: BatchConnection, rows: Sequence[Outcome]) -> list[Recorded]:
        """See BatchWork. Notices come last: they take the numbers that every event of their endpoints waits for."""
        now = self._clock.now()
        await connection.execute(_SQL["plan_by_key"])
        disabled = await disable(connection, _asking(rows), RECEIVER_ASKED, now)
        chosen = [row.otherwise if row.otherwise and _endpoint(row) not in disabled else row for row in rows]
        settled = await _settle(connection, chosen)
        await _insert_attempts(connection, chosen, settled)
        changes = await self._judge(connection, chosen, settled)
        freed = await free_followers(connection, _ended_lines(settled))
        notices = [*disabled.values(), *changes.notices, *_obituaries(chosen, settled, now)]
        written = await self._events.write(connection, notices) if notices else []
        results = [_recorded(row, settled) for row in chosen]
        jobs = (*freed, *(job for item in written for job in item.jobs))
        return [replace(results[0], freed=jobs, lanes=changes.lanes), *results[1:]]

    async def find(self, connection: BatchConnection, rows: Sequence[Outcome]) -> list[Recorded | None]:
        """See BatchWork. What is found is finished without a retry: the reconciler knows when it is due."""
        partners, deliveries = zip(*(self.key(row) for row in rows), strict=True)
        known = {row["id"] for row in await connection.fetch(_SQL["find_attempts"], partners, deliveries)}
        return [Recorded(superseded=False) if row.attempt and row.attempt.id in known else None for row in rows]

    async def committed(self, results: Sequence[Recorded]) -> None:
        """Tell the queue of lanes that were held or opened, and offer what the batch made due."""
        lanes = [lane for result in results for lane in result.lanes]
        if lanes:
            try:
                await self._lanes.configure(lanes)
            except QueueError as error:
                _log.warning("lanes.not_told", lanes=len(lanes), error=type(error).__name__)
        await self._enqueuer.offer([job for result in results for job in result.freed])

    async def _judge(
        self, connection: BatchConnection, rows: Sequence[Outcome], settled: Mapping[_Key, asyncpg.Record]
    ) -> Changes:
        """A result that its delivery had overtaken counts no failure; a 2xx shows a well lane all the same."""
        seen = [
            row.sighting
            for row in rows
            if row.sighting and (row.sighting.sign is Sign.DELIVERED or _key(row) in settled)
        ]
        changes = await report_health(connection, reports(seen), self._policy)
        for lane in changes.lanes:
            _log.info("lane.changed", endpoint_id=str(lane.endpoint_id), mode=lane.mode.name.lower())
        return changes


def _asking(rows: Sequence[Outcome]) -> dict[_Key, int]:
    """The endpoints whose receivers want nothing more, with the version that was sent to."""
    return {_endpoint(row): row.sighting.version for row in rows if row.disables and row.sighting}


async def _settle(connection: BatchConnection, rows: Sequence[Outcome]) -> dict[_Key, asyncpg.Record]:
    """The deliveries whose results still counted."""
    records = await connection.fetch(
        _SQL["settle_deliveries"], *(list(column) for column in zip(*map(_settle_values, rows), strict=True))
    )
    return {(record["partner_id"], record["id"]): record for record in records}


def _settle_values(row: Outcome) -> tuple[object, ...]:
    job, retry = row.claim.job, row.retry
    result = row.attempt.result if row.attempt else None
    return (
        job.partner_id,
        job.delivery_id,
        job.round,
        job.step,
        row.state.value,
        row.reason,
        retry.step if retry else job.step,
        retry.delay_ms if retry and not row.keeps_time else None,
        row.awaits_lane,
        row.wish // _MILLISECOND or None,
        result is not None,
        result.status_code if result else None,
        result.error_class if result else None,
    )


async def _insert_attempts(
    connection: BatchConnection, rows: Sequence[Outcome], settled: Mapping[_Key, asyncpg.Record]
) -> None:
    values = [_attempt_values(row, row.attempt, _key(row) not in settled) for row in rows if row.attempt]
    if values:
        await connection.execute(_SQL["insert_attempts"], *(list(column) for column in zip(*values, strict=True)))
    if late := [_key(row) for row in rows if row.attempt and _key(row) not in settled]:
        await connection.execute(_SQL["erase_late_exchanges"], *zip(*late, strict=True), ERASED)


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
        job.endpoint_id,
    )


def _ended_lines(settled: Mapping[_Key, asyncpg.Record]) -> list[Line]:
    """The lines whose head has ended in this batch, in the order in which everybody locks them."""
    ended = (row for row in settled.values() if row["ordering_key"] and row["state"] != DeliveryState.PENDING)
    return sorted({(row["partner_id"], row["endpoint_id"], row["ordering_key"]) for row in ended})


def _obituaries(rows: Sequence[Outcome], settled: Mapping[_Key, asyncpg.Record], now: datetime) -> list[NewEvent]:
    """The notices of deliveries that die in this batch; of a notice that dies nothing is told."""
    return [
        delivery_dead(
            EndpointRef(Tenant(row.claim.job.partner_id, row.about.environment), row.claim.job.endpoint_id),
            now,
            delivery_id=row.claim.job.delivery_id,
            event_id=row.about.event_id,
            reason=row.reason or "",
        )
        for row in rows
        if row.state is DeliveryState.DEAD and not row.about.is_notice and _key(row) in settled
    ]


def _recorded(row: Outcome, settled: Mapping[_Key, asyncpg.Record]) -> Recorded:
    if _key(row) not in settled:
        return Recorded(superseded=True)
    return Recorded(superseded=False, retry=row.retry)


def _key(row: Outcome) -> _Key:
    return row.claim.job.partner_id, row.claim.job.delivery_id


def _endpoint(row: Outcome) -> _Key:
    return row.claim.job.partner_id, row.claim.job.endpoint_id
