"""The reconciler's numbers, and what it counts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

import asyncpg
from prometheus_client import CollectorRegistry, Counter, Gauge

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
# A lane by its partner and endpoint.
LaneKey = tuple[UUID, UUID]
# Where a page of a lane's deliveries ends: next_attempt_at and id.
After = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilerPolicy:
    """How often it looks, and how much it takes at once.

    Each look (every `check_seconds`) begins with what cannot wait: the queue's epoch, probes, releases. Then it walks
    for `slice_seconds` at most, so that a long walk never keeps those waiting. A walk comes every `walk_seconds`, or
    less often where walks are long (a tenth of the time at most), but one begins `walk_seconds_max` after the one
    before, so that no due row is overlooked for a minute.

    `lane_cap` is the queue's own idea of a lane that nobody told it about. A probe that brought no result within
    `probe_seconds` is made again. Deliveries that cannot be sent end when they are `age_max` old.
    """

    check_seconds: float = 0.5
    slice_seconds: float = 0.5
    walk_seconds: float = 5
    walk_seconds_max: float = 50
    heal_seconds: float = 30
    grace_seconds: float = 1
    horizon_seconds: int = 600
    probe_seconds: float = 45
    age_max: timedelta = timedelta(days=5)
    lane_cap: int = 10
    lane_window: int = 5_000
    lanes_per_page: int = 50
    rows_per_lane: int = 200
    rows_counted_max: int = 100_000
    rows_healed_max: int = 500


class NotQueued(StrEnum):
    """Why a due delivery was not in the queue."""

    WINDOW = "window"  # its lane is full
    HELD = "held"  # its lane keeps failing and is only probed
    PAUSED = "paused"  # its endpoint is paused, or has to prove itself first
    AWAY = "away"  # its shard of the queue is away
    REBUILT = "rebuilt"  # the queue had lost everything
    UNEXPLAINED = "unexplained"  # the offer after its commit was missed, or its time came from beyond the horizon


class Standing(StrEnum):
    """What a lane with something to send is doing."""

    OPEN = "open"
    HELD = "held"
    PAUSED = "paused"
    CLOSED = "closed"  # its endpoint receives nothing any more, and what it has left is being ended


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilerMetrics:
    """What the last walk found, and what was done since the process started."""

    due_not_queued: Gauge
    oldest_due_seconds: Gauge
    lanes: Gauge
    epochs: Counter
    probes: Counter
    released: Counter
    healed: Counter

    @classmethod
    def registered(cls, registry: CollectorRegistry) -> "ReconcilerMetrics":
        """The metrics, made known to a registry. Call it once per registry."""

        def gauge(name: str, sentence: str, *labels: str) -> Gauge:
            return Gauge(f"threadneedle_{name}", sentence, labels, registry=registry)

        def counter(name: str, sentence: str, *labels: str) -> Counter:
            return Counter(f"threadneedle_{name}", sentence, labels, registry=registry)

        return cls(
            due_not_queued=gauge("due_not_queued", "Overdue deliveries that the last walk found not queued", "why"),
            oldest_due_seconds=gauge(
                "oldest_due_seconds", "How long the oldest due delivery of an open, held or paused lane is due", "lanes"
            ),
            lanes=gauge("lanes", "Lanes with something to send, by what they are doing", "standing"),
            epochs=counter("queue_epochs", "How often the queue was rebuilt"),
            probes=counter("lane_probes", "Probes of held lanes that were enqueued"),
            released=counter("deliveries_released", "Deliveries that became due because their lane is well again"),
            healed=counter("deliveries_healed", "Deliveries that no dispatcher would have met", "why"),
        )
