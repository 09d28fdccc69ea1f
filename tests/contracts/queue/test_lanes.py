"""What a lane does in every queue: modes, priorities, weights, caps that are felt for, rates and waits."""

from collections import Counter
from dataclasses import replace
from uuid import UUID

import pytest

from tests.contracts.queue.harness import POLICY, Harness, claim_when_ready, ids, jobs_of, lane_of, new_lane
from webhooks.queue.port import (
    Claim,
    Finish,
    Job,
    LaneMode,
    LaneVerdict,
    Origin,
    Placed,
    Priority,
    RebuildableQueue,
    Retry,
)

OPEN, HELD, PAUSED = LaneMode.OPEN, LaneMode.HELD, LaneMode.PAUSED


def probe_of(job: Job) -> Job:
    """The same delivery, offered as a probe."""
    return replace(job, origin=Origin.PROBE)


async def end(queue: RebuildableQueue, claims: list[Claim], verdict: LaneVerdict = LaneVerdict.NONE) -> None:
    """Finish claims with one verdict."""
    assert await queue.finish([Finish(claim=claim, verdict=verdict) for claim in claims]) == len(claims)


async def test_high_priority_goes_first(queue: RebuildableQueue) -> None:
    """What is urgent overtakes what waits in its own lane, and stays urgent when it is retried."""
    lane = new_lane()
    normal, high = jobs_of(lane, 3), jobs_of(lane, 2, priority=Priority.HIGH)
    await queue.enqueue(normal + high)
    [first, second] = await queue.claim(2)
    assert ids([first, second]) == ids(high)
    assert first.job.priority is Priority.HIGH
    await queue.finish([Finish(claim=first, retry=Retry(round=0, step=1, delay_ms=0))])
    assert ids(await queue.claim(2)) == [high[0].delivery_id, normal[0].delivery_id]


async def test_high_priority_overtakes_nobody_elses_jobs(queue: RebuildableQueue) -> None:
    """A lane with urgent jobs has the same share as one without."""
    await queue.configure([lane_of(lane := new_lane(), cap=20), lane_of(other := new_lane(), cap=20)])
    await queue.enqueue(jobs_of(lane, 15) + jobs_of(other, 15, priority=Priority.HIGH))
    counts = Counter(claim.job.endpoint_id for claim in await queue.claim(10))
    assert counts == {lane: 5, other: 5}


@pytest.mark.parametrize("limit", [1, 5, 12])
async def test_weights_are_shares(queue: RebuildableQueue, limit: int) -> None:
    """A lane of weight 4 is given four times as much as each other one, however many jobs a claim asks for."""
    heavy, *light = [new_lane() for _ in range(4)]
    await queue.configure([lane_of(heavy, weight=4, cap=100), *(lane_of(lane, cap=100) for lane in light)])
    await queue.enqueue([job for lane in (heavy, *light) for job in jobs_of(lane, POLICY.lane_window)])
    served: Counter[UUID] = Counter()
    while sum(served.values()) < 60:
        claims = await queue.claim(min(limit, 60 - sum(served.values())))
        served.update(claim.job.endpoint_id for claim in claims)
        await end(queue, claims)
        await queue.enqueue([jobs_of(claim.job.endpoint_id, 1)[0] for claim in claims])
    assert 32 <= served[heavy] <= 36
    assert all(8 <= served[lane] <= 10 for lane in light)


async def test_a_weight_holds_within_one_claim(queue: RebuildableQueue) -> None:
    """A claim that is larger than the number of lanes is shared by weight too."""
    heavy, light = new_lane(), new_lane()
    await queue.configure([lane_of(heavy, weight=4, cap=100), lane_of(light, cap=100)])
    await queue.enqueue(jobs_of(heavy, 18) + jobs_of(light, 18))
    counts = Counter(claim.job.endpoint_id for claim in await queue.claim(15))
    assert counts == {heavy: 12, light: 3}


