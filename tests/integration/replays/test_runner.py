"""Replays as the worker carries them out: each covered delivery gets exactly one new round, whatever happens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.support.replays import Stage
from tests.support.tenants import add_merchant, add_tenant, caller
from webhooks.replays.model import Progress, ReplayRequest
from webhooks.replays.runner import RunnerPolicy
from webhooks.states import DeliveryState, ReplayState


async def ended(stage: Stage, progress: Progress) -> Progress:
    """Run until it is completed."""
    await stage.runner().run_once()
    after = await stage.replays.get(stage.tenant, progress.replay.id)
    assert after.replay.state is ReplayState.COMPLETED
    return after


async def test_every_covered_delivery_gets_one_new_round(stage: Stage) -> None:
    """More deliveries than a chunk holds: each is pending in round 1, step 0, due now, and offered once."""
    endpoint = await stage.endpoint()
    ids = await stage.deliveries(endpoint, 57)
    created = await stage.replay(endpoint_id=endpoint, rate_per_second=1_000_000)
    assert created.replay.total == 57
    done = await ended(stage, created)
    assert (done.replay.queued, done.replay.made, done.replay.skipped) == (57, 0, 0)
    assert done.outcomes == {DeliveryState.PENDING: 57}
    assert await stage.rounds(endpoint) == {1: 57}
    assert [(job.delivery_id, job.round, job.step) for job in stage.enqueuer.jobs] == [(id_, 1, 0) for id_ in ids]
    row = await stage.delivery(ids[0])
    assert row["replay_id"] == created.replay.id
    assert row["round_at"] == row["next_attempt_at"]
    assert row["ended_at"] is row["state_reason"] is None


FILTERS: list[tuple[dict[str, Any], set[str]]] = [
    ({}, {"dead", "undelivered"}),
    ({"states": [DeliveryState.DELIVERED]}, {"delivered"}),
    ({"states": [DeliveryState.CANCELLED, DeliveryState.DEAD]}, {"cancelled", "dead"}),
    ({"status_classes": [5]}, {"dead"}),
    ({"status_classes": [0, 4]}, {"undelivered"}),
    ({"event_types": ["payment.*", "order.lost"]}, set()),
    ({"event_types": ["order.*"]}, {"dead", "undelivered"}),
]


async def test_a_filter_covers_what_it_says(stage: Stage) -> None:
    """States, status classes and types narrow it; what is estimated is what is replayed."""
    codes = {"dead": 503, "undelivered": None, "delivered": 204, "cancelled": 422}
    for fields, covered in FILTERS:
        own = replace(stage, tenant=await add_tenant(stage.pool))
        endpoint = await own.endpoint()
        ids = {state: await own.deliveries(endpoint, 3, state=state, status_code=codes[state]) for state in codes}
        done = await ended(own, await own.replay(**fields))
        assert done.replay.total == done.replay.queued == 3 * len(covered)
        for state, its in ids.items():
            assert {(await own.delivery(delivery_id))["round"] for delivery_id in its} == {state in covered}


async def test_a_merchants_replay_covers_events_about_it_alone(stage: Stage) -> None:
    """At whichever endpoint, whatever else narrows it; not those about others or about nobody, ended or under way."""
    one, two = await add_merchant(stage.pool, stage.tenant), await add_merchant(stage.pool, stage.tenant)
    first, second = await stage.endpoint(), await stage.endpoint()
    ids = {
        (merchant, endpoint): await stage.deliveries(endpoint, 3, merchant_id=merchant)
        for merchant in (one, two, None)
        for endpoint in (first, second)
    }
    for merchant in (one, two):
        await stage.deliveries(first, 2, merchant_id=merchant, state="pending")
    found = await stage.replays.estimate(
        caller(stage.tenant), ReplayRequest(since=stage.recently - timedelta(hours=1), merchant_id=one)
    )
    assert (found.total, found.under_way) == (6, 2)
    done = await ended(stage, await stage.replay(merchant_id=one, event_types=["order.*"]))
    assert (done.replay.total, done.replay.queued, done.replay.skipped) == (6, 6, 2)
    assert done.replay.coverage.merchant_id == one
    assert (await ended(stage, await stage.replay(merchant_id=two, endpoint_id=second))).replay.queued == 3
    again = {
        key
        for key, deliveries in ids.items()
        if {(await stage.delivery(delivery_id))["round"] for delivery_id in deliveries} == {1}
    }
    assert again == {(one, first), (one, second), (two, second)}


async def test_the_time_range_is_that_of_the_events(stage: Stage) -> None:
    """From since, up to but without until; the other environment and other partners are never touched."""
    endpoint, start = await stage.endpoint(), stage.recently
    ids = [
        (await stage.deliveries(endpoint, at=start + timedelta(seconds=second)))[0] for second in (-1, 0, 59, 60, 61)
    ]
    other = replace(stage, tenant=await add_tenant(stage.pool))
    foreign = await other.deliveries(await other.endpoint(), at=start)
    created = await stage.replay(since=start, until=start + timedelta(seconds=60))
    assert (await ended(stage, created)).replay.queued == created.replay.total == 2
    assert [(await stage.delivery(id_))["round"] for id_ in (*ids, *foreign)] == [0, 1, 1, 0, 0, 0]


async def test_what_is_under_way_is_left_alone_and_counted(stage: Stage) -> None:
    """Pending and waiting deliveries keep their round and step; the replay says how many it skipped."""
    endpoint, key = await stage.endpoint(), stage.tenant.partner_id
    under_way = [
        *await stage.deliveries(endpoint, 4, state="pending"),
        *await stage.deliveries(endpoint, 2, state="waiting", ordering_key=key),
    ]
    await stage.deliveries(endpoint, 5)
    done = await ended(stage, await stage.replay(endpoint_id=endpoint))
    assert (done.replay.queued, done.replay.skipped) == (5, 6)
    rows = [await stage.delivery(delivery_id) for delivery_id in under_way]
    assert {(row["round"], row["step"], row["replay_id"]) for row in rows} == {(0, 9, None)}


async def test_a_replay_stands_outside_the_order(stage: Stage) -> None:
    """A replayed delivery of an ordered endpoint leaves its line, so that no later one waits for it."""
    endpoint, key = await stage.endpoint(ordered=True), stage.tenant.partner_id
    [delivery_id] = await stage.deliveries(endpoint, ordering_key=key)
    await ended(stage, await stage.replay(endpoint_id=endpoint))
    row = await stage.delivery(delivery_id)
    assert (row["is"], row["ordering_key"]) == ("pending", None)


async def test_endpoints_that_receive_nothing_are_skipped(stage: Stage) -> None:
    """Disabled in the middle: what was not yet made due stays as it ended, and the replay completes with its counts."""
    well, ill = await stage.endpoint(), await stage.endpoint()
    await stage.deliveries(well, 12)
    await stage.deliveries(ill, 30)
    created = await stage.replay(rate_per_second=20)
    await stage.runner().run_once()
    await stage.pool.execute("UPDATE webhook_endpoints SET state = 'disabled' WHERE id = $1", ill)
    await _due_now(stage)
    done = await _until_completed(stage, created)
    rounds = await stage.rounds(ill)
    assert done.replay.queued == 12 + rounds.get(1, 0)
    assert done.replay.skipped == rounds[0]
    assert done.replay.queued + done.replay.skipped == done.replay.total == 42


async def test_erased_events_are_skipped(stage: Stage) -> None:
    """What was erased cannot be sent, so it is not made due to die of it."""
    endpoint = await stage.endpoint()
    [erased, _] = await stage.deliveries(endpoint, 2)
    event_id = (await stage.delivery(erased))["event_id"]
    await stage.pool.execute("UPDATE events SET erased_at = now() WHERE id = $1", event_id)
    done = await ended(stage, await stage.replay(endpoint_id=endpoint))
    assert (done.replay.queued, done.replay.skipped) == (1, 1)


async def test_the_rate_bounds_how_much_becomes_due(stage: Stage) -> None:
    """At 20 a second a first turn makes half a second's worth due, and the next is due half a second later."""
    endpoint = await stage.endpoint()
    await stage.deliveries(endpoint, 30)
    created = await stage.replay(endpoint_id=endpoint, rate_per_second=20)
    await stage.pool.execute("UPDATE replays SET next_at = now() + interval '1 hour'")
    await stage.runner().run_once()
    assert await stage.rounds(endpoint) == {0: 30}
    await stage.pool.execute("UPDATE replays SET next_at = now()")
    await stage.runner().run_once()
    assert await stage.rounds(endpoint) == {0: 20, 1: 10}
    delay = await stage.pool.fetchval("SELECT extract(epoch FROM next_at - now())::float8 FROM replays")
    assert 0.2 < delay <= 0.5
    now = await stage.replays.get(stage.tenant, created.replay.id)
    assert now.replay.seconds_left == 1


