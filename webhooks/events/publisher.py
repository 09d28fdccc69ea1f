"""Events of partners: checked, grouped with others into one commit, and handed to the queue."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from kernel.batcher import Batcher
from kernel.batcher.work import BatchConnection
from kernel.clock import Clock
from kernel.errors import FieldError, Invalid, ThreadneedleError
from kernel.ids import Tenant
from kernel.sql import beside
from webhooks.events.model import NewEvent, SealedEvent, Written
from webhooks.events.requests import EventRequest, PublishPolicy, check, new_event, refuse
from webhooks.events.writer import EventWriter, find_written
from webhooks.queue.port import Enqueuer

_SQL = beside(__file__, "publisher.sql")
_MERCHANTS_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """An event that is committed, by this call or, if `repeated`, by an earlier one with the same id of the partner."""

    event_id: UUID
    repeated: bool


class Merchants:
    """Which merchants there are. Only those that exist are remembered: a merchant never goes away."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._known: dict[tuple[Tenant, UUID], None] = {}

    async def unknown(self, tenant: Tenant, ids: Collection[UUID]) -> set[UUID]:
        """Those of the ids that name no merchant of the tenant."""
        missing = {merchant_id for merchant_id in ids if (tenant, merchant_id) not in self._known}
        if not missing:
            return set()
        rows = await self._pool.fetch(_SQL["find_merchants"], tenant.partner_id, tenant.environment, list(missing))
        found = {row["id"] for row in rows}
        self._remember((tenant, merchant_id) for merchant_id in found)
        return missing - found

    def _remember(self, merchants: Iterable[tuple[Tenant, UUID]]) -> None:
        for merchant in merchants:
            if len(self._known) >= _MERCHANTS_MAX:
                del self._known[next(iter(self._known))]
            self._known[merchant] = None


class EventWork:
    """What the batcher writes: see `kernel.batcher.BatchWork`."""

    name = "events"

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
        self,
        batcher: Batcher[SealedEvent, Written],
        writer: EventWriter,
        merchants: Merchants,
        clock: Clock,
        policy: PublishPolicy,
    ) -> None:
        self._batcher = batcher
        self._writer = writer
        self._merchants = merchants
        self._clock = clock
        self._policy = policy

    async def publish(self, tenant: Tenant, request: EventRequest) -> Published:
        """Commit one event. Raises Invalid, Conflict (`event_id_reused`) or Unavailable."""
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
        if not 1 <= len(requests) <= self._policy.events_max:
            message = f"must hold 1 to {self._policy.events_max} events"
            raise Invalid([FieldError(pointer="/events", code="count", message=message)])
        return await self._publish(tenant, requests)

    async def _publish(self, tenant: Tenant, requests: Sequence[EventRequest]) -> list[Published | ThreadneedleError]:
        refused = await self._refuse(tenant, requests)
        events = [
            new_event(tenant, request, self._clock) for number, request in enumerate(requests) if number not in refused
        ]
        outcomes = iter(await self._commit(events))
        return [refused[number] if number in refused else next(outcomes) for number in range(len(requests))]

    async def _commit(self, events: Sequence[NewEvent]) -> list[Published | ThreadneedleError]:
        outcomes = await self._batcher.add_many(await self._writer.prepare(events))
        return [_published(outcome) for outcome in outcomes]

    async def _refuse(self, tenant: Tenant, requests: Sequence[EventRequest]) -> dict[int, Invalid]:
        """What is wrong with each request that has anything wrong, by its place."""
        named = {request.merchant_id for request in requests if request.merchant_id is not None}
        unknown = await self._merchants.unknown(tenant, named)
        refused = {}
        for number, request in enumerate(requests):
            errors = check(request, self._policy)
            if request.merchant_id in unknown:
                message = "must be a merchant of yours in this environment"
                errors.append(FieldError(pointer="/merchant_id", code="merchant_unknown", message=message))
            if errors:
                refused[number] = refuse(errors)
        return refused


def _published(outcome: Written | Exception) -> Published | ThreadneedleError:
    if isinstance(outcome, Written):
        return Published(event_id=outcome.event_id, repeated=outcome.repeated)
    if isinstance(outcome, ThreadneedleError):
        return outcome
    raise outcome