async def test_coming_and_going_gains_nothing(queue: RebuildableQueue) -> None:
    """A lane that always has just one job is not served before one that waits with many."""
    patient, eager = new_lane(), new_lane()
    await queue.configure([lane_of(patient, cap=100)])
    await queue.enqueue(jobs_of(patient, 15))
    served: Counter[UUID] = Counter()
    for _ in range(20):
        await queue.enqueue(jobs_of(eager, 1))
        claims = await queue.claim(1)
        served.update(claim.job.endpoint_id for claim in claims)
        await end(queue, claims)
    assert 9 <= served[patient] <= 11


async def test_a_stuck_lane_changes_nobodys_order(harness: Harness) -> None:
    """With a lane that never finishes anything the others are served in exactly the same order as without."""
    lanes = [new_lane() for _ in range(12)]
    jobs = [job for lane in lanes for job in jobs_of(lane, 6)]
    stuck = new_lane()
    orders = []
    for is_stuck in (False, True):
        queue = await harness.queue(POLICY)
        await queue.enqueue(jobs_of(stuck, POLICY.lane_window) if is_stuck else [])
        await queue.enqueue(jobs)
        order: list[UUID] = []
        while len(order) < len(jobs):
            claims = [claim for claim in await queue.claim(7) if claim.job.endpoint_id != stuck]
            order += ids(claims)
            await end(queue, claims)
        orders.append(order)
    assert orders[0] == orders[1]


async def test_a_cap_changes_live(queue: RebuildableQueue) -> None:
    """Raising or lowering a cap counts from the next claim on; telling the same again changes nothing."""
    lane = new_lane()
    await queue.enqueue(jobs_of(lane, POLICY.lane_window))
    assert len(await queue.claim(50)) == POLICY.lane_cap
    await queue.configure([lane_of(lane, cap=POLICY.lane_cap + 3)])
    more = await queue.claim(50)
    assert len(more) == 3
    await queue.configure([lane_of(lane, cap=2)])
    await end(queue, more)
    assert await queue.claim(50) == []
    await queue.configure([lane_of(lane, cap=2)])
    assert await queue.claim(50) == []


async def test_a_cap_is_told_before_there_are_jobs(queue: RebuildableQueue) -> None:
    """A configuration lasts while the lane is empty."""
    lane = new_lane()
    await queue.configure([lane_of(lane, cap=2)])
    for _ in range(2):
        await queue.enqueue(jobs_of(lane, 5))
        widths = []
        while claims := await queue.claim(50):
            widths.append(len(claims))
            await end(queue, claims)
        assert widths == [2, 2, 1]


async def test_failures_narrow_a_lane_and_successes_widen_it(queue: RebuildableQueue) -> None:
    """A failure halves what may be in flight, to one at least; each success adds one, up to the cap."""
    lane = new_lane()
    await queue.configure([lane_of(lane, cap=8)])
    await queue.enqueue(jobs_of(lane, POLICY.lane_window))
    claims = await queue.claim(50)
    widths = [len(claims)]
    for verdict in (LaneVerdict.FAILED, LaneVerdict.WELL, LaneVerdict.NONE, *[LaneVerdict.FAILED] * 4):
        await end(queue, claims[:1], verdict)
        await end(queue, claims[1:])
        await queue.enqueue(jobs_of(lane, len(claims)))
        widths.append(len(claims := await queue.claim(50)))
    assert widths == [8, 4, 5, 5, 2, 1, 1, 1]


async def test_a_held_lane_gives_out_one_probe(queue: RebuildableQueue) -> None:
    """While a lane is held its jobs wait; only what is offered as a probe comes, one at a time."""
    jobs = jobs_of(lane := new_lane(), 5)
    await queue.enqueue(jobs[:3])
    await queue.configure([lane_of(lane, HELD)])
    await queue.enqueue(jobs[3:])
    assert await queue.claim(50) == []
    assert await queue.enqueue([probe_of(jobs[0]), probe_of(jobs[1])]) == [Placed.REPLACED] * 2
    [probe] = await queue.claim(50)
    assert probe.job == probe_of(jobs[0])
    assert await queue.claim(50) == []
    await end(queue, [probe], LaneVerdict.FAILED)
    assert [claim.job for claim in await queue.claim(50)] == [probe_of(jobs[1])]
    assert await queue.count() == 4


