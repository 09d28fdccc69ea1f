"""Who is told of a change: the queue of an endpoint's lane, and the partner by an event."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

from webhooks.endpoints.model import Endpoint
from webhooks.events.model import Connection, NewEvent, Written
from webhooks.health.lanes import mode_of
from webhooks.queue.port import Enqueuer, Job, Lane, QueueError

_log = structlog.get_logger()
_WAIT_SECONDS = 0.25


class LaneQueue(Protocol):
    """The part of `webhooks.queue.port.Queue` that is told."""

    async def configure(self, lanes: Sequence[Lane]) -> None:
        """Raises QueueError."""
        ...


class LaneTeller:
    """Tells after a commit, best effort: what the queue misses now, the reconciler tells it later."""

    def __init__(self, queue: LaneQueue, wait_seconds: float = _WAIT_SECONDS) -> None:
        self._queue = queue
        self._wait_seconds = wait_seconds

    async def tell(self, endpoint: Endpoint) -> None:
        """Never raises, and waits `wait_seconds` at most."""
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._queue.configure([lane_of(endpoint)])
        except (QueueError, TimeoutError) as error:
            _log.info("lane.not_told", endpoint_id=str(endpoint.id), error=type(error).__name__)


def lane_of(endpoint: Endpoint) -> Lane:
    """The lane as it is to be."""
    pace, standing = endpoint.pace, endpoint.standing
    is_paused, is_held = standing.paused_at is not None, standing.held_at is not None
    return Lane(
        partner_id=endpoint.tenant.partner_id,
        endpoint_id=endpoint.id,
        mode=mode_of(endpoint.state, is_paused=is_paused, is_held=is_held),
        cap=pace.concurrency,
        weight=pace.weight,
        rate_per_second=pace.rate.per_second if pace.rate else 0.0,
        burst=pace.rate.burst if pace.rate else 0,
    )


class EventSink(Protocol):
    """Writes events in the caller's transaction (events/writer)."""

    async def write(self, connection: Connection, events: Sequence[NewEvent]) -> list[Written]:
        """What stands in the database once the caller commits."""
        ...


class EventTeller:
    """Tells a partner: the event in the transaction of what it tells of, its deliveries offered after the commit."""

    def __init__(self, events: EventSink, enqueuer: Enqueuer) -> None:
        self._events = events
        self._enqueuer = enqueuer

    async def write(self, connection: Connection, event: NewEvent) -> tuple[Job, ...]:
        """What to offer once the caller committed."""
        return (await self._events.write(connection, [event]))[0].jobs

    async def offer(self, jobs: Sequence[Job]) -> None:
        """Never raises; what is missed, the reconciler finds."""
        await self._enqueuer.offer(jobs)
