"""A lane that keeps failing is held, probed, and let go when it answers; nobody's steps are used up meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import asyncpg
from prometheus_client import CollectorRegistry

from tests.support.webhooks import FAST, TENANT, World, kill, result_of, until
from webhooks.dispatch.loading import Loader
from webhooks.health.model import HealthPolicy, HoldPolicy
from webhooks.queue.port import Claim, Job, Lane, LaneMode, Origin
from webhooks.reconciler.model import ReconcilerMetrics, ReconcilerPolicy
from webhooks.reconciler.reconciler import Reconciler
from webhooks.reconciler.tools import Tools
from webhooks.sending.model import AttemptResult, Blame, Cause, Decision, LoadedDelivery, Verdict

FAILED = Verdict(decision=Decision.RETRY, blame=Blame.LANE)
DELIVERED = Verdict(decision=Decision.DELIVERED)
QUICK = HealthPolicy(
    hold=HoldPolicy(failures=3, probe_min=timedelta(milliseconds=100), probe_max=timedelta(milliseconds=200))
)
LOOKS = ReconcilerPolicy(check_seconds=0.05, walk_seconds=0.2, grace_seconds=0.1, probe_seconds=1)


@asynccontextmanager
async def reconciling(world: World) -> AsyncIterator[None]:
    """A running reconciler."""
    metrics = ReconcilerMetrics.registered(CollectorRegistry())
    tools = Tools(
        pool=world.pool,
        queue=world.queue,  # type: ignore[arg-type]
        clock=world.clock,
        policy=LOOKS,
        metrics=metrics,
        events=world.writer,
    )
    running = asyncio.create_task(Reconciler(tools).run())
    try:
        yield
    finally:
        await kill(running)


async def lane(world: World, endpoint_id: UUID) -> asyncpg.Record:
    """The endpoint's row."""
    row = await world.pool.fetchrow("SELECT * FROM webhook_endpoints WHERE id = $1", endpoint_id)
    assert row is not None
    return row


async def test_a_failing_lane_is_held_probed_and_let_go(world: World) -> None:
    """While a lane is held one delivery at a time probes it and no step is used; then everything arrives at once."""
    world.health, endpoint_id = QUICK, await world.endpoint(concurrency=4)
    world.sender.verdicts[endpoint_id] = FAILED
    async with world.dispatching(), reconciling(world):
        await world.publish(30)
        await until(lambda: _probes(world, 3))
        steps = await world.pool.fetch("SELECT step FROM deliveries")
        sent_while_held = [sent for sent in world.sender.sent if sent.cause is Cause.PROBE]
        world.sender.verdicts[endpoint_id] = DELIVERED
        await until(lambda: _is_done(world))
    assert {row["step"] for row in steps} <= {0, 1}
    assert all(sent.step <= 1 for sent in sent_while_held)
    assert {state for state, _ in (await world.states()).values()} == {"delivered"}
    after = await lane(world, endpoint_id)
    assert (after["held_at"], after["next_probe_at"], after["probes"], after["lane_failures"]) == (None, None, 0, 0)


async def test_a_probe_that_dies_with_its_process_is_made_again(world: World) -> None:
    """Killed between a probe's send and its record: the lane stays held, and another probe opens it."""
    world.health, endpoint_id = QUICK, await world.endpoint()
    await world.publish(3)
    await _hold(world, endpoint_id, timedelta(0))
    hanging = _Hanging()
    async with world.results() as results, reconciling(world):
        doomed = asyncio.create_task(world.dispatcher(results, sender=hanging).run())
        await until(lambda: hanging.sent)
        await kill(doomed)
        assert (await lane(world, endpoint_id))["held_at"] is not None
        async with world.dispatching():
            await until(lambda: _is_done(world))
    assert [sent.cause for sent in hanging.sent] == [Cause.PROBE]
    assert world.sender.sent[0].cause is Cause.PROBE


async def test_a_held_lane_of_which_the_queue_has_not_heard_sends_nothing(world: World) -> None:
    """Claims of a held lane are given back unsent, no step is used, and the queue is told what the lane is."""
    endpoint_id = await world.endpoint()
    await _hold(world, endpoint_id, timedelta(hours=1))
    await world.publish(3)
    async with world.dispatching():
        await until(lambda: world.metrics.dropped.labels("moved")._value.get() >= 3)
        await until(lambda: _nothing_claimable(world))
    assert world.sender.sent == []
    assert {row["step"] for row in await world.pool.fetch("SELECT step FROM deliveries")} == {0}