async def test_a_probe_is_offered_once(queue: RebuildableQueue) -> None:
    """A delivery that waits as a probe, or is leased, is not made another probe."""
    [job] = jobs_of(lane := new_lane(), 1)
    await queue.configure([lane_of(lane, HELD)])
    assert await queue.enqueue([probe_of(job), probe_of(job), job]) == [Placed.ADDED, Placed.KNOWN, Placed.KNOWN]
    [_] = await queue.claim(5)
    assert await queue.enqueue([probe_of(job)]) == [Placed.KNOWN]
    assert await queue.claim(5) == []


async def test_a_probe_takes_the_place_of_a_wait(queue: RebuildableQueue) -> None:
    """A probe of a delivery whose next step is not due comes now."""
    [job] = jobs_of(lane := new_lane(), 1, delay_ms=300_000)
    await queue.enqueue([job])
    await queue.configure([lane_of(lane, HELD)])
    assert await queue.enqueue([probe_of(replace(job, delay_ms=0))]) == [Placed.REPLACED]
    assert ids(await queue.claim(5)) == [job.delivery_id]
    assert await queue.count() == 1


async def test_a_probe_finds_room_in_a_full_window(queue: RebuildableQueue) -> None:
    """A held lane that is full of waiting jobs still takes its probe."""
    lane = new_lane()
    await queue.configure([lane_of(lane, HELD)])
    await queue.enqueue(jobs_of(lane, POLICY.lane_window))
    [job] = jobs_of(lane, 1)
    assert await queue.enqueue([job, probe_of(job)]) == [Placed.WINDOW, Placed.ADDED]
    assert ids(await queue.claim(5)) == [job.delivery_id]


async def test_a_replayed_probe_is_an_ordinary_job(queue: RebuildableQueue) -> None:
    """A later round of a waiting probe waits for the hold to end, and is not lost by it."""
    [job] = jobs_of(lane := new_lane(), 1)
    await queue.configure([lane_of(lane, HELD)])
    await queue.enqueue([probe_of(job)])
    assert await queue.enqueue([replace(job, round=1)]) == [Placed.REPLACED]
    assert await queue.claim(5) == []
    await queue.configure([lane_of(lane)])
    assert [claim.job for claim in await queue.claim(5)] == [replace(job, round=1)]


async def test_what_was_in_flight_counts_against_the_probe(queue: RebuildableQueue) -> None:
    """A lane that is held in the middle of its sends is probed when they have ended."""
    jobs = jobs_of(lane := new_lane(), 3)
    await queue.enqueue(jobs)
    claims = await queue.claim(2)
    await queue.configure([lane_of(lane, HELD)])
    await queue.enqueue([probe_of(jobs[2])])
    assert await queue.claim(5) == []
    await end(queue, claims)
    assert ids(await queue.claim(5)) == [jobs[2].delivery_id]


async def test_an_opened_lane_starts_slowly(queue: RebuildableQueue) -> None:
    """After a hold one job may be in flight, and one more with each success: 1, 2, 4, up to the cap."""
    lane = new_lane()
    await queue.configure([lane_of(lane, HELD, cap=5)])
    await queue.enqueue(jobs_of(lane, POLICY.lane_window))
    await queue.configure([lane_of(lane, cap=5)])
    widths = []
    for _ in range(4):
        widths.append(len(claims := await queue.claim(50)))
        await end(queue, claims, LaneVerdict.WELL)
    assert widths == [1, 2, 4, 5]


async def test_a_paused_lane_keeps_its_jobs(queue: RebuildableQueue) -> None:
    """A pause lets jobs come and wait, probes too, and resuming gives them out in order."""
    jobs = jobs_of(lane := new_lane(), 3)
    await queue.enqueue(jobs[:2])
    await queue.configure([lane_of(lane, PAUSED)])
    assert await queue.enqueue([jobs[2]]) == [Placed.ADDED]
    assert await queue.claim(5) == []
    await queue.configure([lane_of(lane)])
    assert ids(await queue.claim(5)) == ids(jobs)


