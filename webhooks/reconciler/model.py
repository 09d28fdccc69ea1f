"""The reconciler's numbers, and what it counts."""

from dataclasses import dataclass
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilerPolicy:
    """How often it looks, and how much it takes at once.

    The queue's epoch is checked every `check_seconds`. A walk comes every `walk_seconds`, or less often where walks
    are long (a tenth of the time at most), but at least every `walk_seconds_max`.
    """

    check_seconds: float = 1
    walk_seconds: float = 5
    walk_seconds_max: float = 50
    heal_seconds: float = 30
    grace_seconds: float = 1
    horizon_seconds: int = 600
    lanes_per_page: int = 50
    rows_per_lane: int = 200
    lane_window: int = 5_000
    rows_healed_max: int = 500


class NotQueued(StrEnum):
    """Why a due delivery was not in the queue."""

    WINDOW = "window"  # its lane is full
    REBUILT = "rebuilt"  # the queue had lost everything
    UNEXPLAINED = "unexplained"  # the offer after its commit was missed, or its time came from beyond the horizon


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilerMetrics:
    """What the last walk found, and how many epochs were opened."""

    due_not_queued: Gauge
    oldest_due_seconds: Gauge
    epochs: Counter
    healed: Counter

    @classmethod
    def registered(cls, registry: CollectorRegistry) -> "ReconcilerMetrics":
        """The metrics, made known to a registry. Call it once per registry."""
        return cls(
            due_not_queued=Gauge(
                "threadneedle_due_not_queued",
                "Overdue deliveries that the last walk found missing from the queue",
                ["why"],
                registry=registry,
            ),
            oldest_due_seconds=Gauge(
                "threadneedle_oldest_due_seconds", "How long the oldest due delivery has been due", registry=registry
            ),
            epochs=Counter("threadneedle_queue_epochs", "How often the queue was rebuilt", registry=registry),
            healed=Counter(
                "threadneedle_deliveries_healed",
                "Deliveries that no dispatcher would have met",
                ["why"],
                registry=registry,
            ),
        )
