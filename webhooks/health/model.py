"""What is known of an endpoint's health, what a batch of results says about it, and the numbers of both."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from webhooks.health.notices import EndpointRef
from webhooks.queue.port import Lane
from webhooks.values import value

# A partner and one of its endpoints.
EndpointKey = tuple[UUID, UUID]


class Sign(Enum):
    """What one attempt says about its endpoint; an attempt that failed through our own fault says nothing."""

    DELIVERED = auto()  # a 2xx
    ABORTED = auto()  # the receiver wants no more of this message: nothing failed
    REFUSED = auto()  # this one message failed, and its lane is well
    FAILED = auto()  # the lane failed: every other delivery would have


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldPolicy:
    """A lane is held after so many failures of the lane in a row; then its probes back off between the two waits."""

    failures: int = 10
    probe_min: timedelta = timedelta(seconds=10)
    probe_max: timedelta = timedelta(seconds=120)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthPolicy:
    """When an endpoint's trouble is told, and when it ends the endpoint.

    An endpoint that received nothing for `disable_after` is disabled if at least `disable_deliveries` distinct
    deliveries failed meanwhile: one poisonous message alone never does it.
    """

    warn_after: tuple[timedelta, ...] = (timedelta(days=1), timedelta(days=3))
    disable_after: timedelta = timedelta(days=5)
    disable_deliveries: int = 5
    certificate_warn_before: tuple[timedelta, ...] = (timedelta(days=21), timedelta(days=7))
    hold: HoldPolicy = field(default_factory=HoldPolicy)


@value
class Sighting:
    """One committed attempt as its endpoint's health sees it.

    `failed_before`: the delivery has already failed since `failing_since`. `retry_after`: the receiver's wish.
    """

    endpoint: EndpointKey
    version: int
    ended_at: datetime
    sign: Sign | None
    is_probe: bool = False
    failed_before: bool = False
    retry_after: timedelta = timedelta(0)
    certificate_expires_at: datetime | None = None


@value
class Report:
    """What a batch says about an endpoint, in the order in which its attempts ended.

    `is_well`: something was answered. `lane_failures`: how often the lane failed since. `is_delivered`: there was a
    2xx. `failed`: whether anything failed since, and `failed_deliveries` how many deliveries for the first time.
    `is_probed`: a probe was among the failures. `retry_after` is the longest wish since.
    """

    version: int
    is_well: bool = False
    lane_failures: int = 0
    is_delivered: bool = False
    failed: bool = False
    failed_deliveries: int = 0
    is_probed: bool = False
    retry_after: timedelta = timedelta(0)
    certificate_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The health columns of webhook_endpoints. A lane is held where `held_at` is set, and `next_probe_at` then too."""

    lane_failures: int = 0
    held_at: datetime | None = None
    probes: int = 0
    next_probe_at: datetime | None = None
    is_releasing: bool = False
    failing_since: datetime | None = None
    failed_deliveries: int = 0
    warnings_told: int = 0
    certificate_expires_at: datetime | None = None
    certificate_told: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointHealth:
    """A row of webhook_endpoints with its health, and what the queue is told of its lane."""

    about: EndpointRef
    health: Health
    lane: Lane
