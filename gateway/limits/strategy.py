"""The token bucket as a strategy of the `limits` library, with the answer that HTTP headers need beside yes or no."""

import time

from limits import RateLimitItem
from limits.aio.strategies import RateLimiter
from limits.util import WindowStats

from gateway.limits.gcra import Bucket
from gateway.limits.storage import Demand, MemoryBuckets, RedisBuckets, Verdict


class TokenBucketRateLimiter(RateLimiter):
    """`hit`, `test` and `get_window_stats` as every strategy has them, and `acquire`.

    A limit of 100 per minute is a bucket that refills by 100 a minute; it holds `burst` tokens, or 100.
    """

    def __init__(self, storage: RedisBuckets | MemoryBuckets, burst: int | None = None) -> None:
        super().__init__(storage)
        self._buckets = storage
        self._burst = burst

    async def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Take `cost` tokens; False takes none."""
        return (await self.acquire(item, *identifiers, cost=cost)).allowed

    async def test(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Whether `cost` tokens could be taken now."""
        level = (await self.acquire(item, *identifiers, cost=0)).levels[0]
        return level.remaining >= cost

    async def get_window_stats(self, item: RateLimitItem, *identifiers: str) -> WindowStats:
        """When the bucket will be full, and how many tokens it holds."""
        level = (await self.acquire(item, *identifiers, cost=0)).levels[0]
        return WindowStats(time.time() + level.full_after_us / 1e6, level.remaining)

    async def acquire(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> Verdict:
        """Take `cost` tokens and say how the bucket stands."""
        rate = item.amount / item.get_expiry()
        bucket = Bucket(capacity=self._burst or item.amount, rate_per_second=rate)
        demand = Demand(buckets=((item.key_for(*identifiers), bucket),), cost=cost)
        return (await self._buckets.take_all([demand]))[0]
