"""The queue as PostgreSQL knows it: what is due, why it has not been sent, and the lanes that wait longest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from kernel.ids import Environment
from kernel.sql import beside
from webhooks.reading.deliveries import lane_of
from webhooks.reading.scanning import looking
from webhooks.reading.waiting import WaitReason, waiting_for
from webhooks.states import DeliveryState

_SQL = beside(__file__, "view.sql")
LANES_MAX = 5_000
DUE_PER_LANE_MAX = 1_000
_WORST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DueLane:
    """A lane with due deliveries (`deliveries`: at least so many, where it is the most that are counted)."""

    partner_id: UUID
    endpoint_id: UUID
    environment: Environment
    why: WaitReason
    deliveries: int
    oldest_at: datetime
    held_at: datetime | None
    next_probe_at: datetime | None
    failing_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """Lanes with due deliveries, the longest waiting first; `is_complete` unless there were too many to look at.

    `held`, `releasing` and `failing` count endpoints; `epoch` grows by one with every rebuild of the queue in Redis.
    """

    lanes: Sequence[DueLane]
    is_complete: bool
    held: int
    releasing: int
    failing: int
    epoch: int

    @property
    def worst(self) -> Sequence[DueLane]:
        """The lanes that wait longest."""
        return self.lanes[:_WORST]

    def due(self, why: WaitReason) -> tuple[int, datetime | None]:
        """How many due deliveries wait for this, and since when the oldest of them was due."""
        lanes = [lane for lane in self.lanes if lane.why is why]
        return sum(lane.deliveries for lane in lanes), min((lane.oldest_at for lane in lanes), default=None)


class QueueView:
    """Reads it."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def read(self) -> QueueState:
        """The queue now; its cost grows with the lanes that have anything pending, not with how much."""
        async with looking(self._pool) as connection:
            rows = await connection.fetch(_SQL["lanes_with_due"], LANES_MAX, DUE_PER_LANE_MAX)
            counts = await connection.fetchrow(_SQL["count_endpoints"])
        lanes = [_lane(row) for row in rows if row["deliveries"]]
        return QueueState(
            lanes=sorted(lanes, key=lambda lane: lane.oldest_at),
            is_complete=len(rows) < LANES_MAX,
            **dict(counts or {}),
        )


def _lane(row: asyncpg.Record) -> DueLane:
    waiting = waiting_for(DeliveryState.PENDING, lane_of(row), is_due=True)
    return DueLane(
        partner_id=row["partner_id"],
        endpoint_id=row["endpoint_id"],
        environment=Environment(row["environment"] or Environment.LIVE),
        why=WaitReason.QUEUE if waiting is None else waiting.reason,
        deliveries=row["deliveries"],
        oldest_at=row["oldest_at"],
        held_at=row["held_at"],
        next_probe_at=row["next_probe_at"],
        failing_since=row["failing_since"],
    )
