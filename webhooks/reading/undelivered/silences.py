"""What endpoints missed while disabled or unproven: events that they would have heard and have no delivery of.

An endpoint's types and merchants are those of today, as for a replay that makes such deliveries; its body expression is
not asked, as events are not opened here.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from kernel.ids import Tenant, first_id_at
from kernel.sql import beside
from webhooks.catalogue.builtin import TOLD_ONCE
from webhooks.events.model import Connection
from webhooks.reading.scanning import LAST_ID, Span
from webhooks.reading.undelivered.reasons import MISSED
from webhooks.states import EndpointState

_SQL = beside(__file__, "silences.sql")
SILENCES_MAX = 500
_NUMBER_MASK = (1 << 62) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """When an endpoint received nothing, as ids of events from `low` up to but not including `high`, and why."""

    endpoint_id: UUID
    state: EndpointState
    low: UUID
    high: UUID

    @property
    def number(self) -> int:
        """The endpoint's place among those that missed an event; the same at any time."""
        return number_of(self.endpoint_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silences:
    """The silences that are looked at; there are older ones where `is_complete` is false."""

    rows: tuple[Silence, ...] = ()
    is_complete: bool = True

    def within(self, span: Span) -> list[Span]:
        """The parts of a span in which anybody was silent, apart from each other."""
        parts: list[Span] = []
        for low, high in sorted((max(one.low, span.low), min(one.high, span.high)) for one in self.rows):
            if parts and low <= parts[-1].high:
                parts[-1] = Span(low=parts[-1].low, high=max(parts[-1].high, high))
            elif low < high:
                parts.append(Span(low=low, high=high))
        return parts

    def expand(self, events: Iterable[UUID]) -> Iterator[tuple[UUID, int]]:
        """For each event the numbers of the endpoints that were silent then, lowest first."""
        for event in events:
            numbers = {one.number for one in self.rows if one.low <= event < one.high}
            yield from ((event, number) for number in sorted(numbers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """An event, and the endpoint that missed it."""

    event_id: UUID
    event_type: str
    merchant_id: UUID | None
    endpoint_id: UUID
    reason: str


def number_of(endpoint_id: UUID) -> int:
    """A number of an endpoint that fits into a cursor, above 0; two endpoints have the same as good as never."""
    return (endpoint_id.int & _NUMBER_MASK) + 1


async def find_silences(
    connection: Connection, tenant: Tenant, endpoint_id: UUID | None, times: tuple[datetime | None, datetime | None]
) -> Silences:
    """The newest silences of an endpoint, or of all, that touch these times (from, to)."""
    rows = await connection.fetch(
        _SQL["find_silences"], tenant.partner_id, tenant.environment, endpoint_id, *times, SILENCES_MAX + 1
    )
    return Silences(rows=tuple(map(_silence, rows[:SILENCES_MAX])), is_complete=len(rows) <= SILENCES_MAX)


async def keys_within(connection: Connection, tenant: Tenant, parts: Sequence[Span], size: int) -> list[UUID]:
    """The newest events of these parts, newest first."""
    if not parts:
        return []
    lows, highs = [part.low for part in parts], [part.high for part in parts]
    rows = await connection.fetch(_SQL["keys_within"], tenant.partner_id, tenant.environment, lows, highs, size)
    return [row["id"] for row in rows]


async def missed(
    connection: Connection, tenant: Tenant, events: Sequence[UUID], silences: Silences, count_max: int | None = None
) -> list[Missed]:
    """Which of these events were missed by whom, `count_max` at most."""
    if not events or not silences.rows:
        return []
    bounds, silent = Span.around(events), silences.rows
    rows = await connection.fetch(
        _SQL["show_missed"],
        tenant.partner_id,
        events,
        bounds.low,
        bounds.high,
        [one.endpoint_id for one in silent],
        [one.state.value for one in silent],
        [one.low for one in silent],
        [one.high for one in silent],
        count_max,
        list(TOLD_ONCE),
    )
    return [_missed(row) for row in rows]


def _silence(row: asyncpg.Record) -> Silence:
    return Silence(
        endpoint_id=row["endpoint_id"],
        state=EndpointState(row["state"]),
        low=first_id_at(row["began_at"]),
        high=LAST_ID if row["ended_at"] is None else first_id_at(row["ended_at"]),
    )


def _missed(row: asyncpg.Record) -> Missed:
    return Missed(
        event_id=row["id"],
        event_type=row["type"],
        merchant_id=row["merchant_id"],
        endpoint_id=row["endpoint_id"],
        reason=MISSED[EndpointState(row["state"])],
    )
