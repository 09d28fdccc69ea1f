"""One lane of the queue in memory: what it holds, and when it may give out a job."""

from collections import deque
from dataclasses import dataclass, field
from uuid import UUID

from webhooks.queue.port import Job, Lane, LaneMode, LaneVerdict, Origin, Priority

_Entries = deque[UUID]


@dataclass(slots=True, kw_only=True)
class MemoryLane:
    """Times are monotonic seconds. `score` is the lane's virtual time, in jobs ÷ weight.

    `allowed` is how many may be in flight for now, `full_at` when its token bucket will be full again.
    """

    cap: int
    allowed: int
    mode: LaneMode = LaneMode.OPEN
    weight: int = 1
    interval_seconds: float = 0.0
    burst: int = 1
    jobs: int = 0
    in_flight: int = 0
    score: float = 0.0
    full_at: float = 0.0
    parked_until: float = 0.0
    is_in_ring: bool = False
    probes: _Entries = field(default_factory=deque)
    high: _Entries = field(default_factory=deque)
    normal: _Entries = field(default_factory=deque)

    def configure(self, told: Lane, now: float) -> None:
        """What it learnt by itself stays: how many are allowed, its virtual time, the tokens that it has used."""
        self.allowed = told.cap if self.allowed == self.cap else min(self.allowed, told.cap)
        if told.mode is LaneMode.HELD:
            self.allowed = 1
        self.mode, self.cap, self.weight, self.burst = told.mode, told.cap, told.weight, max(told.burst, 1)
        self.interval_seconds = 1 / told.rate_per_second if told.rate_per_second > 0 else 0.0
        self.full_at = min(self.full_at, now + self.burst * self.interval_seconds)

    def judge(self, verdict: LaneVerdict) -> None:
        """A held lane has one in flight whatever its probe says, and begins with one when it is opened."""
        if self.mode is LaneMode.HELD:
            return
        if verdict is LaneVerdict.WELL:
            self.allowed = min(self.allowed + 1, self.cap)
        elif verdict is LaneVerdict.FAILED:
            self.allowed = max(self.allowed // 2, 1)

    def entries_of(self, job: Job) -> _Entries:
        """Which of its lists a ready job stands in. An entry of another list no longer counts."""
        if job.origin is Origin.PROBE:
            return self.probes
        return self.high if job.priority is Priority.HIGH else self.normal

    def next_entries(self) -> _Entries | None:
        """The list whose first entry is next, if any."""
        if self.mode is LaneMode.PAUSED:
            return None
        lists = (self.probes,) if self.mode is LaneMode.HELD else (self.probes, self.high, self.normal)
        return next((entries for entries in lists if entries), None)

    def settle(self, now: float, present: float) -> None:
        """Join or leave the ring. Whoever joins does it one job after the ring's present time."""
        most = 1 if self.mode is LaneMode.HELD else min(self.cap, self.allowed)
        is_open = bool(self.next_entries()) and self.in_flight < most and self._opens_at() <= now
        if is_open and not self.is_in_ring:
            self.score = max(self.score, present + 1 / self.weight)
        self.is_in_ring = is_open

    def lease(self, now: float) -> None:
        """It gives out a job."""
        self.in_flight += 1
        self.score += 1 / self.weight
        if self.interval_seconds:
            self.full_at = max(self.full_at, now) + self.interval_seconds

    def _opens_at(self) -> float:
        if not self.interval_seconds:
            return self.parked_until
        return max(self.parked_until, self.full_at - (self.burst - 1) * self.interval_seconds)
