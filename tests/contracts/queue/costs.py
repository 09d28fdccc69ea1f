"""What enqueue, claim and finish cost the server, in microseconds of its CPU per job.

Queues that are compared live beside each other on one server, as shards, and take turns: whatever else the machine does
meets both.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from statistics import median
from typing import Any
from uuid import UUID

import orjson
from redis.asyncio import Redis

from tests.contracts.queue.harness import jobs_of, new_lane
from webhooks.queue.port import JOBS_PER_CALL_MAX, Claim, Finish, Job, QueuePolicy
from webhooks.queue.redis_queue import RedisQueue

_LANES, _BATCH, _TURNS = 100, 200, 50
POLICY = QueuePolicy(lane_cap=500, lane_window=10_000_000)


@dataclass(slots=True)
class Measured:
    """A queue in which jobs wait, and what each call has cost so far."""

    redis: Redis
    queue: RedisQueue
    lanes: list[UUID]
    used_us: dict[str, list[float]] = field(default_factory=lambda: {"enqueue": [], "claim": [], "finish": []})

    @classmethod
    async def filled(cls, redis: Redis, shard: int, *, lanes: int, waiting: int) -> "Measured":
        """So many jobs wait, spread over lanes."""
        queue = RedisQueue(redis, POLICY, shard=shard, shards=2)
        await queue.open_epoch(1)
        measured = cls(redis, queue, [new_lane() for _ in range(lanes)])
        for _ in range(0, waiting, JOBS_PER_CALL_MAX):
            await queue.enqueue(measured.spread(min(JOBS_PER_CALL_MAX, waiting)))
        return measured

    async def turn(self, batch: int) -> Counter[UUID]:
        """As many jobs come as go, so the queue stays as long as it is. Returns how many each lane was given."""
        jobs = self.spread(batch)
        await self._call("enqueue", batch, self.queue.enqueue(jobs))
        claims: list[Claim] = await self._call("claim", batch, self.queue.claim(batch))
        assert len(claims) == batch
        await self._call("finish", batch, self.queue.finish([Finish(claim=claim) for claim in claims]))
        return Counter(claim.job.endpoint_id for claim in claims)

    def spread(self, count: int) -> list[Job]:
        """New jobs over the lanes in turn."""
        return [jobs_of(self.lanes[number % len(self.lanes)], 1)[0] for number in range(count)]

    def ratio_to(self, other: "Measured") -> dict[str, float]:
        """How much more a job costs here than there, for each call; medians of the turns."""
        return {name: median(used) / median(other.used_us[name]) for name, used in self.used_us.items()}

    async def _call(self, name: str, jobs: int, call: Coroutine[Any, Any, Any]) -> Any:
        before = await self._cpu_us()
        answer = await call
        self.used_us[name].append((await self._cpu_us() - before) / jobs)
        return answer

    async def _cpu_us(self) -> float:
        info = await self.redis.info("cpu")
        return float(info["used_cpu_user"] + info["used_cpu_sys"]) * 1_000_000


async def _measure(url: str, waiting: int) -> dict[str, Any]:
    """A long and a short queue of a hundred lanes side by side; the sums of enqueue, claim and finish of each turn."""
    async with Redis.from_url(url) as redis:
        short = await Measured.filled(redis, 0, lanes=_LANES, waiting=1_000)
        before = (await redis.info("memory"))["used_memory"]
        long = await Measured.filled(redis, 1, lanes=_LANES, waiting=waiting)
        held = (await redis.info("memory"))["used_memory"] - before
        for _ in range(_TURNS):
            await short.turn(_BATCH)
            await long.turn(_BATCH)
    return {
        "long_us": [sum(turn) for turn in zip(*long.used_us.values(), strict=True)],
        "short_us": [sum(turn) for turn in zip(*short.used_us.values(), strict=True)],
        "bytes_per_job": held / waiting,
    }


if __name__ == "__main__":
    # For the benchmark: python -m tests.contracts.queue.costs REDIS_URL WAITING
    print(orjson.dumps(asyncio.run(_measure(sys.argv[1], int(sys.argv[2])))).decode())  # noqa: T201
