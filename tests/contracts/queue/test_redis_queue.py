"""What only the queue on a server does: size, refusals, a lost script, and what other epochs leave behind."""

import asyncio
import random
import struct
import time
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.contracts.queue.harness import PARTNER, Play, jobs_of, new_lane
from webhooks.queue.port import EpochLost, Finish, Job, Lane, Placed, QueuePolicy, QueueUnavailable
from webhooks.queue.redis_queue import RedisQueue

POLICY = QueuePolicy()


@pytest.fixture
async def queue(redis: Redis) -> RedisQueue:
    queue = RedisQueue(redis, POLICY)
    await queue.open_epoch(1)
    return queue


async def _fill(queue: RedisQueue, lanes: int, jobs_each: int, delay_ms: int = 0) -> None:
    for _ in range(lanes):
        jobs = jobs_of(new_lane(), jobs_each, delay_ms=delay_ms)
        for start in range(0, len(jobs), 500):
            assert set(await queue.enqueue(jobs[start : start + 500])) == {Placed.ADDED}


@pytest.mark.parametrize("delay_ms", [0, 300_000], ids=["ready", "due"])
async def test_a_waiting_job_takes_at_most_200_bytes(redis: Redis, queue: RedisQueue, delay_ms: int) -> None:
    """Memory per waiting job is bounded: identifiers are bytes, and there is no key per job."""
    before = (await redis.info("memory"))["used_memory"]
    await _fill(queue, lanes=10, jobs_each=2_000, delay_ms=delay_ms)
    after = (await redis.info("memory"))["used_memory"]
    assert (after - before) / 20_000 < 200


async def test_an_empty_queue_leaves_nothing_behind(redis: Redis, queue: RedisQueue) -> None:
    """Idle lanes cost nothing: after the last job only the epoch, timers and a wake token remain."""
    await _fill(queue, lanes=20, jobs_each=5)
    while claims := await queue.claim(50):
        await queue.finish([Finish(claim=claim) for claim in claims])
    kept = {key.decode().split(":", 2)[-1] for key in await redis.keys("{tnq0}:*")}
    lasting = {name for name in kept if not name.startswith(("L", "claimer:"))}
    assert lasting <= {"epoch", "jobs", "lanes", "ring", "timers", "wake"}
    for name in kept - lasting:
        assert name.startswith("L") or await redis.pttl(f"{{tnq0}}:1.1:{name}") > 0


async def test_a_server_that_lost_its_scripts_gets_them_again(redis: Redis, queue: RedisQueue) -> None:
    """SCRIPT FLUSH is not noticed."""
    await queue.enqueue(jobs_of(new_lane(), 1))
    await redis.script_flush()
    assert len(await queue.claim(1)) == 1


async def test_another_process_learns_the_new_epoch(redis: Redis, queue: RedisQueue) -> None:
    """A queue object that still names an old epoch goes on in the present one."""
    other = RedisQueue(redis, POLICY)
    await other.enqueue(jobs_of(new_lane(), 1))
    await queue.open_epoch(2)
    assert await other.enqueue(jobs_of(new_lane(), 1)) == [Placed.ADDED]
    assert await other.count() == 1


async def test_old_epochs_are_removed(redis: Redis, queue: RedisQueue) -> None:
    """What an earlier epoch held is deleted, and nothing of the present one."""
    await _fill(queue, lanes=3, jobs_each=3)
    await queue.open_epoch(2)
    await _fill(queue, lanes=2, jobs_each=2)
    assert await queue.drop_old_epochs() > 0
    assert not await redis.keys("{tnq0}:1:*")
    assert await queue.count() == 4


async def test_another_server_process_is_a_loss(redis: Redis, queue: RedisQueue) -> None:
    """An epoch that was opened on another process (a restart, a failover) is not trusted."""
    assert not await queue.is_lost()
    await redis.hset("{tnq0}:epoch", "server", "another one")
    assert await queue.is_lost()


async def test_a_full_server_is_unavailable_and_changes_nothing(redis: Redis, queue: RedisQueue) -> None:
    """An out-of-memory answer is 'unavailable', comes before any write, and ends with the shortage."""
    await redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(QueueUnavailable):
            await queue.enqueue(jobs_of(new_lane(), 3))
    finally:
        await redis.config_set("maxmemory", 0)
    assert await queue.count() == 0