async def test_a_retry_into_a_paused_lane_waits(harness: Harness, queue: RebuildableQueue) -> None:
    """What becomes due during a pause waits in its lane, and other lanes go on."""
    lane, other = new_lane(), new_lane()
    await queue.enqueue(jobs_of(lane, 1, delay_ms=100))
    await queue.configure([lane_of(lane, PAUSED)])
    await queue.enqueue(jobs_of(other, 1, delay_ms=100))
    [claim] = await claim_when_ready(harness, queue, 1)
    assert claim.job.endpoint_id == other
    await queue.configure([lane_of(lane)])
    [claim] = await claim_when_ready(harness, queue, 1)
    assert claim.job.endpoint_id == lane


async def test_a_parked_lane_waits_and_comes_back(harness: Harness, queue: RebuildableQueue) -> None:
    """A lane that is told to wait gives out nothing for so long, whatever is enqueued, and then goes on by itself."""
    lane, other = new_lane(), new_lane()
    await queue.enqueue(jobs_of(lane, 3))
    [claim] = await queue.claim(1)
    await queue.finish([Finish(claim=claim, retry=Retry(round=0, step=1, delay_ms=0), park_ms=400)])
    await queue.enqueue(jobs_of(lane, 1) + jobs_of(other, 1))
    assert [claim.job.endpoint_id for claim in await queue.claim(5)] == [other]
    assert len(await claim_when_ready(harness, queue, 4)) == 4


async def test_the_longest_park_counts(harness: Harness, queue: RebuildableQueue) -> None:
    """A shorter wait that is told later ends no longer one."""
    await queue.enqueue(jobs_of(new_lane(), 3))
    claims = await queue.claim(2)
    await queue.finish([Finish(claim=claims[0], park_ms=60_000), Finish(claim=claims[1], park_ms=1)])
    await harness.pause()
    await queue.tick()
    assert await queue.claim(5) == []


async def test_a_rate_is_a_token_bucket(harness: Harness, queue: RebuildableQueue) -> None:
    """A burst goes at once, the rest at the rate; the bucket fills while nothing is claimed, up to the burst."""
    lane = new_lane()
    await queue.configure([lane_of(lane, cap=50, rate_per_second=10.0, burst=3)])
    await queue.enqueue(jobs_of(lane, 8))
    assert len(await queue.claim(50)) == 3
    assert await queue.claim(50) == []
    assert len(await claim_when_ready(harness, queue, 5)) == 5


async def test_a_rate_changes_live(queue: RebuildableQueue) -> None:
    """A lane that is out of tokens goes on at once when its rate is taken away, and tokens are not given twice."""
    slow = {"cap": 50, "rate_per_second": 0.01, "burst": 2}
    await queue.configure([lane_of(lane := new_lane(), **slow)])
    await queue.enqueue(jobs_of(lane, 8))
    assert len(await queue.claim(50)) == 2
    await queue.configure([lane_of(lane, **slow)])
    assert await queue.claim(50) == []
    await queue.configure([lane_of(lane, cap=50)])
    assert len(await queue.claim(50)) == 6


async def test_a_lane_without_tokens_delays_nobody(queue: RebuildableQueue) -> None:
    """Lanes that wait for their rate leave the others all the turns."""
    slow = [new_lane() for _ in range(10)]
    await queue.configure([lane_of(lane, rate_per_second=0.01, burst=1) for lane in slow])
    await queue.enqueue([job for lane in slow for job in jobs_of(lane, 2)])
    assert len(await queue.claim(50)) == 10
    jobs = jobs_of(new_lane(), 2)
    await queue.enqueue(jobs)
    assert ids(await queue.claim(2)) == ids(jobs)


async def test_a_configuration_ends_with_its_epoch(harness: Harness, queue: RebuildableQueue) -> None:
    """What a flush forgot is usual again until it is told anew."""
    lane = new_lane()
    await queue.configure([lane_of(lane, PAUSED)])
    await harness.lose()
    await queue.open_epoch(1_000)
    await queue.enqueue(jobs_of(lane, POLICY.lane_window))
    assert len(await queue.claim(50)) == POLICY.lane_cap
