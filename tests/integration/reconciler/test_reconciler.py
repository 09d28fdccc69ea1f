"""Redis may lose everything at any moment, and nothing that was committed is lost."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from tests.integration.reconciler.driving import POLICY, a_reconciler, reconciling
from tests.support.webhooks import FAST_QUEUE, World, until
from webhooks.queue.redis_queue import RedisQueue
from webhooks.sending.model import Cause

AFTER_A_LOSS = {Cause.RECONCILED, Cause.LEASE_EXPIRED}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


async def test_a_flush_in_the_middle_loses_nothing(world: World, registry: CollectorRegistry, redis: Redis) -> None:
    """FLUSHALL while 500 events are on their way: all arrive, and what comes twice says that it was found again."""
    for _ in range(5):
        await world.endpoint()
    async with reconciling(a_reconciler(world, registry)), world.dispatching():
        events: list[object] = []
        for batch in range(10):
            events += await world.publish(50)
            if batch == 5:
                await until(lambda: len(world.sender.sent) > 200)
                await redis.flushall()
        await until(lambda: _is_done(world))
    assert world.sender.events() == set(events)
    sends = Counter(sent.delivery_id for sent in world.sender.sent)
    assert len(sends) == 2_500
    for sent in world.sender.sent:
        if sends[sent.delivery_id] > 1:
            sends[sent.delivery_id] = -1  # the first of several; the others say why they came
        elif sends[sent.delivery_id] < 0:
            assert sent.cause in AFTER_A_LOSS


async def test_a_lost_enqueue_is_found(world: World, registry: CollectorRegistry) -> None:
    """Events whose process died between commit and enqueue arrive within a few walks, and say so."""
    await world.endpoint()
    async with reconciling(a_reconciler(world, registry)), world.dispatching():
        events = await world.publish(20, offer=False)
        await until(lambda: _is_done(world))
    assert {tuple(world.sender.causes(event_id)) for event_id in events} == {(Cause.RECONCILED,)}


async def test_a_new_queue_is_opened_and_filled(world: World, registry: CollectorRegistry, redis: Redis) -> None:
    """Without any epoch the first look opens one and enqueues all that is due, of every lane, across pages."""
    for _ in range(3):
        await world.endpoint()
    await world.publish(20, offer=False)
    await redis.flushall()
    await a_reconciler(world, registry).run_once()
    assert await world.queue.count() == 60
    assert registry.get_sample_value("threadneedle_due_not_queued", {"why": "rebuilt"}) == 60


async def test_another_server_process_means_a_new_epoch(
    world: World, registry: CollectorRegistry, redis: Redis
) -> None:
    """After a restart or failover what the server still holds is not trusted: the epoch is new, the old keys go."""
    await world.endpoint()
    await world.publish(4)
    await redis.hset("{tnq0}:epoch", "server", "another")
    await a_reconciler(world, registry).run_once()
    assert not await redis.keys("{tnq0}:1:*")
    await world.pool.execute("UPDATE deliveries SET next_attempt_at = next_attempt_at - interval '1 minute'")
    await a_reconciler(world, CollectorRegistry()).run_once()
    assert await world.queue.count() == 4


async def test_epochs_never_repeat(world: World, registry: CollectorRegistry, redis: Redis) -> None:
    """Each loss opens a higher epoch."""
    reconciler, numbers = a_reconciler(world, registry), []
    for _ in range(3):
        await redis.flushall()
        await reconciler.run_once()
        numbers.append(int((await redis.hget("{tnq0}:epoch", "name")).split(b".")[0]))
    assert numbers == sorted(set(numbers))


async def test_what_is_known_stays_as_it_is(world: World, registry: CollectorRegistry) -> None:
    """A walk over deliveries that are queued or leased changes nothing and counts nothing as missing."""
    await world.endpoint()
    await world.publish(10)
    claims = await world.queue.claim(3)
    await world.pool.execute("UPDATE deliveries SET next_attempt_at = next_attempt_at - interval '1 minute'")
    await a_reconciler(world, registry).run_once()
    assert await world.queue.count() == 10
    assert all(await world.queue.renew(claims))
    assert registry.get_sample_value("threadneedle_due_not_queued", {"why": "unexplained"}) == 0
    assert (registry.get_sample_value("threadneedle_oldest_due_seconds", {"lanes": "open"}) or 0) >= 60


async def test_only_the_near_future_is_queued(world: World, registry: CollectorRegistry, redis: Redis) -> None:
    """A retry within the horizon comes into the queue with its delay and its own cause; a later one does not."""
    await world.endpoint()
    near, far = await world.publish(2, offer=False)
    postpone = "UPDATE deliveries SET step = 1, next_attempt_at = now() + $2::interval WHERE event_id = $1"
    await world.pool.execute(postpone, near, timedelta(seconds=1))
    await world.pool.execute(postpone, far, timedelta(hours=2))
    await redis.flushall()
    await a_reconciler(world, registry).run_once()
    assert await world.queue.count() == 1
    async with world.dispatching():
        await until(lambda: world.sender.sent)
    assert world.sender.causes(near) == [Cause.RETRY]


async def test_a_backlog_beyond_the_window_arrives(world: World, registry: CollectorRegistry, redis: Redis) -> None:
    """A lane with more than its window is filled again as it empties, until everything was delivered."""
    world.queue = RedisQueue(redis, replace(FAST_QUEUE, lane_window=10))
    await world.endpoint()
    await world.publish(45, offer=False)
    await world.pool.execute("UPDATE deliveries SET next_attempt_at = next_attempt_at - interval '1 minute'")
    await a_reconciler(world, registry).run_once()
    assert await world.queue.count() == 10
    assert (registry.get_sample_value("threadneedle_due_not_queued", {"why": "window"}) or 0) > 0
    async with reconciling(a_reconciler(world, CollectorRegistry())), world.dispatching():
        await until(lambda: _is_done(world))
    assert len(world.sender.sent) == 45


async def test_two_reconcilers_do_no_harm(world: World, registry: CollectorRegistry, redis: Redis) -> None:
    """Of two at once one leads; together they lose and double nothing."""
    await world.endpoint()
    two = [a_reconciler(world, registry), a_reconciler(world, CollectorRegistry())]
    await redis.flushall()
    async with reconciling(*two), world.dispatching():
        events = await world.publish(30, offer=False)
        await until(lambda: _is_done(world))
    assert sorted(sent.event_id for sent in world.sender.sent) == sorted(events)


async def test_a_stranded_line_goes_on(world: World, registry: CollectorRegistry) -> None:
    """A delivery that waits for one that has ended is made due by the reconciler."""
    await world.endpoint(ordered=True)
    key = uuid4()
    [first] = await world.publish(ordering_key=key, offer=False)
    [second] = await world.publish(ordering_key=key, offer=False)
    await world.pool.execute("UPDATE deliveries SET state = 'cancelled' WHERE event_id = $1", first)
    async with reconciling(a_reconciler(world, registry)), world.dispatching():
        await until(lambda: _is_done(world))
    assert [sent.event_id for sent in world.sender.sent] == [second]


@pytest.mark.parametrize("state", ["disabled", "deleted"])
async def test_a_closed_endpoint_keeps_nothing_pending(world: World, registry: CollectorRegistry, state: str) -> None:
    """Pending and waiting deliveries of an endpoint that was closed end undelivered, in portions."""
    endpoint_id = await world.endpoint(ordered=True)
    key = uuid4()
    events = [(await world.publish(ordering_key=key, offer=False))[0] for _ in range(3)]
    await world.pool.execute("UPDATE webhook_endpoints SET state = $2 WHERE id = $1", endpoint_id, state)
    await a_reconciler(world, registry, replace(POLICY, rows_healed_max=2)).run_once()
    reasons = await world.states()
    assert [reasons[event_id] for event_id in events] == [("undelivered", f"endpoint_{state}")] * 3


async def test_a_queue_that_is_away_is_waited_for(world: World, registry: CollectorRegistry) -> None:
    """Without a reachable server a look ends quietly and the next one comes."""
    async with Redis(host="127.0.0.1", port=1, retry=None) as nowhere:
        await a_reconciler(world, registry, queue=RedisQueue(nowhere, FAST_QUEUE)).run_once()
    assert registry.get_sample_value("threadneedle_queue_epochs_total") == 0


async def _is_done(world: World) -> bool:
    return await world.pending() == 0
