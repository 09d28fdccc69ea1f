"""What PostgreSQL says about lanes reaches the queue: held ones are probed, well ones released, none read in vain."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from tests.integration.reconciler.driving import POLICY, a_reconciler, reconciling
from tests.support.webhooks import FAST_QUEUE, TENANT, World, until
from webhooks.queue.port import Claim, Finish, Lane, LaneMode, Origin, Placed, QueueUnavailable
from webhooks.queue.redis_queue import RedisQueue

HOLD = "UPDATE webhook_endpoints SET held_at = now(), next_probe_at = now() + $2::interval WHERE id = $1"
OVERDUE = "UPDATE deliveries SET next_attempt_at = next_attempt_at - interval '1 minute'"


class ToldQueue(RedisQueue):
    """Notes what it is told about lanes, and in which order with jobs."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis, FAST_QUEUE)
        self.told: dict[UUID, Lane] = {}
        self.calls: list[str] = []

    async def configure(self, lanes: list[Lane]) -> None:  # type: ignore[override]
        self.calls.append("configure")
        self.told |= {lane.endpoint_id: lane for lane in lanes}
        await super().configure(lanes)

    async def enqueue(self, jobs: list) -> list[Placed]:  # type: ignore[override,type-arg]
        self.calls.append("enqueue")
        return await super().enqueue(jobs)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


async def hold(world: World, endpoint_id: UUID, probe_in: timedelta = timedelta(hours=1)) -> None:
    """As the dispatcher holds a lane."""
    await world.pool.execute(HOLD, endpoint_id, probe_in)


async def claims(world: World) -> list[Claim]:
    return await world.queue.claim(500)


async def test_lanes_are_told_before_their_jobs(world: World, redis: Redis) -> None:
    """After a loss every unusual lane is told, also one without deliveries, and only then come the jobs."""
    world.queue = queue = ToldQueue(redis)
    paced, paused, usual = [await world.endpoint() for _ in range(3)]
    await world.publish(3, offer=False)
    await world.pool.execute(
        "UPDATE webhook_endpoints SET concurrency = 3, weight = 5, rate_per_second = 2, rate_burst = 4 WHERE id = $1",
        paced,
    )
    idle = await world.endpoint()
    await world.pool.execute("UPDATE webhook_endpoints SET paused_at = now() WHERE id = ANY($1)", [paused, idle])
    await redis.flushall()
    await a_reconciler(world).run_once()
    assert queue.calls[0] == "configure"
    assert set(queue.told) == {paced, paused, idle}
    told = queue.told[paced]
    assert (told.mode, told.cap, told.weight, told.rate_per_second, told.burst) == (LaneMode.OPEN, 3, 5, 2.0, 4)
    assert queue.told[paused].mode is LaneMode.PAUSED
    assert {claim.job.endpoint_id for claim in await claims(world)} == {paced, usual}


async def test_a_lane_that_is_as_usual_again_is_told(world: World, redis: Redis) -> None:
    """A pause that ended while its teller died reaches the queue with the next walk."""
    world.queue = queue = ToldQueue(redis)
    endpoint_id = await world.endpoint()
    await world.publish(2)
    await world.pool.execute("UPDATE webhook_endpoints SET paused_at = now()")
    reconciler = a_reconciler(world, policy=replace(POLICY, walk_seconds=0, walk_seconds_max=0))
    await reconciler.run_once()
    assert await claims(world) == []
    await world.pool.execute("UPDATE webhook_endpoints SET paused_at = NULL")
    await reconciler.run_once()
    assert queue.told[endpoint_id].mode is LaneMode.OPEN
    assert len(await claims(world)) == 2


async def test_lanes_that_give_nothing_out_are_counted_not_read(
    world: World, registry: CollectorRegistry, redis: Redis
) -> None:
    """Held and paused lanes' overdue deliveries stay out of the queue and are counted as what they are."""
    held, paused, unproven = [await world.endpoint() for _ in range(3)]
    await world.publish(20, offer=False)
    await world.pool.execute(OVERDUE)
    await hold(world, held)
    await world.pool.execute("UPDATE webhook_endpoints SET paused_at = now() WHERE id = $1", paused)
    await world.pool.execute("UPDATE webhook_endpoints SET state = 'unproven' WHERE id = $1", unproven)
    await redis.flushall()
    await a_reconciler(world, registry).run_once()
    assert await world.queue.count() == 0
    counts = {why: _due(registry, why) for why in ("held", "paused", "unexplained", "rebuilt", "window")}
    assert counts == {"held": 20, "paused": 40, "unexplained": 0, "rebuilt": 0, "window": 0}
    assert (registry.get_sample_value("threadneedle_oldest_due_seconds", {"lanes": "held"}) or 0) >= 60
    assert registry.get_sample_value("threadneedle_oldest_due_seconds", {"lanes": "open"}) == 0
    assert registry.get_sample_value("threadneedle_lanes", {"standing": "paused"}) == 2
    assert await world.pending() == 60


