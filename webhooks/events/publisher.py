"""Events of partners: checked, grouped with others into one commit, and handed to the queue."""

from collections.abc import Sequence
from uuid import UUID

from kernel.batcher import Batcher
from kernel.batcher.work import BatchConnection
from kernel.clock import Clock
from kernel.errors import ThreadneedleError
from kernel.ids import Tenant
from kernel.sql import beside
from webhooks.catalogue.memory import CatalogueMoved, Typing
from webhooks.events.checks import Checks
from webhooks.events.model import Connection, SealedEvent, Written
from webhooks.events.requests import EventRequest, new_event
from webhooks.events.writer import EventWriter
from webhooks.queue.port import Enqueuer, Job, Priority
from webhooks.values import value

_SQL = beside(__file__, "publisher.sql")
_TRIES_AGAIN = 3


@value
class Published:
    """An event that is committed, by this call or, if `repeated`, by an earlier one with the same id of the partner."""

    event_id: UUID
    repeated: bool


class EventWork:
    """What the batcher writes: see `kernel.batcher.BatchWork`."""

    name = "events"
    begin = "BEGIN"

    def __init__(self, writer: EventWriter, enqueuer: Enqueuer) -> None:
        self._writer = writer
        self._enqueuer = enqueuer

    def key(self, row: SealedEvent) -> tuple[bytes, str, bytes]:
        """The partner's own id of the event, or ours."""
        event = row.event
        return (event.tenant.partner_id.bytes, event.tenant.environment.value, event.key_digest or event.id.bytes)

    async def write(self, connection: BatchConnection, rows: Sequence[SealedEvent]) -> Sequence[Written | Exception]:
        """Events and deliveries; Conflict for one that reuses an id."""
        return await self._writer.write_each(connection, rows)

    async def find(self, connection: BatchConnection, rows: Sequence[SealedEvent]) -> Sequence[Written | None]:
        """The events that stand in the database already."""
        found = await find_written(connection, [(row.event.tenant.partner_id, row.event.id) for row in rows])
        return [found.get(row.event.id) for row in rows]

    async def committed(self, results: Sequence[Written]) -> None:
        """One offer to the queue for the whole batch."""
        jobs = [job for result in results for job in result.jobs]
        if jobs:
            await self._enqueuer.offer(jobs)


class Publisher:
    """The partners' way to tell their merchants something."""

    def __init__(
        self, batcher: Batcher[SealedEvent, Written], writer: EventWriter, checks: Checks, clock: Clock
    ) -> None:
        self._batcher = batcher
        self._writer = writer
        self._checks = checks
        self._clock = clock

    async def publish(self, tenant: Tenant, request: EventRequest) -> Published:
        """Commit one event. Raises Invalid, Conflict (`event_id_reused`) or Unavailable."""
        prepared = self._prepare_known(tenant, request)
        if prepared is not None:
            try:
                return _told(await self._batcher.add(prepared))
            except CatalogueMoved:
                self._checks.forget(tenant)
        outcome = (await self._publish(tenant, [request]))[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def publish_many(
        self, tenant: Tenant, requests: Sequence[EventRequest]
    ) -> list[Published | ThreadneedleError]:
        """Commit many events, each by itself: the outcomes are in the order of the requests.

        Raises Invalid for none or too many. An item's Invalid has pointers from the item on.
        """
        self._checks.check_count(requests)
        return await self._publish(tenant, requests)

    def _prepare_known(self, tenant: Tenant, request: EventRequest) -> SealedEvent | None:
        """The event, ready for the batch, where memory is enough to make it: what is wrong or new goes the long way."""
        typing = self._checks.check_known(tenant, request)
        return None if typing is None else self._writer.prepare_known(new_event(tenant, request, self._clock, typing))

    async def _publish(self, tenant: Tenant, requests: Sequence[EventRequest]) -> list[Published | ThreadneedleError]:
        """Those that were checked under a catalogue that has moved since are checked and tried again."""
        outcomes = await self._try(tenant, requests)
        for _ in range(_TRIES_AGAIN):
            moved = [number for number, outcome in enumerate(outcomes) if isinstance(outcome, CatalogueMoved)]
            if not moved:
                break
            self._checks.forget(tenant)
            again = await self._try(tenant, [requests[number] for number in moved])
            for number, outcome in zip(moved, again, strict=True):
                outcomes[number] = outcome
        return outcomes

    async def _try(self, tenant: Tenant, requests: Sequence[EventRequest]) -> list[Published | ThreadneedleError]:
        checked = await self._checks.check(tenant, requests)
        events = [
            new_event(tenant, request, self._clock, typing)
            for request, typing in zip(requests, checked, strict=True)
            if isinstance(typing, Typing)
        ]
        outcomes = iter(await self._batcher.add_many(await self._writer.prepare(events)))
        return [_published(next(outcomes)) if isinstance(typing, Typing) else typing for typing in checked]


async def find_written(connection: Connection, event_ids: Sequence[tuple[UUID, UUID]]) -> dict[UUID, Written]:
    """What stands in the database of these events, given as (partner, event)."""
    columns = ([partner for partner, _ in event_ids], [event for _, event in event_ids])
    jobs: dict[UUID, list[Job]] = {}
    for row in await connection.fetch(_SQL["find_pending"], *columns):
        jobs.setdefault(row["event_id"], []).append(
            Job(
                partner_id=row["partner_id"],
                endpoint_id=row["endpoint_id"],
                delivery_id=row["id"],
                priority=Priority(row["priority"]),
            )
        )
    rows = await connection.fetch(_SQL["find_events"], *columns)
    return {
        row["id"]: Written(event_id=row["id"], matched=row["matched"], jobs=tuple(jobs.get(row["id"], ())))
        for row in rows
    }


def _published(outcome: Written | Exception) -> Published | ThreadneedleError:
    if isinstance(outcome, Written):
        return _told(outcome)
    if isinstance(outcome, ThreadneedleError):
        return outcome
    raise outcome


def _told(written: Written) -> Published:
    return Published(event_id=written.event_id, repeated=written.repeated)
