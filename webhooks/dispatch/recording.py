"""Results become true: one transaction per batch moves deliveries, inserts attempts and judges endpoints."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
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
from webhooks.values import value

_SQL = beside(__file__, "recording.sql")
_MILLISECOND = timedelta(milliseconds=1)
# webhook_endpoints.state_reason of an endpoint whose receiver answered 410 or `webhook-delivery: disable`.
RECEIVER_ASKED = "receiver_asked"
_NO_ATTEMPT = (None,) * 11
_log = structlog.get_logger()

_Key = tuple[UUID, UUID]
# What was recorded of deliveries that moved, by their ids.
_Moved = Mapping[UUID, asyncpg.Record]


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


@value
class Recorded:
    """What was committed of an outcome. `superseded`: the delivery had moved on, so only the attempt was kept.

    `freed` and `lanes` are jobs and lanes that the whole batch brought about, told with one of its results.
    """

    superseded: bool
    retry: Retry | None = None
    freed: tuple[Job, ...] = ()
    lanes: tuple[Lane, ...] = ()


_MOVED = Recorded(superseded=False)
_SUPERSEDED = Recorded(superseded=True)


class RecordWork:
    """`kernel.batcher.BatchWork` for outcomes."""

    name = "delivery_results"
    begin = _SQL["begin"]

    def __init__(
        self, events: EventsWriter, enqueuer: Enqueuer, lanes: Lanes, clock: Clock, policy: HealthPolicy
    ) -> None:
        self._events = events
        self._enqueuer = enqueuer
        self._lanes = lanes
        self._clock = clock
        self._policy = policy

    def key(self, row: Outcome) -> bytes:
        """One delivery: two results of it are never in one batch."""
        return row.claim.job.delivery_id.bytes

    async def write(self, connection: BatchConnection, rows: Sequence[Outcome]) -> list[Recorded]:
        """See BatchWork. Notices come last: they take the numbers that every event of their endpoints waits for."""
        now = self._clock.now()
        disabled = await disable(connection, _asking(rows), RECEIVER_ASKED, now)
        chosen = [row.otherwise if row.otherwise and _endpoint(row) not in disabled else row for row in rows]
        moved = await _record(connection, chosen)
        changes = await self._judge(connection, chosen, moved)
        freed = await free_followers(connection, _ended_lines(chosen, moved))
        notices = [*disabled.values(), *changes.notices, *_obituaries(chosen, moved, now)]
        written = await self._events.write(connection, notices) if notices else []
        results = [_recorded(row, moved) for row in chosen]
        jobs = (*freed, *(job for item in written for job in item.jobs))
        return [replace(results[0], freed=jobs, lanes=changes.lanes), *results[1:]]

    async def find(self, connection: BatchConnection, rows: Sequence[Outcome]) -> list[Recorded | None]:
        """See BatchWork. What is found is finished without a retry: the reconciler knows when it is due."""
        partners, deliveries = zip(*map(_key, rows), strict=True)
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

    async def _judge(self, connection: BatchConnection, rows: Sequence[Outcome], moved: _Moved) -> Changes:
        """A result that its delivery had overtaken counts no failure; a 2xx shows a well lane all the same."""
        seen = [
            row.sighting
            for row in rows
            if row.sighting and (row.sighting.sign is Sign.DELIVERED or row.claim.job.delivery_id in moved)
        ]
        changes = await report_health(connection, reports(seen), self._policy)
        for lane in changes.lanes:
            _log.info("lane.changed", endpoint_id=str(lane.endpoint_id), mode=lane.mode.name.lower())
        return changes


def _asking(rows: Sequence[Outcome]) -> dict[_Key, int]:
    """The endpoints whose receivers want nothing more, with the version that was sent to."""
    return {_endpoint(row): row.sighting.version for row in rows if row.disables and row.sighting}


async def _record(connection: BatchConnection, rows: Sequence[Outcome]) -> _Moved:
    """Move the deliveries whose results still count, and keep every attempt."""
    columns = zip(*[_move(row) + _attempt(row.attempt) for row in rows], strict=True)
    moved = {row["id"]: row for row in await connection.fetch(_SQL["record_results"], *columns)}
    if late := [_key(row) for row in rows if row.attempt and row.claim.job.delivery_id not in moved]:
        await connection.execute(_SQL["erase_late_exchanges"], *zip(*late, strict=True), ERASED)
    return moved


def _move(row: Outcome) -> tuple[object, ...]:
    job, retry = row.claim.job, row.retry
    return (
        job.partner_id,
        job.delivery_id,
        job.endpoint_id,
        job.round,
        job.step,
        row.state,
        row.reason,
        retry.step if retry else job.step,
        retry.delay_ms if retry and not row.keeps_time else None,
        row.awaits_lane,
        row.wish // _MILLISECOND if row.wish else None,
    )


def _attempt(attempt: Attempt | None) -> tuple[object, ...]:
    if attempt is None:
        return _NO_ATTEMPT
    result, timings = attempt.result, attempt.result.timings
    return (
        attempt.id,
        attempt.cause,
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


def _ended_lines(rows: Sequence[Outcome], moved: _Moved) -> list[Line]:
    """The lines whose head has ended in this batch, in the order in which everybody locks them."""
    if not any(record["ordering_key"] for record in moved.values()):
        return []
    ended = (row.claim.job for row in rows if row.state is not DeliveryState.PENDING)
    keys = ((job, moved[job.delivery_id]["ordering_key"]) for job in ended if job.delivery_id in moved)
    return sorted({(job.partner_id, job.endpoint_id, key) for job, key in keys if key})


def _obituaries(rows: Sequence[Outcome], moved: _Moved, now: datetime) -> list[NewEvent]:
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
        if row.state is DeliveryState.DEAD and not row.about.is_notice and row.claim.job.delivery_id in moved
    ]


def _recorded(row: Outcome, moved: _Moved) -> Recorded:
    if row.claim.job.delivery_id not in moved:
        return _SUPERSEDED
    return Recorded(superseded=False, retry=row.retry) if row.retry else _MOVED


def _key(row: Outcome) -> _Key:
    return row.claim.job.partner_id, row.claim.job.delivery_id


def _endpoint(row: Outcome) -> _Key:
    return row.claim.job.partner_id, row.claim.job.endpoint_id