async def test_a_resumed_lane_explains_its_backlog(world: World, registry: CollectorRegistry) -> None:
    """What is found right after a pause was kept back by it; nobody is alarmed."""
    await world.endpoint()
    await world.publish(5, offer=False)
    await world.pool.execute(OVERDUE)
    await world.pool.execute("UPDATE webhook_endpoints SET paused_at = now()")
    reconciler = a_reconciler(world, registry, replace(POLICY, walk_seconds=0, walk_seconds_max=0))
    await reconciler.run_once()
    await world.pool.execute("UPDATE webhook_endpoints SET paused_at = NULL")
    await reconciler.run_once()
    assert await world.queue.count() == 5
    assert (_due(registry, "paused"), _due(registry, "unexplained")) == (5, 0)


async def test_a_missed_offer_is_unexplained(world: World, registry: CollectorRegistry) -> None:
    """A due delivery of an open lane that the queue does not know is worth an alarm."""
    await world.endpoint()
    await world.publish(5, offer=False)
    await world.pool.execute(OVERDUE)
    await a_reconciler(world, registry).run_once()
    assert _due(registry, "unexplained") == 5


async def test_a_held_lane_is_probed_with_what_is_due_longest(world: World, registry: CollectorRegistry) -> None:
    """When its time has come one delivery is offered as a probe, once; the rest waits. A Retry-After is kept."""
    endpoint_id = await world.endpoint()
    events = await world.publish(4, offer=False)
    later = "UPDATE deliveries SET next_attempt_at = now() + $2 * interval '1 second' WHERE event_id = $1"
    for event_id, seconds in zip(events, (90, -50, 40, -90), strict=True):
        await world.pool.execute(later, event_id, seconds)
    await world.pool.execute(
        "UPDATE deliveries SET not_before = now() + interval '1 hour' WHERE event_id = $1", events[3]
    )
    await hold(world, endpoint_id, timedelta(seconds=-1))
    reconciler = a_reconciler(world, registry)
    for _ in range(3):
        await reconciler.run_once()
    [probe] = await claims(world)
    assert probe.job.origin is Origin.PROBE
    chosen = await world.pool.fetchval("SELECT event_id FROM deliveries WHERE id = $1", probe.job.delivery_id)
    assert chosen == events[1]
    assert registry.get_sample_value("threadneedle_lane_probes_total") == 1


async def test_a_probe_that_brought_no_result_is_made_again(world: World) -> None:
    """A dispatcher that died with the probe delays the next one by a lease, not for ever."""
    endpoint_id = await world.endpoint()
    await world.publish(1, offer=False)
    await hold(world, endpoint_id, timedelta(0))
    reconciler = a_reconciler(world, policy=replace(POLICY, probe_seconds=0.3))
    async with reconciling(reconciler):
        await until(lambda: _probe_is_claimed(world))
        await until(lambda: _probe_is_claimed(world))


async def test_a_queue_that_is_away_keeps_the_probe_due(world: World, redis: Redis) -> None:
    """A probe that was not enqueued is due at the next look, and a lane without deliveries is passed over."""

    class AwayQueue(RedisQueue):
        async def enqueue(self, jobs: list) -> list[Placed]:  # type: ignore[override,type-arg]  # noqa: ARG002
            raise QueueUnavailable

    endpoint_id, empty = await world.endpoint(), await world.endpoint(event_types=("nothing.ever",))
    await world.publish(1, offer=False)
    for each in (endpoint_id, empty):
        await hold(world, each, timedelta(seconds=-1))
    await a_reconciler(world, queue=AwayQueue(redis, FAST_QUEUE)).run_once()
    due = await world.pool.fetch("SELECT id, next_probe_at <= now() AS is_due FROM webhook_endpoints")
    assert {row["id"]: row["is_due"] for row in due} == {endpoint_id: True, empty: False}
    await a_reconciler(world).run_once()
    assert len(await claims(world)) == 1


async def test_what_waited_for_a_lane_is_released_in_portions(world: World, registry: CollectorRegistry) -> None:
    """Once a lane is well, what failed for its sake is due at once, in order; a Retry-After and own failures stay."""
    await world.endpoint()
    events = await world.publish(12, offer=False)
    await world.pool.execute("UPDATE deliveries SET step = 3, next_attempt_at = now() + interval '5 hours'")
    await world.pool.execute("UPDATE deliveries SET awaits_lane = true WHERE event_id <> $1", events[3])
    await world.pool.execute(
        "UPDATE deliveries SET not_before = now() + interval '1 hour' WHERE event_id = $1", events[5]
    )
    await world.pool.execute("UPDATE webhook_endpoints SET is_releasing = true")
    await a_reconciler(world, registry).run_once()
    assert await world.pool.fetchval("SELECT is_releasing FROM webhook_endpoints") is False
    rows = {row["event_id"]: row for row in await world.pool.fetch("SELECT *, now() AS now FROM deliveries")}
    due = [event_id for event_id, row in rows.items() if row["next_attempt_at"] <= row["now"]]
    assert set(due) == set(events) - {events[3], events[5]}
    assert not any(rows[event_id]["awaits_lane"] for event_id in due)
    assert rows[events[5]]["next_attempt_at"] == rows[events[5]]["not_before"]
    assert registry.get_sample_value("threadneedle_deliveries_released_total") == 11
    found = await claims(world)
    assert [claim.job.delivery_id for claim in found] == sorted(claim.job.delivery_id for claim in found)
    assert len(found) == 10


