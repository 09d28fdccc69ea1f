"""What the queue's length, its stuck lanes and its waiting jobs cost. The tight bounds are in the long tier."""

from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from tests.contracts.queue.costs import Measured
from tests.contracts.queue.harness import PARTNER, jobs_of, new_lane
from webhooks.queue.port import Lane

BATCH = 200


async def _compared(short: Measured, long: Measured, turns: int) -> dict[str, float]:
    for _ in range(turns):
        await short.turn(BATCH)
        await long.turn(BATCH)
    return long.ratio_to(short)


async def test_costs_do_not_grow_with_the_queue(redis: Redis) -> None:
    """With twenty times as many jobs waiting, enqueue, claim and finish cost the server about the same."""
    short = await Measured.filled(redis, 0, lanes=100, waiting=1_000)
    long = await Measured.filled(redis, 1, lanes=100, waiting=20_000)
    ratios = await _compared(short, long, 15)
    assert all(ratio <= 2 for ratio in ratios.values()), ratios


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("lanes", [100, 10_000])
async def test_a_million_waiting_jobs_cost_no_more_than_a_thousand(
    redis: Redis, lanes: int, record_property: Callable[[str, object], None]
) -> None:
    """Each call costs at most 1.3 times as much, and a waiting job takes at most 200 bytes."""
    short = await Measured.filled(redis, 0, lanes=min(lanes, 1_000), waiting=1_000)
    before = (await redis.info("memory"))["used_memory"]
    long = await Measured.filled(redis, 1, lanes=lanes, waiting=1_000_000)
    bytes_per_job = ((await redis.info("memory"))["used_memory"] - before) / 1_000_000
    ratios = await _compared(short, long, 60)
    for name, ratio in ratios.items():
        record_property(f"{name}, cost at 1,000,000 over cost at 1,000 (≤ 1.3)", round(ratio, 2))
    record_property("bytes of Redis per waiting job (≤ 200)", round(bytes_per_job))
    assert all(ratio <= 1.3 for ratio in ratios.values()), ratios
    assert bytes_per_job <= 200


async def test_a_hanging_lane_costs_nobody_anything(redis: Redis) -> None:
    """Beside a lane that never answers, with 5,000 jobs waiting, the other 49 are claimed as cheaply, and evenly."""
    calm = await Measured.filled(redis, 0, lanes=49, waiting=2_000)
    beside = await Measured.filled(redis, 1, lanes=49, waiting=2_000)
    stuck = new_lane()
    await beside.queue.configure([Lane(partner_id=PARTNER, endpoint_id=stuck, cap=10)])
    jobs = jobs_of(stuck, 5_000)
    for start in range(0, len(jobs), 500):
        await beside.queue.enqueue(jobs[start : start + 500])
    in_flight = [claim for claim in await beside.queue.claim(500) if claim.job.endpoint_id == stuck]
    assert len(in_flight) == 10
    for _ in range(15):
        await calm.turn(98)
        served = await beside.turn(98)
        assert stuck not in served
        assert max(served.values()) - min(served.values()) <= 1
    assert beside.ratio_to(calm)["claim"] <= 2
