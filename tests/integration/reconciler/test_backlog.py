"""A dead endpoint's backlog, however long, costs neither its neighbours nor Redis."""

import time
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from tests.integration.reconciler.driving import a_reconciler, reconciling
from tests.support.webhooks import FAST, TENANT, World, until
from webhooks.queue.port import QueuePolicy
from webhooks.queue.redis_queue import RedisQueue
from webhooks.reconciler.model import ReconcilerPolicy

# What Redis may hold beyond an empty queue while one endpoint has any number of overdue deliveries: its window of 5,000
# jobs at 200 bytes, twice over for what the server allocates ahead.
REDIS_BYTES_MAX = 2 * 5_000 * 200
NEXT_EVENT_SECONDS_MAX = 2.0
# One after the other, a millisecond apart; the body is that of one event, which each of them carries.
BACKLOG = """
INSERT INTO deliveries (partner_id, id, environment, event_id, endpoint_id, state, next_attempt_at)
SELECT $1, (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - 3600000 + n), 12, '0') || '70008'
            || substr(md5(n::text), 1, 15))::uuid,
       'test', $2, $3, 'pending', now() - interval '1 hour' + n * interval '1 millisecond'
FROM generate_series(1, $4) AS n
"""


@pytest.mark.parametrize("held", [False, True], ids=["hanging", "held"])
@pytest.mark.parametrize(
    "rows",
    [20_000, pytest.param(1_000_000, marks=[pytest.mark.long, pytest.mark.timeout(600)])],
)
async def test_a_flush_beside_a_dead_endpoint(
    world: World, redis: Redis, record_property: Callable[[str, object], None], *, held: bool, rows: int
) -> None:
    """FLUSHALL beside a dead endpoint's backlog: a healthy one has its next event in 2 s, and Redis stays small."""
    world.queue = RedisQueue(redis, QueuePolicy(lease_seconds=1.1))
    await redis.flushall()
    empty = await _used(redis)
    dead, healthy = await _backlog(world, rows), await world.endpoint(event_types=("payment.*",))
    if held:
        await world.pool.execute(
            "UPDATE webhook_endpoints SET held_at = now(), next_probe_at = now() WHERE id = $1", dead
        )
    world.sender.hanging = {dead}
    async with reconciling(a_reconciler(world, policy=ReconcilerPolicy())), world.dispatching(FAST):
        await until(lambda: _is_stuck(world, dead))
        [warm] = await world.publish()
        await until(lambda: _has_arrived(world, healthy, warm))
        took = [await _flush_and_publish(world, redis, healthy) for _ in range(3)]
        used = await _used(redis) - empty
        jobs = await world.queue.count()
    assert max(took) < NEXT_EVENT_SECONDS_MAX, took
    assert used < REDIS_BYTES_MAX
    assert jobs <= (10 if held else 5_010)
    record_property("seconds until a healthy endpoint's next event (< 2)", round(max(took), 2))
    record_property("MB more in Redis (< 2)", round(used / 1e6, 2))


@pytest.mark.parametrize(
    "rows",
    [20_000, pytest.param(1_000_000, marks=[pytest.mark.long, pytest.mark.timeout(600)])],
)
async def test_a_held_lane_costs_a_walk_almost_nothing(
    world: World, redis: Redis, record_property: Callable[[str, object], None], rows: int
) -> None:
    """A walk over a held lane reads as much of it as it counts, whatever its length."""
    world.queue = RedisQueue(redis, QueuePolicy())
    dead = await _backlog(world, rows)
    await world.pool.execute(
        "UPDATE webhook_endpoints SET held_at = now(), next_probe_at = now() + interval '1 day' WHERE id = $1", dead
    )
    policy = replace(ReconcilerPolicy(), walk_seconds=0, walk_seconds_max=0)
    registry = CollectorRegistry()
    reconciler = a_reconciler(world, registry, policy)
    await reconciler.run_once()
    started = time.perf_counter()
    for _ in range(5):
        await reconciler.run_once()
    seconds = (time.perf_counter() - started) / 5
    assert seconds < 0.5
    assert registry.get_sample_value("threadneedle_due_not_queued", {"why": "held"}) == 5_000
    record_property("ms of a walk (< 500)", round(seconds * 1000))


async def _backlog(world: World, rows: int) -> UUID:
    """An endpoint with so many overdue deliveries."""
    endpoint_id = await world.endpoint(event_types=("order.*",))
    [event_id] = await world.publish()
    async with world.pool.acquire() as connection:
        await connection.execute(BACKLOG, TENANT.partner_id, event_id, endpoint_id, rows, timeout=300)
        await connection.execute("ANALYZE deliveries")
    return endpoint_id


async def _flush_and_publish(world: World, redis: Redis, healthy: UUID) -> float:
    await redis.flushall()
    started = time.perf_counter()
    [event_id] = await world.publish()
    await until(lambda: _has_arrived(world, healthy, event_id))
    return time.perf_counter() - started


async def _used(redis: Redis) -> int:
    return int((await redis.info("memory"))["used_memory"])


def _is_stuck(world: World, dead: UUID) -> bool:
    return any(sent.endpoint_id == dead for sent in world.sender.sent)


def _has_arrived(world: World, endpoint_id: UUID, event_id: UUID) -> bool:
    return any(sent.endpoint_id == endpoint_id and sent.event_id == event_id for sent in world.sender.sent)
