"""The queue in this process: the same contract without a server, for unit tests of what uses a queue."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import UUID

from kernel.clock import Clock
from webhooks.queue import records
from webhooks.queue.memory_lane import MemoryLane
from webhooks.queue.port import Claim, EpochLost, Finish, Job, Lane, Origin, Placed, QueuePolicy


@dataclass(slots=True, kw_only=True)
class _Known:
    """A job: ready, due at a time, or leased under a fence until a time (monotonic seconds)."""

    job: Job
    due_at: float | None = None
    fence: int | None = None
    lease_until: float = 0.0

    @property
    def is_ready(self) -> bool:
        return self.due_at is None and self.fence is None


class MemoryQueue:
    """`webhooks.queue.port.RebuildableQueue` in memory, with one epoch open from the start."""

    def __init__(self, clock: Clock, policy: QueuePolicy | None = None) -> None:
        self._clock = clock
        self._policy = policy or QueuePolicy()
        self._epoch: int | None = 0
        self._fence = 0
        self._wake = asyncio.Event()
        self._empty()

    async def enqueue(self, jobs: Sequence[Job]) -> list[Placed]:
        """See the port."""
        records.bounded(len(jobs))
        self._check_epoch()
        placed = [self._place(job) for job in jobs]
        self._settle()
        return placed

    async def claim(self, limit: int) -> list[Claim]:
        """See the port."""
        records.bounded(limit)
        self._check_epoch()
        self._settle()
        claims: list[Claim] = []
        while len(claims) < limit and (lane := self._next_lane()) is not None:
            claims += self._claim_of(lane)
        if len(claims) < limit:
            self._wake.clear()
        return claims

    async def finish(self, finishes: Sequence[Finish]) -> int:
        """See the port."""
        records.bounded(len(finishes))
        self._check_epoch()
        ended = sum(self._end(finish) for finish in finishes)
        self._settle()
        return ended

    async def configure(self, lanes: Sequence[Lane]) -> None:
        """See the port."""
        records.bounded(len(lanes))
        self._check_epoch()
        for told in lanes:
            self._lane(told).configure(told, self._clock.monotonic())
        self._settle()

    async def renew(self, claims: Sequence[Claim]) -> list[bool]:
        """See the port."""
        records.bounded(len(claims))
        self._check_epoch()
        return [self._renew(claim) for claim in claims]

    async def tick(self) -> bool:
        """See the port."""
        self._check_epoch()
        now = self._clock.monotonic()
        for known in self._known.values():
            if known.due_at is not None and known.due_at <= now:
                self._make_ready(known, known.job.origin)
            elif known.fence is not None and known.lease_until <= now:
                self._lane(known.job).in_flight -= 1
                self._make_ready(known, Origin.LEASE_EXPIRED)
        self._settle()
        return False

    async def wait(self, timeout_seconds: float) -> None:
        """See the port."""
        self._check_epoch()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), timeout_seconds)

    async def count(self) -> int:
        """See the port."""
        self._check_epoch()
        return len(self._known)

    async def is_lost(self) -> bool:
        """See the port."""
        return self._epoch is None

    async def open_epoch(self, number: int) -> bool:
        """See the port."""
        if self._epoch is not None and self._epoch >= number:
            return False
        self._empty()
        self._epoch = number
        return True

    async def drop_old_epochs(self) -> int:
        """See the port."""
        return 0

    def flush(self) -> None:
        """Lose everything, as a server that was emptied does."""
        self._empty()
        self._epoch = None

    def _empty(self) -> None:
        self._known: dict[UUID, _Known] = {}
        self._lanes: dict[tuple[UUID, UUID], MemoryLane] = {}
        self._present = 0.0

    def _check_epoch(self) -> None:
        if self._epoch is None:
            raise EpochLost

    def _lane(self, of: Job | Lane) -> MemoryLane:
        cap = self._policy.lane_cap
        return self._lanes.setdefault((of.partner_id, of.endpoint_id), MemoryLane(cap=cap, allowed=cap))

    def _settle(self) -> None:
        now = self._clock.monotonic()
        for lane in self._lanes.values():
            lane.settle(now, self._present)
            if lane.is_in_ring:
                self._wake.set()

    def _place(self, job: Job) -> Placed:
        lane, known = self._lane(job), self._known.get(job.delivery_id)
        if known is not None and not self._replaces(job, known):
            return Placed.KNOWN
        if job.delay_ms > self._policy.horizon_seconds * 1000:
            return Placed.LATER
        if known is None and lane.jobs >= self._policy.lane_window and job.origin is not Origin.PROBE:
            return Placed.WINDOW
        if known is None:
            lane.jobs += 1
            known = self._known[job.delivery_id] = _Known(job=job)
            self._queue(known, job.delay_ms)
            return Placed.ADDED
        lane.in_flight -= known.fence is not None
        keeps_entry = known.is_ready and job.delay_ms == 0 and lane.entries_of(known.job) is lane.entries_of(job)
        known.job, known.fence = job, None
        if not keeps_entry:
            self._queue(known, job.delay_ms)
        return Placed.REPLACED

    def _replaces(self, job: Job, known: _Known) -> bool:
        offered, present = (job.round, job.step), (known.job.round, known.job.step)
        if offered != present:
            return offered > present
        if job.origin is Origin.PROBE and known.job.origin is not Origin.PROBE and known.fence is None:
            return True
        return known.due_at is not None and self._clock.monotonic() + job.delay_ms / 1000 < known.due_at

    def _queue(self, known: _Known, delay_ms: int) -> None:
        if delay_ms > 0:
            known.due_at = self._clock.monotonic() + delay_ms / 1000
        else:
            self._make_ready(known, known.job.origin)

    def _make_ready(self, known: _Known, origin: Origin) -> None:
        known.due_at = known.fence = None
        known.job = replace(known.job, origin=origin, delay_ms=0)
        self._lane(known.job).entries_of(known.job).append(known.job.delivery_id)

    def _next_lane(self) -> MemoryLane | None:
        """The lane of the ring that is furthest behind."""
        ring = (lane for lane in self._lanes.values() if lane.is_in_ring)
        return min(ring, key=lambda lane: lane.score, default=None)

    def _claim_of(self, lane: MemoryLane) -> list[Claim]:
        """The lane's next job, unless its entry no longer counts."""
        entries, claims = lane.next_entries(), []
        known = self._known.get(entries.popleft()) if entries else None
        if known is not None and known.is_ready and lane.entries_of(known.job) is entries:
            self._present = max(self._present, lane.score)
            claims.append(self._lease(known, lane))
        lane.settle(self._clock.monotonic(), self._present)
        return claims

    def _lease(self, known: _Known, lane: MemoryLane) -> Claim:
        self._fence += 1
        now = self._clock.monotonic()
        lane.lease(now)
        known.fence, known.lease_until = self._fence, now + self._policy.lease_seconds
        return Claim(job=known.job, fence=self._fence)

    def _held(self, claim: Claim) -> _Known | None:
        known = self._known.get(claim.job.delivery_id)
        return known if known is not None and known.fence == claim.fence else None

    def _end(self, finish: Finish) -> bool:
        known, retry = self._held(finish.claim), finish.retry
        if known is None:
            return False
        lane = self._lane(known.job)
        lane.in_flight -= 1
        lane.judge(finish.verdict)
        lane.parked_until = max(lane.parked_until, self._clock.monotonic() + finish.park_ms / 1000)
        known.fence = None
        if retry is None or retry.delay_ms > self._policy.horizon_seconds * 1000:
            lane.jobs -= 1
            del self._known[known.job.delivery_id]
        else:
            known.job = replace(known.job, round=retry.round, step=retry.step, origin=retry.origin)
            self._queue(known, retry.delay_ms)
        return True

    def _renew(self, claim: Claim) -> bool:
        known = self._held(claim)
        if known is not None:
            known.lease_until = self._clock.monotonic() + self._policy.lease_seconds
        return known is not None