async def test_a_released_lane_is_filled_without_waiting_for_a_walk(world: World) -> None:
    """Its backlog, which no walk reads while it is held, comes into the queue with the release."""
    endpoint_id = await world.endpoint()
    await world.publish(30, offer=False)
    await world.pool.execute(OVERDUE)
    await hold(world, endpoint_id)
    reconciler = a_reconciler(world, policy=replace(POLICY, walk_seconds=60, walk_seconds_max=60))
    await reconciler.run_once()
    assert await world.queue.count() == 0
    await world.pool.execute("UPDATE webhook_endpoints SET held_at = NULL, next_probe_at = NULL, is_releasing = true")
    await reconciler.run_once()
    assert await world.queue.count() == 30


async def test_a_release_does_not_end_before_the_queue_was_told(world: World, redis: Redis) -> None:
    """A lane that was resumed while the queue was away, between two walks: it is told as soon as the queue is back."""

    class AwayQueue(ToldQueue):
        is_away = False

        async def configure(self, lanes: list[Lane]) -> None:  # type: ignore[override]
            if self.is_away:
                raise QueueUnavailable
            await super().configure(lanes)

    world.queue = queue = AwayQueue(redis)
    endpoint_id = await world.endpoint()
    reconciler = a_reconciler(world, policy=replace(POLICY, walk_seconds=60, walk_seconds_max=60))
    await reconciler.run_once()
    await queue.configure([Lane(partner_id=TENANT.partner_id, endpoint_id=endpoint_id, mode=LaneMode.PAUSED)])
    queue.is_away = True
    await world.pool.execute("UPDATE webhook_endpoints SET is_releasing = true")
    await reconciler.run_once()
    assert queue.told[endpoint_id].mode is LaneMode.PAUSED
    queue.is_away = False
    await reconciler.run_once()
    assert queue.told[endpoint_id].mode is LaneMode.OPEN
    assert await world.pool.fetchval("SELECT is_releasing FROM webhook_endpoints") is False


async def test_a_full_lane_is_filled_between_walks(world: World, redis: Redis) -> None:
    """A lane with more than its window does not wait for the next walk when it has room again."""
    world.queue = queue = RedisQueue(redis, replace(FAST_QUEUE, lane_window=10))
    await world.endpoint()
    await world.publish(45, offer=False)
    await world.pool.execute(OVERDUE)
    policy = replace(POLICY, walk_seconds=60, walk_seconds_max=60, lane_window=10)
    reconciler = a_reconciler(world, policy=policy)
    seen: set[UUID] = set()
    for _ in range(8):
        await reconciler.run_once()
        assert await queue.count() <= 10
        found = await queue.claim(10)
        seen |= {claim.job.delivery_id for claim in found}
        ids = [claim.job.delivery_id for claim in found]
        await world.pool.execute("UPDATE deliveries SET state = 'delivered' WHERE id = ANY($1)", ids)
        await queue.finish([Finish(claim=claim) for claim in found])
    assert len(seen) == 45


async def test_deliveries_of_a_lane_that_stands_still_grow_old(world: World, registry: CollectorRegistry) -> None:
    """What nobody may try ends as dead at its age, and its partner is told once of each; younger ones wait on."""
    await world.endpoint()
    events = await world.publish(3, offer=False)
    await world.pool.execute("UPDATE webhook_endpoints SET paused_at = now()")
    await world.pool.execute(
        "UPDATE deliveries SET round = 1, round_at = now() + interval '1 hour' WHERE event_id = $1", events[0]
    )
    await a_reconciler(world, registry, replace(POLICY, age_max=timedelta(seconds=-30))).run_once()
    states = await world.states()
    assert states[events[0]] == ("pending", None)
    assert {states[event_id] for event_id in events[1:]} == {("dead", "too_old")}
    assert registry.get_sample_value("threadneedle_deliveries_healed_total", {"why": "aged"}) == 2
    assert await world.pool.fetchval("SELECT count(*) FROM events WHERE type = 'delivery.dead'") == 2
    await a_reconciler(world, policy=replace(POLICY, age_max=timedelta(seconds=-30))).run_once()
    assert await world.pool.fetchval("SELECT count(*) FROM events WHERE type = 'delivery.dead'") == 2


def _due(registry: CollectorRegistry, why: str) -> float | None:
    return registry.get_sample_value("threadneedle_due_not_queued", {"why": why})


async def _probe_is_claimed(world: World) -> bool:
    await world.queue.tick()
    found = await claims(world)
    if found:
        await world.queue.finish([Finish(claim=claim) for claim in found])
    return bool(found) and found[0].job.origin is Origin.PROBE
