"""Replays as receivers meet them: from the job that made a delivery due to the attempt that ended it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from kernel.clock import CorrectedClock
from kernel.sealing import Vault
from tests.support.keys import StaticKeys
from tests.support.replays import RULES
from tests.support.tenants import caller
from tests.support.webhooks import FAST_QUEUE, TENANT, World, until
from webhooks.queue.redis_queue import RedisQueue
from webhooks.replays.model import Progress, ReplayRequest
from webhooks.replays.retrying import Retrier
from webhooks.replays.runner import ReplayMetrics, ReplayRunner, RunnerPolicy
from webhooks.replays.service import Replays
from webhooks.replays.unmatched import Unmatched
from webhooks.sending.model import Blame, Cause, Decision, Verdict
from webhooks.states import DeliveryState

ABORTED = Verdict(decision=Decision.ABORT, blame=Blame.DELIVERY)
REFUSED = Verdict(decision=Decision.RETRY, blame=Blame.DELIVERY)


@pytest.fixture
async def world(database: "asyncpg.Pool[asyncpg.Record]", database_url: str, redis: Redis) -> AsyncIterator[World]:
    """A partner with nothing yet, and a queue with its first epoch open."""
    queue, clock = RedisQueue(redis, FAST_QUEUE), CorrectedClock()
    await queue.open_epoch(1)
    async with asyncpg.create_pool(database_url, min_size=0, max_size=2) as pool:
        yield World(pool=database, queue=queue, vault=Vault(pool, StaticKeys(), clock), clock=clock)


def replays_of(world: World) -> Replays:
    retrier = Retrier(world.pool, world.enqueuer, world.clock, RULES)
    return Replays(world.pool, Unmatched(world.vault), retrier, world.clock, RULES)


async def replayed(world: World, **fields: object) -> Progress:
    """A replay of the last minute, carried out as far as it is due."""
    since = world.clock.now() - timedelta(minutes=1)
    request = ReplayRequest(**{"since": since, "rate_per_second": 100_000, **fields})  # type: ignore[arg-type]
    created = await replays_of(world).create(caller(TENANT), request)
    metrics = ReplayMetrics.registered(CollectorRegistry())
    policy = RunnerPolicy(settle_seconds=0)
    await ReplayRunner(world.pool, Unmatched(world.vault), world.enqueuer, metrics, policy).run_once()
    return await replays_of(world).get(TENANT, created.replay.id)


async def is_done(world: World) -> bool:
    return await world.pending() == 0


async def delivery_ids(world: World) -> list[UUID]:
    return [row["id"] for row in await world.pool.fetch("SELECT id FROM deliveries ORDER BY id")]


async def test_a_replay_is_sent_once_more_and_says_so(world: World) -> None:
    """The same event id again, with `replay` as its cause, in round 1; the job tells what became of its deliveries."""
    endpoint = await world.endpoint()
    world.sender.verdicts[endpoint] = ABORTED
    async with world.dispatching():
        events = await world.publish(20)
        await until(lambda: is_done(world))
        del world.sender.verdicts[endpoint]
        progress = await replayed(world, states=[DeliveryState.CANCELLED])
        await until(lambda: is_done(world))
    assert progress.replay.queued == 20
    for event_id in events:
        assert world.sender.causes(event_id) == [Cause.FIRST, Cause.REPLAY]
    assert {sent.round for sent in world.sender.sent[20:]} == {1}
    after = await replays_of(world).get(TENANT, progress.replay.id)
    assert after.outcomes == {DeliveryState.DELIVERED: 20}


async def test_a_replay_has_a_budget_of_its_own(world: World) -> None:
    """A delivery that is much older than any may become is tried again after its first failure, not dead of age."""
    endpoint, week = await world.endpoint(), timedelta(days=7)
    async with world.dispatching():
        world.clock.offset -= week
        await world.publish()
        world.clock.offset += week
        await until(lambda: is_done(world))
        world.sender.verdicts[endpoint] = REFUSED
        [delivery_id] = await delivery_ids(world)
        retried = await Retrier(world.pool, world.enqueuer, world.clock, RULES).retry(caller(TENANT), delivery_id)
        await until(lambda: _is_at(world, round_=1, step=1))
    assert (retried.round, retried.step) == (1, 0)
    [row] = await world.pool.fetch("SELECT state::text, next_attempt_at > now() AS is_later FROM deliveries")
    assert (row["state"], row["is_later"]) == ("pending", True)


async def test_an_endpoint_created_late_is_sent_what_it_missed(world: World) -> None:
    """Deliveries that never were are sent with the events' own ids, numbered, as replays."""
    events = await world.publish(10)
    endpoint = await world.endpoint()
    async with world.dispatching():
        progress = await replayed(world, endpoint_id=endpoint, include_unmatched=True)
        await until(lambda: is_done(world))
    assert (progress.replay.total, progress.replay.made) == (10, 10)
    assert world.sender.events() == set(events)
    assert {sent.cause for sent in world.sender.sent} == {Cause.REPLAY}
    assert sorted(sent.sequence or 0 for sent in world.sender.sent) == list(range(1, 11))


async def test_a_replayed_head_holds_up_no_follower(world: World) -> None:
    """Of an ordered endpoint: what is published while a replayed delivery of the key hangs is sent at once."""
    key, endpoint = TENANT.partner_id, await world.endpoint(ordered=True)
    async with world.dispatching():
        await world.publish(ordering_key=key)
        await until(lambda: is_done(world))
        world.sender.hanging.add(endpoint)
        await replayed(world, states=[DeliveryState.DELIVERED])
        await until(lambda: len(world.sender.sent) == 2)
        world.sender.hanging.clear()
        [later] = await world.publish(ordering_key=key)
        await until(lambda: later in world.sender.events())
    assert world.sender.causes(later) == [Cause.FIRST]


async def test_an_endpoint_disabled_meanwhile_ends_what_was_made_due(world: World) -> None:
    """What a replay made due and an endpoint does not receive any more ends undelivered, and the job says so."""
    endpoint = await world.endpoint()
    async with world.dispatching():
        await world.publish(5)
        await until(lambda: is_done(world))
    progress = await replayed(world, endpoint_id=endpoint, states=[DeliveryState.DELIVERED])
    await world.pool.execute("UPDATE webhook_endpoints SET state = 'disabled', version = version + 1")
    async with world.dispatching():
        await until(lambda: is_done(world))
    after = await replays_of(world).get(TENANT, progress.replay.id)
    assert (after.replay.queued, after.outcomes) == (5, {DeliveryState.UNDELIVERED: 5})


async def _is_at(world: World, *, round_: int, step: int) -> bool:
    [row] = await world.pool.fetch("SELECT round, step FROM deliveries")
    return (row["round"], row["step"]) == (round_, step)