async def test_partners_and_replays_take_turns(stage: Stage) -> None:
    """A partner with many replays gets one chunk in turn with one that has a single replay."""
    crowd, single = stage, replace(stage, tenant=await add_tenant(stage.pool))
    for _ in range(3):
        endpoint = await crowd.endpoint()
        await crowd.deliveries(endpoint, 40)
        await crowd.replay(endpoint_id=endpoint, rate_per_second=1_000_000)
    alone = await single.endpoint()
    await single.deliveries(alone, 30)
    await single.replay(endpoint_id=alone, rate_per_second=1_000_000)
    await stage.runner().run_once()
    place = [job.partner_id for job in stage.enqueuer.jobs]
    last = max(number for number, partner in enumerate(place) if partner == single.tenant.partner_id)
    assert last < 60
    assert len(place) == 150


async def test_a_paused_replay_rests_and_a_cancelled_one_ends(stage: Stage) -> None:
    """Pause stops it where it is, resume goes on from there, cancel leaves the rest as it ended."""
    endpoint, who = await stage.endpoint(), caller(stage.tenant)
    await stage.deliveries(endpoint, 40)
    replay_id = (await stage.replay(endpoint_id=endpoint, rate_per_second=20)).replay.id
    await stage.runner().run_once()
    assert (await stage.replays.pause(who, replay_id)).replay.state is ReplayState.PAUSED
    await stage.runner().run_once()
    assert await stage.rounds(endpoint) == {0: 30, 1: 10}
    assert (await stage.replays.resume(who, replay_id)).replay.state is ReplayState.RUNNING
    await stage.runner().run_once()
    assert await stage.rounds(endpoint) == {0: 20, 1: 20}
    cancelled = await stage.replays.cancel(who, replay_id)
    assert (cancelled.replay.state, cancelled.replay.queued) == (ReplayState.CANCELLED, 20)
    await _due_now(stage)
    await stage.runner().run_once()
    assert await stage.rounds(endpoint) == {0: 20, 1: 20}