class Deaf:
    """A way to the server on which answers can get lost, or calls arrive late."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.is_deaf = False
        self.kept: list[tuple[Any, ...]] = []
        self.keeps = False

    async def execute_command(self, *args: Any) -> Any:
        if self.keeps:
            self.kept.append(args)
            raise ConnectionError
        answer = await self._redis.execute_command(*args)
        if self.is_deaf:
            raise ConnectionError
        return answer

    async def let_go(self) -> None:
        """What was kept arrives now."""
        self.keeps = False
        for args in self.kept:
            await self._redis.execute_command(*args)


async def _claimed_in_vain(queue: RedisQueue, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(QueueUnavailable):
            await queue.claim(10)


async def test_what_a_lost_answer_gave_out_is_given_out_again_at_once(redis: Redis, queue: RedisQueue) -> None:
    """A claimer that did not hear its answers gets the same jobs from its next call; their lanes are not full."""
    jobs = jobs_of(new_lane(), POLICY.lane_cap)
    await queue.enqueue(jobs)
    way = Deaf(redis)
    claimer = RedisQueue(way, POLICY)
    assert await claimer.count() == len(jobs)
    way.is_deaf = True
    await _claimed_in_vain(claimer, 3)
    way.is_deaf = False
    claims = await claimer.claim(50)
    assert [claim.job for claim in claims] == jobs
    assert await claimer.claim(50) == []
    assert await claimer.finish([Finish(claim=claim) for claim in claims]) == len(jobs)


async def test_what_was_heard_is_never_taken_back(redis: Redis, queue: RedisQueue) -> None:
    """Neither by calls that find nothing, nor by another claimer's, nor after a lost answer that held nothing."""
    await queue.enqueue(jobs_of(new_lane(), 3))
    way = Deaf(redis)
    claimer = RedisQueue(way, POLICY)
    claims = await claimer.claim(10)
    assert await claimer.claim(10) == []
    way.is_deaf = True
    await _claimed_in_vain(claimer)
    way.is_deaf = False
    assert await claimer.claim(10) == []
    assert await RedisQueue(redis, POLICY).claim(10) == []
    assert await claimer.finish([Finish(claim=claim) for claim in claims]) == 3


@pytest.mark.parametrize("given", [0, 1], ids=["after a call that found nothing", "after a call that gave out a job"])
async def test_a_claim_that_arrives_late_keeps_nothing(redis: Redis, queue: RedisQueue, given: int) -> None:
    """A call that was overtaken gives out nothing, or what it gave out is taken back by the next one."""
    way = Deaf(redis)
    claimer = RedisQueue(way, POLICY)
    assert await claimer.claim(10) == []
    way.keeps = True
    await _claimed_in_vain(claimer)
    way.keeps = False
    await queue.enqueue(jobs_of(new_lane(), given))
    claims = await claimer.claim(10)
    await queue.enqueue(later := jobs_of(new_lane(), 1))
    await way.let_go()
    assert [claim.job for claim in await claimer.claim(10)] == later
    assert await claimer.finish([Finish(claim=claim) for claim in claims]) == given


async def test_no_server_is_unavailable() -> None:
    """A server that cannot be reached is 'unavailable', not an error of the driver."""
    async with Redis(host="127.0.0.1", port=1, retry=None) as nowhere:
        with pytest.raises(QueueUnavailable):
            await RedisQueue(nowhere, POLICY).claim(1)


async def test_a_fence_never_repeats(redis: Redis, queue: RedisQueue) -> None:
    """The same job claimed before and after a flush has different fences, so an old result is stale."""
    [job] = jobs_of(new_lane(), 1)
    fences = set()
    for epoch in range(2, 12):
        await redis.flushall()
        await queue.open_epoch(epoch)
        await queue.enqueue([job])
        fences.add((await queue.claim(1))[0].fence)
    assert len(fences) == 10


async def test_no_epoch_is_a_loss(redis: Redis) -> None:
    """A server that never had an epoch is a lost queue: nothing can be put where nobody would rebuild it."""
    queue = RedisQueue(redis, POLICY)
    assert await queue.is_lost()
    with pytest.raises(EpochLost):
        await queue.enqueue(jobs_of(new_lane(), 1))


