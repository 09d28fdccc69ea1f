"""Changes of an endpoint reach its lane in the queue at once, on a real Valkey."""

from typing import TypeAlias
from uuid import UUID

import asyncpg
import pytest
from redis.asyncio import Redis

from kernel.ids import Tenant, new_id
from kernel.sealing import Vault
from tests.support.clock import FakeClock
from tests.support.tenants import caller
from webhooks.endpoints.model import Rate
from webhooks.endpoints.requests import EndpointDraft, EndpointPatch, EndpointRules
from webhooks.endpoints.service import Endpoints
from webhooks.endpoints.telling import LaneTeller
from webhooks.queue.port import Job, QueuePolicy
from webhooks.queue.redis_queue import RedisQueue

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
URL = "https://shop.example.com/hook"


@pytest.fixture
async def queue(redis: Redis) -> RedisQueue:
    """A queue with an open epoch."""
    made = RedisQueue(redis, QueuePolicy())
    await made.open_epoch(1)
    return made


@pytest.fixture
def live(database: Pool, vault: Vault, clock: FakeClock, queue: RedisQueue) -> Endpoints:
    """The service, telling that queue."""
    return Endpoints(database, vault, clock, EndpointRules(), LaneTeller(queue))


async def offer(queue: RedisQueue, clock: FakeClock, tenant: Tenant, endpoint_id: UUID, count: int) -> None:
    await queue.enqueue(
        [
            Job(partner_id=tenant.partner_id, endpoint_id=endpoint_id, delivery_id=new_id(clock.now()))
            for _ in range(count)
        ]
    )


async def test_a_paused_endpoint_is_given_nothing(
    live: Endpoints, queue: RedisQueue, clock: FakeClock, tenant: Tenant
) -> None:
    """What is offered meanwhile waits, and is given out as soon as it is resumed."""
    endpoint_id = (await live.create(caller(tenant), EndpointDraft(url=URL))).endpoint.id
    await live.pause(caller(tenant), endpoint_id)
    await offer(queue, clock, tenant, endpoint_id, 3)
    assert await queue.claim(10) == []
    await live.resume(caller(tenant), endpoint_id)
    assert len(await queue.claim(10)) == 3


async def test_a_resumed_endpoint_is_told_to_the_queue_by_the_worker_too(
    live: Endpoints, database: Pool, tenant: Tenant
) -> None:
    """The process that resumes it may die before it tells the queue: the endpoint waits for its release until then."""
    endpoint_id = (await live.create(caller(tenant), EndpointDraft(url=URL))).endpoint.id
    await live.pause(caller(tenant), endpoint_id)
    await live.resume(caller(tenant), endpoint_id)
    assert await database.fetchval("SELECT is_releasing FROM webhook_endpoints WHERE id = $1", endpoint_id) is True


async def test_concurrency_and_rate_change_live(
    live: Endpoints, queue: RedisQueue, clock: FakeClock, tenant: Tenant
) -> None:
    """The next claim keeps to what was just answered."""
    endpoint_id = (await live.create(caller(tenant), EndpointDraft(url=URL, concurrency=2))).endpoint.id
    await offer(queue, clock, tenant, endpoint_id, 20)
    assert len(await queue.claim(10)) == 2
    assert await queue.claim(10) == []
    await live.patch(caller(tenant), endpoint_id, EndpointPatch(concurrency=5, rate=Rate(per_second=0.01, burst=2)))
    assert len(await queue.claim(10)) == 2
    await live.patch(caller(tenant), endpoint_id, EndpointPatch(rate=None))
    assert len(await queue.claim(10)) == 1