async def test_a_paused_lane_of_which_the_queue_has_not_heard_sends_nothing(world: World) -> None:
    """The same for a lane that its owner paused, probes included."""
    endpoint_id = await world.endpoint()
    await world.pool.execute("UPDATE webhook_endpoints SET paused_at = now() WHERE id = $1", endpoint_id)
    await world.publish(2)
    await _probe_all(world)
    async with world.dispatching():
        await until(lambda: world.metrics.dropped.labels("moved")._value.get() >= 2)
        await until(lambda: _nothing_claimable(world))
    assert world.sender.sent == []


async def test_an_opening_that_the_queue_missed_is_told_by_the_release(world: World) -> None:
    """Killed between the commit that opens a lane and the word to the queue: the release tells it."""
    endpoint_id = await world.endpoint()
    held = Lane(partner_id=TENANT.partner_id, endpoint_id=endpoint_id, mode=LaneMode.HELD)
    await world.queue.configure([held])
    await world.pool.execute("UPDATE webhook_endpoints SET is_releasing = true WHERE id = $1", endpoint_id)
    await world.publish(2)
    async with world.dispatching(), reconciling(world):
        await until(lambda: _is_done(world))


async def test_a_receivers_wish_is_kept_in_the_row(world: World) -> None:
    """Retry-After stands in the row, with what the attempt was, and nothing is sent before it ends."""
    endpoint_id = await world.endpoint()
    world.sender.verdicts[endpoint_id] = replace(FAILED, retry_after_seconds=3_600)
    async with world.dispatching():
        await world.publish()
        await until(world.attempts)
    [job] = await world.pool.fetch("SELECT partner_id, endpoint_id, id AS delivery_id, round, step FROM deliveries")
    early = await Loader(world.pool, world.vault, world.clock, FAST).load([Claim(job=Job(**job), fence=1)])
    [finish] = early.finishes
    assert finish.retry is not None
    assert finish.retry.delay_ms > 59 * 60_000
    [row] = await world.pool.fetch(
        "SELECT awaits_lane, not_before - now() > interval '59 minutes' AS waits, last_status_code, last_error_class,"
        " last_attempt_at IS NOT NULL AS tried FROM deliveries"
    )
    assert tuple(row) == (True, True, 500, None, True)
    assert len(world.sender.sent) == 1
    assert [attempt["endpoint_id"] for attempt in await world.attempts()] == [endpoint_id]


async def test_one_result_that_cannot_be_written_harms_no_other(world: World) -> None:
    """Of a hundred endpoints that hear one event, one whose result cannot be written: the others get one request."""
    endpoints = [await world.endpoint() for _ in range(100)]
    sender = _Poisoned(endpoints[37])
    async with world.results() as results:
        dispatcher = world.dispatcher(results, sender=sender)
        running = asyncio.create_task(dispatcher.run())
        await world.publish()
        await until(lambda: _is_left(world, 1))
        dispatcher.stop()
        await running
    others = [endpoint_id for endpoint_id in sender.sent if endpoint_id != endpoints[37]]
    assert sorted(others) == sorted(set(endpoints) - {endpoints[37]})


class _Poisoned:
    """Its one endpoint's results have a status that no column holds."""

    def __init__(self, endpoint_id: UUID) -> None:
        self._endpoint_id = endpoint_id
        self.sent: list[UUID] = []

    async def send(self, delivery: LoadedDelivery) -> AttemptResult:
        self.sent.append(delivery.endpoint_id)
        result = result_of(DELIVERED)
        return replace(result, status_code=99_999) if delivery.endpoint_id == self._endpoint_id else result


class _Hanging:
    """Never answers."""

    def __init__(self) -> None:
        self.sent: list[LoadedDelivery] = []

    async def send(self, delivery: LoadedDelivery) -> AttemptResult:
        self.sent.append(delivery)
        await asyncio.Event().wait()
        raise AssertionError


async def _hold(world: World, endpoint_id: UUID, probe_in: timedelta) -> None:
    statement = "UPDATE webhook_endpoints SET held_at = now(), next_probe_at = now() + $2::interval WHERE id = $1"
    await world.pool.execute(statement, endpoint_id, probe_in)


async def _probe_all(world: World) -> None:
    rows = await world.pool.fetch("SELECT partner_id, endpoint_id, id AS delivery_id, round, step FROM deliveries")
    await world.queue.enqueue([Job(**row, origin=Origin.PROBE) for row in rows])


async def _probes(world: World, count: int) -> bool:
    return await world.pool.fetchval("SELECT max(probes) FROM webhook_endpoints") >= count  # type: ignore[no-any-return]


async def _nothing_claimable(world: World) -> bool:
    return await world.queue.claim(10) == []


async def _is_done(world: World) -> bool:
    return await world.pending() == 0


async def _is_left(world: World, count: int) -> bool:
    return await world.pending() == count
