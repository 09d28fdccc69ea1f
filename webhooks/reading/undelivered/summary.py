"""How much did not arrive, by reason, at a bounded cost: of each list no more than the newest rows are counted."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg

from kernel.clock import Clock
from kernel.ids import Tenant, first_id_at, time_of
from kernel.sql import beside
from webhooks.reading.deliveries import lane_of
from webhooks.reading.scanning import Span, looking
from webhooks.reading.undelivered.reasons import ON_ITS_WAY, UNMATCHED, reason_of
from webhooks.reading.waiting import waiting_for
from webhooks.states import DeliveryState

_SQL = beside(__file__, "undelivered.sql")
COUNTED_MAX = 10_000


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
            unmatched = await connection.fetch(_SQL["count_unmatched"], *bounds)
        return _summary(failed, open_, unmatched)


def _summary(*lists: Iterable[asyncpg.Record]) -> Summary:
    reasons: defaultdict[str, ReasonCount] = defaultdict(ReasonCount)
    is_complete = True
    for rows in lists:
        for row in rows:
            is_complete = is_complete and row["examined"] < COUNTED_MAX
            if row["items"]:
                reasons[_reason(row)].add(row["items"], row["oldest_id"])
    return Summary(reasons=dict(sorted(reasons.items())), is_complete=is_complete)


def _reason(row: asyncpg.Record) -> str:
    if row["state"] is None:
        return UNMATCHED
    state = DeliveryState(row["state"])
    waiting = waiting_for(state, lane_of(row), is_due=row["is_due"])
    return reason_of(state, row["state_reason"], waiting)
