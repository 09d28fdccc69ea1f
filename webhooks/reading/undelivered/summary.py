"""How much did not arrive, by reason, at a bounded cost: of each list no more than the newest rows are counted."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg

from kernel.clock import Clock
from kernel.ids import Tenant, first_id_at, time_of
from kernel.sql import beside
from webhooks.catalogue.builtin import TOLD_ONCE
from webhooks.reading.deliveries import lane_of
from webhooks.reading.scanning import Span, looking
from webhooks.reading.undelivered.reasons import ON_ITS_WAY, UNMATCHED, is_on_its_way, reason_of
from webhooks.reading.undelivered.silences import Missed, find_silences, keys_within, missed
from webhooks.reading.waiting import waiting_for
from webhooks.states import DeliveryState

_SQL = beside(__file__, "undelivered.sql")
COUNTED_MAX = 10_000
# How many pairs of an event and a silent endpoint are asked about.
_PAIRS_MAX = 100_000


@dataclass(slots=True, kw_only=True)
class ReasonCount:
    """How many events and endpoints there are of a reason, and the oldest of them by its event's time."""

    count: int = 0
    oldest_at: datetime | None = None

    def add(self, count: int, oldest_id: UUID) -> None:
        """Count some more, the oldest of which is this one."""
        at = time_of(oldest_id)
        self.count += count
        self.oldest_at = at if self.oldest_at is None else min(at, self.oldest_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The counts by reason; `is_complete` says that nothing is left out, else there are at least so many."""

    reasons: dict[str, ReasonCount] = field(default_factory=dict)
    is_complete: bool = True


class UndeliveredSummary:
    """Counts."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def read(self, tenant: Tenant, since: datetime | None, until: datetime | None) -> Summary:
        """The counts of events of that time. Raises Invalid for times that do not fit."""
        span = Span.of(since, until)
        bounds = (tenant.partner_id, tenant.environment, span.high, span.low, COUNTED_MAX)
        young = first_id_at(self._clock.now() - ON_ITS_WAY)
        async with looking(self._pool) as connection:
            failed = await connection.fetch(_SQL["count_failed"], *bounds)
            open_ = await connection.fetch(_SQL["count_open"], *bounds, young)
            silences = await find_silences(connection, tenant, None, (since, until))
            events_max = min(COUNTED_MAX, _PAIRS_MAX // max(1, len(silences.rows)))
            unmatched = await connection.fetch(_SQL["newest_unmatched"], *bounds[:-1], events_max)
            events = await keys_within(connection, tenant, silences.within(span), events_max)
            looked = sorted({*events, *(row["id"] for row in unmatched)})
            lost = await missed(connection, tenant, looked, silences, COUNTED_MAX)
        tally = _Tally(is_complete=silences.is_complete and max(len(events), len(unmatched)) < events_max)
        tally.count_grouped(failed)
        tally.count_grouped(open_)
        tally.count_missed(lost, len(events))
        tally.count_unmatched(unmatched, {one.event_id for one in lost})
        return Summary(reasons=dict(sorted(tally.reasons.items())), is_complete=tally.is_complete)


@dataclass(slots=True, kw_only=True)
class _Tally:
    """The counts so far."""

    reasons: defaultdict[str, ReasonCount] = field(default_factory=lambda: defaultdict(ReasonCount))
    is_complete: bool

    def count_grouped(self, rows: Iterable[asyncpg.Record]) -> None:
        """Deliveries, counted by what their reasons follow from."""
        for row in rows:
            self._looked_at(row["examined"])
            reason, count, oldest_id = _reason(row)
            if count:
                self.reasons[reason].add(count, oldest_id)

    def count_missed(self, lost: Sequence[Missed], examined: int) -> None:
        """What endpoints missed."""
        self._looked_at(max(examined, len(lost)))
        for one in lost:
            self.reasons[one.reason].add(1, one.event_id)

    def count_unmatched(self, rows: Sequence[asyncpg.Record], lost: AbstractSet[UUID]) -> None:
        """What nobody heard; neither what a silent endpoint would have heard, nor what we tell of endpoints."""
        self._looked_at(len(rows))
        for row in rows:
            if row["id"] not in lost and not row["type"].startswith(TOLD_ONCE):
                self.reasons[UNMATCHED].add(1, row["id"])

    def _looked_at(self, rows: int) -> None:
        self.is_complete = self.is_complete and rows < COUNTED_MAX


def _reason(row: asyncpg.Record) -> tuple[str, int, UUID]:
    """The reason of a group, how many of it count, and the oldest of those."""
    state = DeliveryState(row["state"])
    waiting = waiting_for(state, lane_of(row), is_due=row["is_due"])
    reason = reason_of(state, row["state_reason"], waiting)
    if is_on_its_way(waiting, is_young=True, was_tried=False):
        return reason, row["stuck_items"], row["oldest_stuck_id"]
    return reason, row["items"], row["oldest_id"]