async def test_delays_and_counters_at_their_bounds(queue: RedisQueue) -> None:
    """The largest round, step and delay that a record can carry are carried; a negative delay is now."""
    first, second = jobs_of(new_lane(), 2, round=65_535, step=65_535)
    assert await queue.enqueue([replace(first, delay_ms=-5)]) == [Placed.ADDED]
    assert await queue.enqueue([replace(second, delay_ms=2**40)]) == [Placed.LATER]
    [claim] = await queue.claim(5)
    assert isinstance(claim.job, Job)
    assert (claim.job.round, claim.job.step) == (65_535, 65_535)


async def test_a_command_that_fails_half_way_gives_its_epoch_up(redis: Redis, queue: RedisQueue) -> None:
    """Redis rolls nothing back, so nothing half done is trusted: the queue is lost, and a new epoch is whole."""
    [job] = jobs_of(new_lane(), 1)
    name = PARTNER.bytes + job.endpoint_id.bytes
    await redis.set(b"{tnq0}:1.1:normal:" + name, "not a list")
    with pytest.raises(EpochLost):
        await queue.enqueue([job])
    assert await queue.is_lost()
    assert await queue.open_epoch(2)
    assert await queue.enqueue([job]) == [Placed.ADDED]
    assert await queue.drop_old_epochs() > 0


async def test_a_parked_lane_ends_the_wait_of_claimers(queue: RedisQueue) -> None:
    """Whoever waits for jobs is back when a parked lane may go on, without being woken."""
    await queue.configure([Lane(partner_id=PARTNER, endpoint_id=(lane := new_lane()), rate_per_second=20.0, burst=1)])
    await queue.enqueue(jobs_of(lane, 2))
    claims = await queue.claim(5)
    while not (later := await queue.claim(5)):
        async with asyncio.timeout(5):
            await queue.wait(30)
    assert (len(claims), len(later)) == (1, 1)


async def test_short_intervals_keep_their_rate(queue: RedisQueue) -> None:
    """A rate far above the second's timers is reached, without a burst, by claiming and waiting alone."""
    await queue.configure(
        [Lane(partner_id=PARTNER, endpoint_id=(lane := new_lane()), rate_per_second=50.0, burst=1, cap=100)]
    )
    await queue.enqueue(jobs_of(lane, 20))
    started, times = time.monotonic(), list[float]()
    while len(times) < 20:
        if claims := await queue.claim(10):
            assert len(claims) == 1
            times.append(time.monotonic() - started)
        else:
            await queue.wait(1)
    assert times[-1] >= 19 / 50 * 0.95
    assert times[-1] < 3


@pytest.mark.parametrize("seed", range(5))
async def test_counters_agree_with_leases(redis: Redis, seed: int) -> None:
    """After any sequence of calls each lane counts exactly the jobs and leases that there are."""
    queue = RedisQueue(redis, replace(POLICY, lane_cap=4))
    await queue.open_epoch(1)
    play = Play(queue, random.Random(seed))  # noqa: S311 - chooses operations, protects nothing
    for _ in range(60):
        await play.step()
        leased, known = Counter[bytes](), 0
        for raw in (await redis.hgetall("{tnq0}:1.1:jobs")).values():
            known += bool(raw)
            leased.update([raw[23:55]] if raw[:1] == b"\x03" else [])
        lanes = {name: raw for name, raw in (await redis.hgetall("{tnq0}:1.1:lanes")).items() if len(name) == 32}
        counted = {name: struct.unpack_from(">II", raw, 2) for name, raw in lanes.items()}
        assert {name: in_flight for name, (in_flight, _) in counted.items() if in_flight} == leased
        assert sum(jobs for _, jobs in counted.values()) == known


async def test_lanes_that_were_told_nothing_cost_nothing_when_idle(redis: Redis, queue: RedisQueue) -> None:
    """After their jobs only lanes with a configuration of their own are remembered, and those by one field each."""
    lanes = [new_lane() for _ in range(30)]
    await queue.configure([Lane(partner_id=PARTNER, endpoint_id=lane, weight=2) for lane in lanes[:10]])
    await queue.enqueue([jobs_of(lane, 1)[0] for lane in lanes])
    await queue.finish([Finish(claim=claim, park_ms=1) for claim in await queue.claim(100)])
    await queue.configure([Lane(partner_id=PARTNER, endpoint_id=lane) for lane in lanes[:5]])
    await asyncio.sleep(0.01)
    await queue.tick()
    assert await redis.hlen("{tnq0}:1.1:lanes") == 1 + 5
    assert await redis.zcard("{tnq0}:1.1:ring") == 1
