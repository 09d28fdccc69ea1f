"""Events and their deliveries become rows, in the caller's transaction: all of them, or none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from kernel.errors import Conflict
from kernel.ids import NIL, Tenant, id_beside
from kernel.sealing import DataKey, Owner, Vault
from kernel.sql import beside
from webhooks.catalogue.memory import CatalogueMoved
from webhooks.events.matching import Matcher
from webhooks.events.model import Connection, FilterAnswers, NewEvent, SealedEvent, Written, body_context, body_of
from webhooks.events.numbers import CounterKey
from webhooks.events.targets import Target, TenantTargets
from webhooks.queue.port import Job
from webhooks.values import value

_SQL = beside(__file__, "writer.sql")

# An endpoint's queue of one ordering key: partner, endpoint, key.
_Line = tuple[UUID, UUID, UUID]
_Key = tuple[UUID, str, bytes]


@value
class _Delivery:
    """A row to be; `ordering_key` only where the endpoint is ordered."""

    id: UUID
    event: NewEvent
    endpoint_id: UUID
    ordering_key: UUID | None
    is_waiting: bool


@value
class _Known:
    """Endpoints of tenants: read in this transaction, or remembered; then a statement asks whether they still hold."""

    targets: Mapping[Tenant, TenantTargets]
    is_certain: bool

    def versions(self) -> tuple[list[object], ...]:
        """What is to be asked: partners, environments, and both versions."""
        asked = [] if self.is_certain else list(self.targets.items())
        return (
            [tenant.partner_id for tenant, _ in asked],
            [tenant.environment.value for tenant, _ in asked],
            [targets.version for _, targets in asked],
            [targets.catalogue_version for _, targets in asked],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lanes:
    """The lanes of rows in the order of their keys. Of each row: its lane, from 1 on, and how many follow in it."""

    partners: list[UUID]
    endpoints: list[UUID]
    counts: list[int]
    of_row: list[int]
    after_row: list[int]


class EventWriter:
    """The one way an event comes to be."""

    def __init__(self, vault: Vault, matcher: Matcher) -> None:
        self._vault = vault
        self._matcher = matcher

    async def prepare(self, events: Sequence[NewEvent]) -> list[SealedEvent]:
        """Build and seal the bodies and ask the filters; may be done before the transaction, to keep it short."""
        keys = await self._vault.data_keys({_owner(event) for event in events})
        prepared = [self._sealed(event, keys[_owner(event)]) for event in events]
        await self._matcher.foresee(prepared)
        return prepared

    def prepare_known(self, event: NewEvent) -> SealedEvent | None:
        """The same for one event at once; None where its data key has to be fetched first."""
        key = self._vault.known_data_key(_owner(event))
        if key is None:
            return None
        prepared = self._sealed(event, key)
        self._matcher.foresee_one(prepared)
        return prepared

    def _sealed(self, event: NewEvent, key: DataKey) -> SealedEvent:
        sealed = self._vault.seal(key, body_of(event), body_context(event.id))
        return SealedEvent(event=event, sealed_body=sealed, answers=FilterAnswers(event))

    async def write(self, connection: Connection, events: Sequence[NewEvent]) -> list[Written]:
        """Write events and deliveries. After the commit, offer the jobs of what was written to the queue.

        Raises Conflict (`event_id_reused`) where a partner's event id was used for something else.
        """
        written: list[Written] = []
        for outcome in await self.write_each(connection, await self.prepare(events)):
            if not isinstance(outcome, Written):
                raise outcome
            written.append(outcome)
        return written

    async def write_each(
        self, connection: Connection, prepared: Sequence[SealedEvent]
    ) -> list[Written | Conflict | CatalogueMoved]:
        """The same for prepared events; each is refused by itself.

        Conflict is for one that reuses an id, CatalogueMoved for one that was checked under another catalogue.
        """
        tenants = {item.event.tenant for item in prepared}
        known = _Known(targets=self._matcher.remembered(tenants), is_certain=False)
        outcomes = await self._write(connection, prepared, known)
        if outcomes is None:
            known = _Known(targets=await self._matcher.current(connection, tenants), is_certain=True)
            outcomes = await self._write(connection, prepared, known)
        return [(outcomes or {}).get(item.event.id) or CatalogueMoved() for item in prepared]

    async def _write(
        self, connection: Connection, prepared: Sequence[SealedEvent], known: _Known
    ) -> dict[UUID, Written | Conflict] | None:
        """What became of each event but those whose catalogue moved; None, and nothing written, where memory is old."""
        moved = {item.event.id for item in prepared if _has_moved(item.event, known.targets)}
        if moved and not known.is_certain:
            return None
        here = [item for item in prepared if item.event.id not in moved]
        keyed = sorted((item.event for item in here if item.event.key_digest is not None), key=_key)
        repeated = await _claim_keys(connection, keyed, known) if keyed else {}
        if repeated is None:
            return None
        fresh = [item for item in here if item.event.id not in repeated]
        # Those who took keys have seen the versions already.
        seen = _Known(targets=known.targets, is_certain=known.is_certain or bool(keyed))
        written = await _insert(connection, fresh, seen) if fresh else {}
        return None if written is None else {**repeated, **written}


async def _claim_keys(
    connection: Connection, keyed: Sequence[NewEvent], known: _Known
) -> dict[UUID, Written | Conflict] | None:
    """Take the partners' event ids; what another event has already is answered with that one, or refused.

    The insert waits for a twin's transaction to end, so of two at once one is first and the other its repeat. None, and
    nothing taken, where memory is old.
    """
    columns = (
        [event.tenant.partner_id for event in keyed],
        [event.tenant.environment.value for event in keyed],
        [event.key_digest for event in keyed],
    )
    rows = (*columns, [event.fingerprint for event in keyed], [event.id for event in keyed])
    told = await connection.fetchrow(_SQL["claim_keys"], *rows, *known.versions())
    if told is None or not told["holds"]:
        return None
    if told["claimed"] == len(keyed):  # nobody had any of them, as is usual
        return {}
    owners = {
        (row["partner_id"], row["environment"], row["key_digest"]): (row["event_id"], row["fingerprint"])
        for row in await connection.fetch(_SQL["find_keys"], *columns)
    }
    return {event.id: _repeat(event, *owner) for event in keyed if (owner := owners[_key(event)])[0] != event.id}


async def _insert(connection: Connection, fresh: Sequence[SealedEvent], known: _Known) -> dict[UUID, Written] | None:
    """Events and deliveries; None, and nothing written, where memory is old."""
    matched = [(item.event, known.targets[item.event.tenant].of(item.event, item.answers)) for item in fresh]
    last = await _lock_lines(connection, sorted({line for item in matched for line in _lines(*item)}))
    deliveries = {event.id: [_deliver(event, target, last) for target in found] for event, found in matched}
    rows = [row for found in deliveries.values() for row in found]
    lanes = _lanes(rows)
    holds = await connection.fetchval(
        _SQL["insert_events"],
        *_event_columns(fresh, deliveries),
        [row.event.tenant.partner_id for row in rows],
        [row.id for row in rows],
        [row.event.tenant.environment.value for row in rows],
        [row.event.id for row in rows],
        [row.endpoint_id for row in rows],
        [row.ordering_key for row in rows],
        lanes.of_row,
        lanes.after_row,
        [row.is_waiting for row in rows],
        lanes.partners,
        lanes.endpoints,
        lanes.counts,
        *known.versions(),
        [row.event.priority for row in rows],
    )
    return {event_id: _written(event_id, found) for event_id, found in deliveries.items()} if holds else None


async def _lock_lines(connection: Connection, lines: Sequence[_Line]) -> dict[_Line, UUID]:
    """Hold the lines of ordered endpoints until the transaction ends; the last unended delivery of each.

    Whoever ends a delivery of such a line takes the same lock before it looks for the next one: else it could miss a
    follower that is being inserted, which would then wait for ever.
    """
    if not lines:
        return {}
    await connection.execute(_SQL["lock_lines"], [f"{endpoint}/{key}" for _, endpoint, key in lines])
    partners, endpoints, keys = zip(*lines, strict=True)
    rows = await connection.fetch(_SQL["last_unended"], partners, endpoints, keys)
    return {(row["partner_id"], row["endpoint_id"], row["ordering_key"]): row["id"] for row in rows}


def _deliver(event: NewEvent, target: Target, last: dict[_Line, UUID]) -> _Delivery:
    """The delivery's id carries the event's milliseconds, and in a line it is greater than its predecessor's."""
    delivery_id, before = id_beside(event.id), None
    for line in _lines(event, [target]):
        before = last.get(line)
        if before is not None:
            delivery_id = max(delivery_id, UUID(int=before.int + 1))
        last[line] = delivery_id
    return _Delivery(
        id=delivery_id,
        event=event,
        endpoint_id=target.endpoint_id,
        ordering_key=event.ordering_key if target.ordered else None,
        is_waiting=before is not None,
    )


