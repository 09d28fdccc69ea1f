"""The queue as its users see it. PostgreSQL is the truth; a queue only remembers what is due, fast and disposably.

A *job* says "this delivery is due at this step". It waits in the *lane* of its endpoint, is *claimed* under a lease by
one dispatcher, and is *finished*: forgotten, or put back for a later step. A queue that was flushed or restarted has
lost its *epoch*: every call answers EpochLost until the reconciler has opened a new one and filled it again.

QueueError
├── QueueUnavailable   the server is away, full or refuses to write; the same call may succeed later
└── EpochLost          the queue forgot what it held; it works again once a new epoch is open

Only delays cross this port, never times: the queue's own clock counts them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Protocol
from uuid import UUID

from webhooks.values import value

# Validated before the first write, because a script that fails half way rolls nothing back.
JOBS_PER_CALL_MAX = 500


class QueueError(Exception):
    """The queue could not do it; nothing that PostgreSQL holds is affected."""


class QueueUnavailable(QueueError):
    """The queue's server is away, full, or refuses to write."""


class EpochLost(QueueError):
    """The queue was emptied or its server changed; what it held will be enqueued again in a new epoch."""


class Origin(IntEnum):
    """How a job came to be claimable; it decides the cause that its attempt carries."""

    OFFERED = 0
    LEASE_EXPIRED = 1
    RECONCILED = 2
    PROBE = 3


class Priority(IntEnum):
    """Which of a lane's jobs go first."""

    NORMAL = 0
    HIGH = 1


class LaneMode(IntEnum):
    """Whether a lane gives out jobs."""

    OPEN = 0
    HELD = 1  # it keeps failing: only jobs of origin PROBE are given out, one at a time
    PAUSED = 2  # its owner stopped it: nothing is given out


class LaneVerdict(IntEnum):
    """What a finished job says about its lane."""

    NONE = 0
    WELL = 1  # one more may be in flight, up to its cap
    FAILED = 2  # half as many may be


@value
class Job:
    """One delivery that is to be tried. `round` and `step` must equal its row's, or the claim is dropped unsent."""

    partner_id: UUID
    endpoint_id: UUID
    delivery_id: UUID
    round: int = 0
    step: int = 0
    delay_ms: int = 0
    origin: Origin = Origin.OFFERED
    priority: Priority = Priority.NORMAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """What PostgreSQL says about an endpoint's lane; the queue keeps a copy for as long as its epoch lasts.

    A held lane gives out only jobs of origin PROBE; one that is offered takes the place of whatever waits of its
    delivery at the same step, and is KNOWN where that is leased. Opening a held lane begins with one in flight.

    `cap` is how many may be in flight at once. `weight` (1 to 100) is its share of the claims beside other lanes.
    Without `rate_per_second` it has no rate; with one it is a token bucket of `burst`. A lane that was never told has
    the usual cap, weight 1, no rate, and is open.
    """

    partner_id: UUID
    endpoint_id: UUID
    mode: LaneMode = LaneMode.OPEN
    cap: int = 10
    weight: int = 1
    rate_per_second: float = 0.0
    burst: int = 0


@value
class Claim:
    """A job under lease. The fence proves that the lease is still this one; it never repeats, not after a flush."""

    job: Job
    fence: int


@value
class Retry:
    """When a claimed delivery is to be claimed again: its next step, or the same one where nothing was sent."""

    round: int
    step: int
    delay_ms: int
    origin: Origin = Origin.OFFERED


@value
class Finish:
    """What becomes of a claim whose result is committed.

    Without a retry, or with one beyond the horizon, the job is forgotten. `verdict` moves how many of the lane's jobs
    may be in flight at once; `park_ms` keeps the whole lane from giving out jobs for that long (Retry-After).
    """

    claim: Claim
    retry: Retry | None = None
    verdict: LaneVerdict = LaneVerdict.NONE
    park_ms: int = 0


class Placed(StrEnum):
    """What became of one offered job."""

    ADDED = "added"
    KNOWN = "known"  # queued or leased already, at the same step and no later than offered
    REPLACED = "replaced"  # an older step or a later time gave way
    WINDOW = "window"  # its lane holds as many as it may; the row waits in PostgreSQL
    LATER = "later"  # it is due beyond the horizon; the row waits in PostgreSQL
    AWAY = "away"  # the server of its shard is away, those of others are not; the row waits in PostgreSQL


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePolicy:
    """Bounds of the queue. The lease must exceed the time that a send and its commit may take.

    `lane_cap` is the cap of a lane that was never told one, `lane_window` how many jobs a lane holds at most;
    probes are let in beyond it. No job is let in that is due later than `horizon_seconds`.
    """

    lease_seconds: float = 45
    lane_cap: int = 10
    lane_window: int = 5_000
    horizon_seconds: int = 600


class Queue(Protocol):
    """What producers and dispatchers call. At most JOBS_PER_CALL_MAX items a call, else ValueError.

    Every method may raise QueueUnavailable or EpochLost; only `wait` may wait out its time instead.
    """

    async def enqueue(self, jobs: Sequence[Job]) -> list[Placed]:
        """Put each job where it belongs unless it is known; the answers are in the order of the jobs."""
        ...

    async def claim(self, limit: int) -> list[Claim]:
        """Lease up to `limit` jobs, lane by lane in turn. Fewer than asked does not mean that there are no more."""
        ...

    async def finish(self, finishes: Sequence[Finish]) -> int:
        """End leases; returns how many were still held. A lease that was lost changes nothing."""
        ...

    async def configure(self, lanes: Sequence[Lane]) -> None:
        """Tell lanes what PostgreSQL says about them now; the same again changes nothing."""
        ...

    async def renew(self, claims: Sequence[Claim]) -> list[bool]:
        """Let leases run from now again; each answer says whether that claim was still held."""
        ...

    async def tick(self) -> bool:
        """Move what has become due, and what was claimed too long ago, back to its lane. True: call again at once."""
        ...

    async def wait(self, timeout_seconds: float) -> None:
        """Return when something may be claimable, or after the time."""
        ...

    async def count(self) -> int:
        """How many jobs are known: ready, due and leased."""
        ...


class Epochs(Protocol):
    """What the reconciler calls besides, to find out about a loss and to end it."""

    async def is_lost(self) -> bool:
        """Whether the queue has no epoch, or another server process than the one on which it was opened."""
        ...

    async def open_epoch(self, number: int) -> bool:
        """Begin an empty epoch; False if one of this or a higher number is already open."""
        ...

    async def drop_old_epochs(self) -> int:
        """Remove what earlier epochs left behind; returns how many keys."""
        ...


class RebuildableQueue(Queue, Epochs, Protocol):
    """A queue with its epochs."""


class Enqueuer(Protocol):
    """What a room calls after it committed deliveries."""

    async def offer(self, jobs: Sequence[Job]) -> None:
        """Hand over committed jobs. Never raises and waits 50 ms at most: what is missed, the reconciler finds."""
        ...
