"""Redis or PostgreSQL may be away for any time: nothing has to be restarted, and nothing committed is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from bench.faults.proxy import Proxy, Weather
from kernel.batcher import Batcher, BatchPolicy
from tests.integration.reconciler.driving import a_reconciler, reconciling
from tests.support.webhooks import FAST_QUEUE, TENANT, World, until
from webhooks.catalogue.memory import Catalogue
from webhooks.events.checks import Checks, Merchants
from webhooks.events.publisher import EventWork, Publisher
from webhooks.events.requests import EventRequest
from webhooks.queue.enqueuer import EnqueuerMetrics, EnqueuerPolicy, QueueEnqueuer
from webhooks.queue.redis_queue import RedisQueue

# What config/resources.py gives the same calls, compressed.
CALL_SECONDS = 0.4
OUTAGES = [
    pytest.param(1.5, id="short"),
    pytest.param(40, id="long", marks=[pytest.mark.long, pytest.mark.timeout(300)]),
]


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy before the server of a URL, and the URL that leads through it."""
    parts = urlsplit(url)
    proxy = Proxy(lambda: (str(parts.hostname), int(parts.port or 0)))
    await proxy.start()
    user, at, _ = parts.netloc.rpartition("@")
    try:
        yield proxy, parts._replace(netloc=f"{user}{at}127.0.0.1:{proxy.port}").geturl()
    finally:
        await proxy.close()


@asynccontextmanager
async def far_redis(url: str) -> AsyncIterator[Redis]:
    """A client with the deadlines of production, compressed."""
    deadlines = {"socket_timeout": CALL_SECONDS, "socket_connect_timeout": CALL_SECONDS}
    client = Redis.from_url(url, retry=Retry(NoBackoff(), 0), **deadlines)
    try:
        yield client
    finally:
        await client.aclose()


@asynccontextmanager
async def publishing(world: World) -> AsyncIterator[Publisher]:
    """The partners' way in, on this world's database and queue, with the waits of production."""
    enqueuer = QueueEnqueuer(world.queue, EnqueuerMetrics.registered(CollectorRegistry()), EnqueuerPolicy())
    batcher = Batcher(world.pool, EventWork(world.writer, enqueuer), BatchPolicy())
    await batcher.start()
    try:
        checks = Checks(Merchants(world.pool), Catalogue(world.pool, world.vault))
        yield Publisher(batcher, world.writer, checks, world.clock)
    finally:
        await batcher.close()
        await enqueuer.close()


async def test_redis_is_absent_at_ingest(world: World, redis_url: str) -> None:
    """A publisher is answered right after the commit although no queue can be reached; when it is back all is sent."""
    await world.endpoint()
    async with proxied(redis_url) as (proxy, url), far_redis(url) as client:
        proxy.change(Weather.REFUSED)
        world.queue = RedisQueue(client, FAST_QUEUE)
        async with reconciling(a_reconciler(world)), world.dispatching(), publishing(world) as publisher:
            requests = [EventRequest(type="order.shipped", data={"number": number}) for number in range(20)]
            async with asyncio.timeout(5):
                published = await asyncio.gather(*(publisher.publish(TENANT, request) for request in requests))
            assert await world.pending() == 20
            assert world.sender.sent == []
            proxy.change(Weather.CLEAR)
            await until(lambda: _is_done(world))
    assert world.sender.events() == {each.event_id for each in published}


@pytest.mark.parametrize("seconds", OUTAGES)
async def test_redis_is_away_and_comes_back(world: World, redis_url: str, seconds: float) -> None:
    """Cut off, frozen, back again: the same dispatcher and reconciler go on, and send what was committed meanwhile."""
    await world.endpoint()
    async with proxied(redis_url) as (proxy, url), far_redis(url) as client:
        world.queue = RedisQueue(client, FAST_QUEUE)
        async with reconciling(a_reconciler(world)), world.dispatching():
            events = await world.publish(5)
            await until(lambda: _is_done(world))
            for weather in (Weather.REFUSED, Weather.FROZEN):
                proxy.change(weather)
                events += await world.publish(5, offer=False)
                await asyncio.sleep(seconds)
                events += await world.publish(5, offer=False)
                proxy.change(Weather.CLEAR)
                await until(lambda: _is_done(world))
    assert world.sender.events() == set(events)


@pytest.mark.parametrize("seconds", OUTAGES)
async def test_postgresql_is_away_and_comes_back(world: World, database_url: str, seconds: float) -> None:
    """The same for the database; what was being sent meanwhile is recorded when it is back."""
    await world.endpoint()
    near = world.pool
    async with proxied(database_url) as (proxy, url), _far_postgres(url) as far:
        world.pool = far
        async with reconciling(a_reconciler(world)), world.dispatching():
            world.pool = near  # the test itself publishes and looks from the near side
            events = await world.publish(5)
            await until(lambda: _is_done(world))
            for weather in (Weather.REFUSED, Weather.FROZEN):
                events += await world.publish(5)
                proxy.change(weather)
                await asyncio.sleep(seconds / 2)
                events += await world.publish(5)
                await asyncio.sleep(seconds / 2)
                proxy.change(Weather.CLEAR)
                await until(lambda: _is_done(world))
    assert world.sender.events() == set(events)


@asynccontextmanager
async def _far_postgres(url: str) -> "AsyncIterator[asyncpg.Pool[asyncpg.Record]]":
    pool = await asyncpg.create_pool(url, min_size=1, max_size=10, timeout=CALL_SECONDS, command_timeout=CALL_SECONDS)
    try:
        yield pool
    finally:
        pool.terminate()


async def _is_done(world: World) -> bool:
    return await world.pending() == 0