def _lines(event: NewEvent, targets: Sequence[Target]) -> list[_Line]:
    if event.ordering_key is None:
        return []
    return [(event.tenant.partner_id, target.endpoint_id, event.ordering_key) for target in targets if target.ordered]


def _event_columns(
    fresh: Sequence[SealedEvent], deliveries: Mapping[UUID, Sequence[_Delivery]]
) -> tuple[list[object], ...]:
    events = [item.event for item in fresh]
    return (
        [event.tenant.partner_id for event in events],
        [event.id for event in events],
        [event.tenant.environment.value for event in events],
        [event.merchant_id for event in events],
        [event.type for event in events],
        [event.ordering_key for event in events],
        [event.occurred_at for event in events],
        [len(deliveries[event.id]) for event in events],
        [item.sealed_body for item in fresh],
        [event.type_version for event in events],
    )


def _lanes(rows: Sequence[_Delivery]) -> _Lanes:
    places: dict[CounterKey, list[int]] = {}
    for place, row in enumerate(rows):
        places.setdefault((row.event.tenant.partner_id, row.endpoint_id), []).append(place)
    ordered = sorted(places)
    of_row, after_row = [0] * len(rows), [0] * len(rows)
    for number, key in enumerate(ordered, start=1):
        for after, place in enumerate(reversed(places[key])):
            of_row[place], after_row[place] = number, after
    return _Lanes(
        partners=[partner_id for partner_id, _ in ordered],
        endpoints=[endpoint_id for _, endpoint_id in ordered],
        counts=[len(places[key]) for key in ordered],
        of_row=of_row,
        after_row=after_row,
    )


def _written(event_id: UUID, rows: Sequence[_Delivery]) -> Written:
    jobs = tuple(
        Job(
            partner_id=row.event.tenant.partner_id,
            endpoint_id=row.endpoint_id,
            delivery_id=row.id,
            priority=row.event.priority,
        )
        for row in rows
        if not row.is_waiting
    )
    return Written(event_id=event_id, matched=len(rows), jobs=jobs)


def _has_moved(event: NewEvent, targets: Mapping[Tenant, TenantTargets]) -> bool:
    """Whether the types of events changed since the event was checked; ours are not checked."""
    checked = event.catalogue_version
    return checked is not None and checked != targets[event.tenant].catalogue_version


def _owner(event: NewEvent) -> Owner:
    return (event.tenant.partner_id, event.merchant_id or NIL)


def _key(event: NewEvent) -> _Key:
    return (event.tenant.partner_id, event.tenant.environment.value, event.key_digest or b"")


def _repeat(event: NewEvent, first_id: UUID, fingerprint: bytes) -> Written | Conflict:
    if fingerprint != event.fingerprint:
        return Conflict("This event id was used for another event.", code="event_id_reused")
    return Written(event_id=first_id, matched=0, repeated=True)
