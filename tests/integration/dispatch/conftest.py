from collections.abc import AsyncIterator

import asyncpg
import pytest
from redis.asyncio import Redis

from kernel.clock import CorrectedClock
from kernel.sealing import Vault
from tests.support.keys import StaticKeys
from tests.support.webhooks import FAST_QUEUE, World
from webhooks.queue.redis_queue import RedisQueue


@pytest.fixture
async def queue(redis: Redis) -> RedisQueue:
    """A queue with its first epoch open."""
    queue = RedisQueue(redis, FAST_QUEUE)
    await queue.open_epoch(1)
    return queue


@pytest.fixture
async def world(database: "asyncpg.Pool[asyncpg.Record]", database_url: str, queue: RedisQueue) -> AsyncIterator[World]:
    """A partner with nothing yet."""
    clock = CorrectedClock()
    async with asyncpg.create_pool(database_url, min_size=0, max_size=2) as pool:
        yield World(pool=database, queue=queue, vault=Vault(pool, StaticKeys(), clock), clock=clock)
