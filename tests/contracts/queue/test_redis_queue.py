"""What only the queue on a server does: size, refusals, a lost script, and what other epochs leave behind."""

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from tests.contracts.queue.harness import jobs_of, new_lane
from webhooks.queue.port import EpochLost, Finish, Job, Placed, QueuePolicy, QueueUnavailable
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
    kept = {key.decode().split(":")[-1] for key in await redis.keys("{tnq0}:*")}
    assert {name for name in kept if not name.startswith("L")} <= {"epoch", "jobs", "lanes", "ring", "timers", "wake"}


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
