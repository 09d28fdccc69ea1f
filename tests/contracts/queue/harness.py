"""What the queue's contract needs to know of an implementation: how to make one, lose it, and let time pass."""

import asyncio
import random
import time
from dataclasses import dataclass, replace
from typing import Any, Protocol
from uuid import UUID

from redis.asyncio import Redis

from kernel.ids import id_beside
from tests.support.clock import FakeClock
from webhooks.queue.memory_queue import MemoryQueue
from webhooks.queue.port import (
    Claim,
    Finish,
    Job,
    Lane,
    LaneMode,
    LaneVerdict,
    Origin,
    Placed,
    QueuePolicy,
    RebuildableQueue,
    Retry,
)
from webhooks.queue.redis_queue import RedisQueue

PARTNER = UUID("01890000-0000-7000-8000-000000000001")
POLICY = QueuePolicy(lease_seconds=30, lane_cap=4, lane_window=20, horizon_seconds=600)
_SEED = UUID("01890000-0000-7000-8000-000000000000")
_DEADLINE_SECONDS = 10


class Harness(Protocol):
    """One implementation under test."""

    async def queue(self, policy: QueuePolicy) -> RebuildableQueue: ...

    async def lose(self) -> None: ...

    async def pause(self) -> None: ...


@dataclass(slots=True)
class MemoryHarness:
    clock: FakeClock
    made: MemoryQueue | None = None

    async def queue(self, policy: QueuePolicy) -> RebuildableQueue:
        self.made = MemoryQueue(self.clock, policy)
        return self.made

    async def lose(self) -> None:
        assert self.made
        self.made.flush()

    async def pause(self) -> None:
        """Time is moved by hand."""
        self.clock.advance(0.1)
        await asyncio.sleep(0)


@dataclass(slots=True)
class RedisHarness:
    redis: Redis
    opened: int = 0

    async def queue(self, policy: QueuePolicy) -> RebuildableQueue:
        queue = RedisQueue(self.redis, policy)
        self.opened += 1
        await queue.open_epoch(self.opened)
        return queue

    async def lose(self) -> None:
        await self.redis.flushall()

    async def pause(self) -> None:
        """The server's clock cannot be moved."""
        await asyncio.sleep(0.02)


def jobs_of(lane: UUID, count: int, **fields: int) -> list[Job]:
    """New jobs of one lane."""
    made = [Job(partner_id=PARTNER, endpoint_id=lane, delivery_id=id_beside(_SEED)) for _ in range(count)]
    return [replace(job, **fields) for job in made]


def lane_of(lane: UUID, mode: LaneMode = LaneMode.OPEN, **told: Any) -> Lane:
    """What an endpoint of the partner is told."""
    return Lane(partner_id=PARTNER, endpoint_id=lane, mode=mode, **{"cap": POLICY.lane_cap, **told})


def new_lane() -> UUID:
    """A lane that no other test uses."""
    return id_beside(_SEED)


def ids(things: list[Job] | list[Claim]) -> list[UUID]:
    """Their deliveries."""
    return [thing.job.delivery_id if isinstance(thing, Claim) else thing.delivery_id for thing in things]


async def claim_when_ready(harness: Harness, queue: RebuildableQueue, count: int) -> list[Claim]:
    """Tick and claim until as many are claimed."""
    claims: list[Claim] = []
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while len(claims) < count:
        while await queue.tick():
            pass
        found = await queue.claim(count - len(claims))
        claims += found
        if not found:
            assert time.monotonic() < deadline, "nothing became claimable"
            await harness.pause()
    return claims


async def drain(harness: Harness, queue: RebuildableQueue) -> list[Claim]:
    """Claim and finish everything, whenever it becomes claimable."""
    drained: list[Claim] = []
    while await queue.count():
        claims = await claim_when_ready(harness, queue, 1)
        assert await queue.finish([Finish(claim=claim) for claim in claims]) == len(claims)
        drained += claims
    return drained


class Play:
    """Random operations on a queue, and the set of deliveries that it must know."""

    def __init__(self, queue: RebuildableQueue, chance: random.Random) -> None:
        self._queue = queue
        self._chance = chance
        self._lanes = [new_lane() for _ in range(4)]
        self.known: dict[UUID, Job] = {}
        self.claims: list[Claim] = []

    async def step(self) -> None:
        """One call, chosen by chance."""
        await self._chance.choice(
            (self._enqueue, self._again, self._claim, self._finish, self._renew, self._configure)
        )()

    async def _enqueue(self) -> None:
        jobs = jobs_of(self._chance.choice(self._lanes), self._chance.randint(1, 4), delay_ms=self._delay())
        self._note(jobs, await self._queue.enqueue(jobs))

    async def _again(self) -> None:
        """Known jobs offered once more: as they are, at another time, at a later step or round."""
        chosen = self._chance.sample(list(self.known.values()), min(3, len(self.known)))
        jobs = [
            replace(job, step=self._chance.randint(0, 3), delay_ms=self._delay(), origin=self._origin())
            for job in chosen
        ]
        self._note(jobs, await self._queue.enqueue(jobs))

    async def _claim(self) -> None:
        self.claims += await self._queue.claim(self._chance.randint(1, 6))

    async def _finish(self) -> None:
        self._chance.shuffle(self.claims)
        ended, self.claims = self.claims[:3], self.claims[3:]
        for claim in ended:
            retry = self._chance.choice((None, Retry(round=0, step=claim.job.step + 1, delay_ms=self._delay())))
            verdict = self._chance.choice(list(LaneVerdict))
            if await self._queue.finish([Finish(claim=claim, retry=retry, verdict=verdict)]) and retry is None:
                del self.known[claim.job.delivery_id]

    async def _configure(self) -> None:
        lane, mode = self._chance.choice(self._lanes), self._chance.choice(list(LaneMode))
        await self._queue.configure([lane_of(lane, mode, weight=self._chance.choice((1, 3)))])

    async def reopen(self) -> None:
        """Every lane as it was at first."""
        await self._queue.configure([lane_of(lane) for lane in self._lanes])

    async def _renew(self) -> None:
        await self._queue.renew(self.claims)

    def _note(self, jobs: list[Job], placed: list[Placed]) -> None:
        for job, answer in zip(jobs, placed, strict=True):
            if answer in {Placed.ADDED, Placed.REPLACED}:
                self.known[job.delivery_id] = job

    def _origin(self) -> Origin:
        return self._chance.choice((Origin.OFFERED, Origin.RECONCILED, Origin.PROBE))

    def _delay(self) -> int:
        return self._chance.choice((0, 0, 0, 500))
