"""What the queue's contract needs to know of an implementation: how to make one, lose it, and let time pass."""

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Any, Protocol
from uuid import UUID

from redis.asyncio import Redis

from kernel.ids import id_beside
from tests.support.clock import FakeClock
from webhooks.queue.memory_queue import MemoryQueue
from webhooks.queue.port import Claim, Finish, Job, Lane, LaneMode, QueuePolicy, RebuildableQueue
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
