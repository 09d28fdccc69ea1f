"""Merchants that were away for long, and merchants that hang: everything arrives, and nobody else waits."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from statistics import quantiles
from uuid import UUID

import pytest

from tests.integration.dispatch.test_holds import reconciling
from tests.support.webhooks import FAST, FAST_QUEUE, TENANT, World, result_of, until
from webhooks.health.model import HealthPolicy, HoldPolicy
from webhooks.queue.port import Lane, LaneMode
from webhooks.sending.model import AttemptResult, Blame, Decision, LoadedDelivery, Verdict

FAILED = Verdict(decision=Decision.RETRY, blame=Blame.LANE)
DELIVERED = Verdict(decision=Decision.DELIVERED)
# Nothing hangs longer than this; a lease of a second outlasts it.
HANGS_SECONDS = 0.2
MANY = replace(FAST, in_flight_max=500, claim_max=250)
CAP = 10


class _Merchant:
    """Fails until it is back, then answers after some milliseconds and counts how many of its requests overlap."""

    def __init__(self) -> None:
        self.is_back = False
        self.now = 0
        self.ramp: list[int] = []

    async def send(self, delivery: LoadedDelivery) -> AttemptResult:
        if not self.is_back:
            return result_of(FAILED)
        self.now += 1
        self.ramp.append(self.now)
        await asyncio.sleep(0.005)
        self.now -= 1
        assert delivery.body
        return result_of(DELIVERED)


@pytest.mark.parametrize("waiting", [500, pytest.param(5_000, marks=[pytest.mark.long, pytest.mark.timeout(300)])])
async def test_six_hours_away(world: World, waiting: int, record_property: Callable[[str, object], None]) -> None:
    """A merchant that was away for six hours has everything soon after, without a stampede, and nothing is dead."""
    world.health = HealthPolicy()
    endpoint_id, merchant = await world.endpoint(concurrency=CAP), _Merchant()
    async with world.results() as results, reconciling(world):
        dispatcher = world.dispatcher(results, MANY, merchant)
        running = asyncio.create_task(dispatcher.run())
        for _ in range(waiting // 100):
            await world.publish(100)
        await until(lambda: _is_held(world, endpoint_id))
        for _ in range(6):
            seen = await _probes(world)
            await _pass(world, timedelta(hours=1))
            await until(lambda seen=seen: _has_probed(world, seen))  # type: ignore[misc]
        merchant.is_back = True
        began = time.monotonic()
        await _pass(world, timedelta(minutes=2))
        async with asyncio.timeout(240):
            while await world.pending():  # noqa: ASYNC110 - another process' state
                await asyncio.sleep(0.02)
        seconds = time.monotonic() - began
        dispatcher.stop()
        await running
    assert {state for state, _ in (await world.states()).values()} == {"delivered"}
    assert max(merchant.ramp[:8]) <= CAP // 2
    assert max(merchant.ramp) <= CAP
    record_property(f"seconds until all {waiting} were there", round(seconds, 1))
    at = [merchant.ramp[n] for n in (0, 1, 2, 4, 8, 16, 32, 64, 128)]
    record_property("in flight at requests 1, 2, 3, 5, 9, 17 … 129", at)


class _Street:
    """Fifty merchants; one of them hangs on every request."""

    def __init__(self, hanging: UUID) -> None:
        self._hanging = hanging
        self.arrived: list[tuple[UUID, float]] = []

    async def send(self, delivery: LoadedDelivery) -> AttemptResult:
        if delivery.endpoint_id == self._hanging:
            await asyncio.sleep(HANGS_SECONDS)
            return result_of(FAILED)
        self.arrived.append((delivery.event_id, time.monotonic()))
        return result_of(DELIVERED)


@pytest.mark.parametrize(
    ("waiting", "numbers"),
    [(500, (15, 3, 2.0)), pytest.param(5_000, (200, 5, 1.2), marks=[pytest.mark.long, pytest.mark.timeout(600)])],
)
async def test_a_hanging_merchant_makes_nobody_wait(
    world: World, record_property: Callable[[str, object], None], waiting: int, numbers: tuple[int, int, float]
) -> None:
    """While one endpoint hangs with thousands waiting, the 99th percentile of 49 others stays near what it was."""
    world.health = replace(HealthPolicy(), hold=HoldPolicy(failures=30_000))  # never held: the worst that it can do
    hanging = await world.endpoint(concurrency=CAP)
    for _ in range(waiting // 100):
        await world.publish(100)
    await world.pool.execute("UPDATE webhook_endpoints SET event_types = '{other.type}'")
    for _ in range(49):
        await world.endpoint()
    events, pairs, ratio = numbers
    await _tell(world, hanging, LaneMode.PAUSED)
    await _p99(world, hanging, 5)  # caches and plans are made
    ratios = []
    for _ in range(pairs):
        await _tell(world, hanging, LaneMode.PAUSED)
        alone = await _p99(world, hanging, events)
        await _tell(world, hanging, LaneMode.OPEN)
        ratios.append(await _p99(world, hanging, events) / alone)
    median = sorted(ratios)[len(ratios) // 2]
    record_property(f"p99 beside it over p99 alone, median of {pairs} (≤ {ratio})", round(median, 2))
    assert median <= ratio


async def _p99(world: World, hanging: UUID, events: int) -> float:
    """Seconds from the publishing of events at a steady rate to their arrival at 49 endpoints, 99th percentile."""
    street, published = _Street(hanging), dict[UUID, float]()
    async with world.results() as results:
        dispatcher = world.dispatcher(results, MANY, street)
        running = asyncio.create_task(dispatcher.run())
        for _ in range(events):
            began = time.monotonic()
            [event_id] = await world.publish()
            published[event_id] = began
            await asyncio.sleep(max(0.0, 0.1 - (time.monotonic() - began)))
        await until(lambda: len(street.arrived) == 49 * events)
        dispatcher.stop()
        await running
    return quantiles([at - published[event_id] for event_id, at in street.arrived], n=100)[98]


async def _tell(world: World, endpoint_id: UUID, mode: LaneMode) -> None:
    await world.queue.configure([Lane(partner_id=TENANT.partner_id, endpoint_id=endpoint_id, mode=mode, cap=CAP)])


async def _pass(world: World, by: timedelta) -> None:
    """Let time pass for what PostgreSQL knows of lanes and deliveries."""
    await world.pool.execute(
        "UPDATE webhook_endpoints SET next_probe_at = next_probe_at - $1::interval, held_at = held_at - $1::interval,"
        " failing_since = failing_since - $1::interval",
        by,
    )
    await world.pool.execute(
        "UPDATE deliveries SET next_attempt_at = next_attempt_at - $1::interval,"
        " last_attempt_at = last_attempt_at - $1::interval WHERE state = 'pending'",
        by,
    )


async def _is_held(world: World, endpoint_id: UUID) -> bool:
    statement = "SELECT held_at IS NOT NULL FROM webhook_endpoints WHERE id = $1"
    return bool(await world.pool.fetchval(statement, endpoint_id))


async def _probes(world: World) -> int:
    return int(await world.pool.fetchval("SELECT max(probes) FROM webhook_endpoints"))


async def _has_probed(world: World, before: int) -> bool:
    return await _probes(world) > before


async def test_an_answer_just_before_the_deadline_is_in_time(world: World) -> None:
    """With leases at their minimum, a receiver that takes nearly the whole deadline gets each attempt once."""
    assert FAST_QUEUE.lease_seconds == FAST.lease_seconds_min
    await world.endpoint()
    slow = _Slow(FAST.send_seconds * 0.95)
    async with world.results() as results:
        dispatcher = world.dispatcher(results, sender=slow)
        running = asyncio.create_task(dispatcher.run())
        events = await world.publish(30)
        await until(lambda: _is_done(world))
        dispatcher.stop()
        await running
    assert sorted(slow.sent) == sorted(events)
    assert world.metrics.finishes_lost._value.get() == 0


class _Slow:
    """Answers after so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.sent: list[UUID] = []

    async def send(self, delivery: LoadedDelivery) -> AttemptResult:
        self.sent.append(delivery.event_id)
        await asyncio.sleep(self._seconds)
        return result_of(DELIVERED)


async def _is_done(world: World) -> bool:
    return await world.pending() == 0