async def test_two_replays_of_the_same_deliveries_at_once(stage: Stage) -> None:
    """Deliveries that another replay made due meanwhile are skipped: each gets one round, and both replays complete."""
    endpoint = await stage.endpoint()
    await stage.deliveries(endpoint, 100)
    replays = [await stage.replay(endpoint_id=endpoint, rate_per_second=1_000_000) for _ in range(2)]
    await asyncio.gather(*(stage.runner().run_once() for _ in range(4)))
    done = [await _until_completed(stage, replay) for replay in replays]
    assert await stage.rounds(endpoint) == {1: 100}
    assert sum(each.replay.queued for each in done) == 100


class _MortalPool:
    """Its process dies before or after one of its commits."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", points: int) -> None:
        self._pool = pool
        self._points = points

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        async with self._pool.acquire() as connection:
            yield _MortalConnection(connection, self)
        self.point()

    def point(self) -> None:
        self._points -= 1
        if self._points == 0:
            raise ConnectionAbortedError


class _MortalConnection:
    def __init__(self, connection: Any, pool: _MortalPool) -> None:
        self._connection = connection
        self._pool = pool

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        async with self._connection.transaction():
            yield
            self._pool.point()


async def test_dying_at_any_commit_changes_no_count(stage: Stage) -> None:
    """Whichever commit the process dies before or after, the next one ends with each delivery in exactly one round."""
    for points in range(1, 14):
        endpoint, start = await stage.endpoint(), stage.clock.now() - timedelta(minutes=2 * points)
        await stage.deliveries(endpoint, 35, at=start)
        await stage.events(15, at=start + timedelta(seconds=1))
        created = await stage.replay(
            endpoint_id=endpoint,
            rate_per_second=1_000_000,
            include_unmatched=True,
            since=start,
            until=start + timedelta(seconds=30),
        )
        with pytest.raises(ConnectionAbortedError):
            await stage.runner(_MortalPool(stage.pool, points)).run_once()
        done = await ended(stage, created)
        assert (done.replay.total, done.replay.queued, done.replay.made) == (50, 35, 15)
        assert await stage.rounds(endpoint) == {1: 50}
        assert await _sequences(stage, endpoint) == list(range(1, 16))


async def test_a_replay_that_fails_holds_up_no_other(stage: Stage) -> None:
    """One whose chunk cannot be carried out is tried later; the others of its partner go on."""
    broken, well = await stage.endpoint(sealed_filter=b"not sealed"), await stage.endpoint()
    await stage.deliveries(well, 3)
    await stage.pool.execute(
        "INSERT INTO replays (partner_id, id, environment, state, requested_by, endpoint_id, states, since, until,"
        " include_unmatched, rate_per_second, total, next_at)"
        " VALUES ($1, gen_random_uuid(), $2, 'running', 'test', $3, '{}', now() - interval '1 hour', now(), true, 10,"
        " 1, now() - interval '1 minute')",
        stage.tenant.partner_id,
        stage.tenant.environment,
        broken,
    )
    await stage.replay(endpoint_id=well)
    for _ in range(2):
        await stage.runner().run_once()
    assert await stage.rounds(well) == {1: 3}
    assert await stage.pool.fetchval("SELECT next_at > now() FROM replays WHERE endpoint_id = $1", broken)


async def test_a_long_range_is_looked_through_in_short_transactions(stage: Stage) -> None:
    """A chunk looks at no more rows than it may, also where nothing of what it sees is covered."""
    endpoint, other = await stage.endpoint(), await stage.endpoint()
    await stage.deliveries(other, 60, state="delivered", status_code=204)
    await stage.deliveries(endpoint, 1, state="delivered", status_code=204, at=stage.recently + timedelta(seconds=1))
    created = await stage.replay(endpoint_id=endpoint, states=[DeliveryState.DELIVERED])
    runner = stage.runner(policy=RunnerPolicy(scanned_max=25))
    assert await runner._turn()
    assert (await stage.replays.get(stage.tenant, created.replay.id)).replay.after_id is not None
    assert (await ended(stage, created)).replay.queued == 1


async def _sequences(stage: Stage, endpoint_id: UUID) -> list[int]:
    statement = "SELECT sequence FROM deliveries WHERE endpoint_id = $1 AND sequence IS NOT NULL ORDER BY sequence"
    return [row["sequence"] for row in await stage.pool.fetch(statement, endpoint_id)]


async def _due_now(stage: Stage) -> None:
    await stage.pool.execute("UPDATE replays SET next_at = now() WHERE state = 'running'")


async def _until_completed(stage: Stage, created: Progress) -> Progress:
    async with asyncio.timeout(10):
        while True:
            await stage.runner().run_once()
            progress = await stage.replays.get(stage.tenant, created.replay.id)
            if progress.replay.state is ReplayState.COMPLETED:
                return progress
            await _due_now(stage)
