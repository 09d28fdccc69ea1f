"""The token bucket on each of its storages."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from limits import RateLimitItemPerMinute, RateLimitItemPerSecond

from gateway.limits.gcra import Bucket
from gateway.limits.storage import Demand, MemoryBuckets, RedisBuckets
from gateway.limits.strategy import TokenBucketRateLimiter

Storage = RedisBuckets | MemoryBuckets
# Refills so slowly that a test's own time adds nothing.
STILL = Bucket(capacity=50, rate_per_second=0.01)


@pytest.fixture(params=["memory", "redis"])
async def storage(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[Storage]:
    """Each implementation, empty."""
    if request.param == "memory":
        yield MemoryBuckets(time.monotonic)
        return
    made = RedisBuckets(redis_url, socket_timeout_seconds=5)
    yield made
    await made.close()


def demand(bucket: Bucket = STILL, name: str = "a", cost: int = 1) -> Demand:
    return Demand(buckets=((name, bucket),), cost=cost)


async def test_two_hundred_at_once_get_exactly_the_capacity(storage: Storage) -> None:
    """However many ask at the same moment, the bucket gives what it holds."""
    verdicts = await asyncio.gather(*(storage.take_all([demand()]) for _ in range(200)))
    assert sum(verdict[0].allowed for verdict in verdicts) == 50


async def test_many_demands_of_one_call_are_decided_in_their_order(storage: Storage) -> None:
    """One call for many requests is as many calls for one each."""
    verdicts = await storage.take_all([demand() for _ in range(60)])
    assert [verdict.allowed for verdict in verdicts] == [True] * 50 + [False] * 10
    assert [verdict.levels[0].remaining for verdict in verdicts[:3]] == [49, 48, 47]


async def test_a_request_takes_from_all_of_its_buckets_or_from_none(storage: Storage) -> None:
    """A full bucket is not drained by requests that another bucket refuses."""
    small = Bucket(capacity=2, rate_per_second=0.01)
    both = Demand(buckets=(("large", STILL), ("small", small)))
    verdicts = await storage.take_all([both] * 5)
    assert [verdict.allowed for verdict in verdicts] == [True, True, False, False, False]
    assert verdicts[-1].levels[0].remaining == 48
    assert (await storage.take_all([demand(name="large", cost=48)]))[0].allowed


async def test_a_refused_request_is_told_when_it_fits_and_not_early(storage: Storage) -> None:
    """After retry_after has passed the same cost is taken; just before, it is not."""
    bucket = Bucket(capacity=1, rate_per_second=5)
    await storage.take_all([demand(bucket)])
    refused = (await storage.take_all([demand(bucket)]))[0]
    assert not refused.allowed
    wait = refused.levels[0].retry_after_us / 1e6
    assert 0 < wait <= 0.2
    await asyncio.sleep(wait)
    assert (await storage.take_all([demand(bucket)]))[0].allowed


async def test_a_cost_over_the_capacity_never_fits(storage: Storage) -> None:
    """It is told so, and takes nothing."""
    refused = (await storage.take_all([demand(cost=51)]))[0]
    assert (refused.allowed, refused.levels[0].retry_after_us, refused.levels[0].remaining) == (False, -1, 50)


async def test_what_was_used_already_is_taken_in_any_case(storage: Storage) -> None:
    """A cost below zero empties a bucket beyond its bottom, and what follows waits until that is made good."""
    bucket = Bucket(capacity=10, rate_per_second=10)
    forced = (await storage.take_all([demand(bucket, cost=-12)]))[0]
    assert forced.allowed
    refused = (await storage.take_all([demand(bucket)]))[0]
    assert not refused.allowed
    assert 0.25 < refused.levels[0].retry_after_us / 1e6 <= 0.3


async def test_asking_takes_nothing(storage: Storage) -> None:
    """A cost of zero shows the level."""
    for _ in range(3):
        assert (await storage.take_all([demand(cost=0)]))[0].levels[0] == (50, 0, 0)


async def test_as_a_strategy_of_the_library(storage: Storage) -> None:
    """hit, test, get_window_stats and clear behave as with every other strategy of `limits`."""
    limiter = TokenBucketRateLimiter(storage)
    item = RateLimitItemPerMinute(3)
    assert [await limiter.hit(item, "caller") for _ in range(4)] == [True, True, True, False]
    assert not await limiter.test(item, "caller")
    stats = await limiter.get_window_stats(item, "caller")
    assert stats.remaining == 0
    assert 50 < stats.reset_time - time.time() <= 60
    assert await limiter.hit(item, "another")


async def test_a_burst_may_be_larger_than_the_rate(storage: Storage) -> None:
    """Capacity and rate are two numbers."""
    limiter = TokenBucketRateLimiter(storage, burst=10)
    item = RateLimitItemPerSecond(1)
    assert sum([await limiter.hit(item, "caller") for _ in range(12)]) == 10
