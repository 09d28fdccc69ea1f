"""A replay as it is asked for, as it stands in the database, and how far it has come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Self
from uuid import UUID

import asyncpg

from kernel.ids import Environment, Tenant, first_id_at
from webhooks.states import DeliveryState, ReplayState

# What has ended may be replayed; what has not is under way.
ENDED = (DeliveryState.DELIVERED, DeliveryState.DEAD, DeliveryState.UNDELIVERED, DeliveryState.CANCELLED)
UNDER_WAY = (DeliveryState.WAITING, DeliveryState.PENDING)
# What ended without success and without anybody's wish.
FAILED = (DeliveryState.DEAD, DeliveryState.UNDELIVERED)
# An ordered endpoint's delivery may have a later id than its event (it follows its predecessor); never by more.
_LATER_MAX = timedelta(minutes=1)


class Phase(IntEnum):
    """What a replay is working on."""

    EXISTING = 0  # deliveries that there are
    UNMATCHED = 1  # events that the endpoint has no delivery of


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRules:
    """Bounds. Rates are deliveries a second; `window` is how far back events may lie."""

    rate_default: float = 100
    rate_max: float = 1_000
    window: timedelta = timedelta(days=30)
    running_max: int = 10
    patterns_max: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRequest:
    """What a caller asks for: one delivery, or those that a filter covers.

    The filter covers deliveries of events that were accepted from `since` up to `until`, not including it. Empty
    `event_types` and `status_classes` leave nothing out; a status class is the first digit of the last answer's code,
    0 is no answer. With `merchant_id` only events about that merchant are covered. With `include_unmatched` it also
    covers events that the endpoint would hear of today and has no delivery of.
    """

    delivery_id: UUID | None = None
    endpoint_id: UUID | None = None
    merchant_id: UUID | None = None
    event_types: Sequence[str] = ()
    states: Sequence[DeliveryState] | None = None
    status_classes: Sequence[int] = ()
    since: datetime | None = None
    until: datetime | None = None
    include_unmatched: bool = False
    rate_per_second: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """A checked filter, as the queries take it. Times are fixed: what is accepted later is not covered."""

    tenant: Tenant
    endpoint_id: UUID | None
    merchant_id: UUID | None
    event_types: tuple[str, ...]
    states: tuple[DeliveryState, ...]
    status_classes: tuple[int, ...]
    since: datetime
    until: datetime
    include_unmatched: bool

    @property
    def first_id(self) -> UUID:
        """No covered event or delivery has a smaller id."""
        return first_id_at(self.since)

    @property
    def end_id(self) -> UUID:
        """Covered events have smaller ids."""
        return first_id_at(self.until)

    @property
    def deliveries_end_id(self) -> UUID:
        """Deliveries of covered events have smaller ids."""
        return first_id_at(self.until + _LATER_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a replay would do: `total` deliveries made due again, `unmatched` made, `under_way` left as they are.

    With `is_unmatched_at_most` the endpoint has a body expression, and there are too many events to ask it of now.
    """

    total: int
    unmatched: int
    under_way: int
    is_unmatched_at_most: bool
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A row of replays. `total` is what it covered when it was made; `queued`, `made` and `skipped` are so far.

    A delivery is skipped where its endpoint receives nothing, its event's body was erased, or it is under way.
    """

    id: UUID
    coverage: Coverage
    delivery_id: UUID | None
    state: ReplayState
    rate_per_second: float
    total: int
    queued: int
    made: int
    skipped: int
    phase: Phase
    after_id: UUID | None
    requested_by: str
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def from_row(cls, row: asyncpg.Record) -> Self:
        """A row with all columns."""
        return cls(
            id=row["id"],
            coverage=Coverage(
                tenant=Tenant(row["partner_id"], Environment(row["environment"])),
                endpoint_id=row["endpoint_id"],
                merchant_id=row["merchant_id"],
                event_types=tuple(row["event_types"]),
                states=tuple(DeliveryState(state) for state in row["states"]),
                status_classes=tuple(row["status_classes"]),
                since=row["since"],
                until=row["until"],
                include_unmatched=row["include_unmatched"],
            ),
            delivery_id=row["delivery_id"],
            state=ReplayState(row["state"]),
            rate_per_second=row["rate_per_second"],
            total=row["total"],
            queued=row["queued"],
            made=row["made"],
            skipped=row["skipped"],
            phase=Phase(row["phase"]),
            after_id=row["after_id"],
            requested_by=row["requested_by"],
            created_at=row["created_at"],
            ended_at=row["ended_at"],
        )

    @property
    def seconds_left(self) -> float | None:
        """How long it will still take at its rate, about; None unless it runs."""
        if self.state is not ReplayState.RUNNING:
            return None
        return max(self.total - self.queued - self.made, 0) / self.rate_per_second


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A replay and what became of the deliveries that it made due. One that a later replay took over counts there."""

    replay: Replay
    outcomes: Mapping[DeliveryState, int] = field(default_factory=dict)
