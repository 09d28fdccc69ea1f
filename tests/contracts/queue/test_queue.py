"""What every queue does. Run on the one in memory and on the one in Redis."""

import asyncio
import random
from collections import Counter
from dataclasses import replace

import pytest

from tests.contracts.queue.harness import POLICY, Harness, Play, claim_when_ready, drain, ids, jobs_of, new_lane
from webhooks.queue.port import (
    JOBS_PER_CALL_MAX,
    Claim,
    EpochLost,
    Finish,
    Origin,
    Placed,
    RebuildableQueue,
    Retry,
)

SHORT = replace(POLICY, lease_seconds=1)


async def test_a_job_is_claimed_as_it_was_offered(queue: RebuildableQueue) -> None:
    """Every field of a job crosses the queue unchanged."""
    job = replace(jobs_of(new_lane(), 1, round=3, step=7)[0], origin=Origin.RECONCILED)
    assert await queue.enqueue([job]) == [Placed.ADDED]
    assert [claim.job for claim in await queue.claim(10)] == [job]


async def test_a_lane_is_first_in_first_out(queue: RebuildableQueue) -> None:
    """One lane's jobs are claimed in the order in which they came."""
    jobs = jobs_of(new_lane(), 3)
    await queue.enqueue(jobs)
    assert ids(await queue.claim(10)) == ids(jobs)


async def test_a_known_job_is_not_added_again(queue: RebuildableQueue) -> None:
    """Offering a job that is ready or leased does nothing; within one call either."""
    [job] = jobs_of(new_lane(), 1)
    assert await queue.enqueue([job, job]) == [Placed.ADDED, Placed.KNOWN]
    claims = await queue.claim(10)
    assert await queue.enqueue([job]) == [Placed.KNOWN]
    assert (len(claims), await queue.claim(10), await queue.count()) == (1, [], 1)


async def test_a_finished_job_is_forgotten(queue: RebuildableQueue) -> None:
    """After finish a job may be offered anew; before, its delivery occupies one place."""
    [job] = jobs_of(new_lane(), 1)
    await queue.enqueue([job])
    [claim] = await queue.claim(1)
    assert await queue.finish([Finish(claim=claim)]) == 1
    assert await queue.count() == 0
    assert await queue.enqueue([job]) == [Placed.ADDED]


async def test_a_lease_ends_once(queue: RebuildableQueue) -> None:
    """A second finish of one claim, or one with another fence, changes nothing."""
    await queue.enqueue(jobs_of(new_lane(), 1))
    [claim] = await queue.claim(1)
    assert await queue.finish([Finish(claim=replace(claim, fence=claim.fence + 1))]) == 0
    assert await queue.finish([Finish(claim=claim), Finish(claim=claim)]) == 1
    assert await queue.finish([Finish(claim=claim)]) == 0


async def test_a_retry_comes_later_and_never_early(harness: Harness, queue: RebuildableQueue) -> None:
    """A job put back with a delay is claimable after it, at its new step."""
    await queue.enqueue(jobs_of(new_lane(), 1))
    [claim] = await queue.claim(1)
    await queue.finish([Finish(claim=claim, retry=Retry(round=0, step=1, delay_ms=300))])
    assert await queue.claim(1) == []
    [again] = await claim_when_ready(harness, queue, 1)
    assert (again.job.step, again.job.origin) == (1, Origin.OFFERED)


async def test_a_retry_without_delay_is_ready_at_once(queue: RebuildableQueue) -> None:
    """A claim given back unsent keeps its origin and can be claimed again."""
    await queue.enqueue(jobs_of(new_lane(), 1))
    [claim] = await queue.claim(1)
    back = Retry(round=0, step=0, delay_ms=0, origin=Origin.LEASE_EXPIRED)
    await queue.finish([Finish(claim=claim, retry=back)])
    [again] = await queue.claim(1)
    assert again.job == replace(claim.job, origin=Origin.LEASE_EXPIRED)
    assert again.fence != claim.fence


async def test_only_the_near_future_is_kept(queue: RebuildableQueue) -> None:
    """What is due beyond the horizon stays in PostgreSQL, offered or put back."""
    far_ms = (POLICY.horizon_seconds + 1) * 1000
    job, other = jobs_of(new_lane(), 2)
    assert await queue.enqueue([replace(job, delay_ms=far_ms), other]) == [Placed.LATER, Placed.ADDED]
    [claim] = await queue.claim(10)
    await queue.finish([Finish(claim=claim, retry=Retry(round=0, step=1, delay_ms=far_ms))])
    assert await queue.count() == 0


async def test_an_earlier_time_replaces(queue: RebuildableQueue) -> None:
    """A due job that is offered for an earlier time comes then, and once; for a later time nothing changes."""
    [job] = jobs_of(new_lane(), 1, delay_ms=300_000)
    assert await queue.enqueue([job]) == [Placed.ADDED]
    assert await queue.enqueue([replace(job, delay_ms=400_000)]) == [Placed.KNOWN]
    assert await queue.enqueue([replace(job, delay_ms=100_000)]) == [Placed.REPLACED]
    assert await queue.enqueue([replace(job, delay_ms=0)]) == [Placed.REPLACED]
    assert ids(await queue.claim(10)) == [job.delivery_id]
    assert await queue.count() == 1


@pytest.mark.parametrize("higher", [{"round": 1}, {"step": 1}], ids=["round", "step"])
async def test_a_higher_step_replaces(queue: RebuildableQueue, higher: dict[str, int]) -> None:
    """A later round or step takes the place of a queued one; an earlier one does nothing."""
    [job] = jobs_of(new_lane(), 1)
    await queue.enqueue([job])
    assert await queue.enqueue([replace(job, **higher)]) == [Placed.REPLACED]
    assert await queue.enqueue([job]) == [Placed.KNOWN]
    assert [claim.job for claim in await queue.claim(10)] == [replace(job, **higher)]


async def test_a_higher_round_ends_a_lease(queue: RebuildableQueue) -> None:
    """A replay of a leased delivery is claimable at once; the older claim is stale and frees its place in the lane."""
    lane = new_lane()
    jobs = jobs_of(lane, POLICY.lane_cap)
    await queue.enqueue(jobs)
    old = await queue.claim(10)
    assert await queue.enqueue([replace(jobs[0], round=1)]) == [Placed.REPLACED]
    [new] = await queue.claim(10)
    assert new.job.round == 1
    assert await queue.finish([Finish(claim=claim) for claim in old]) == POLICY.lane_cap - 1


async def test_a_replaced_lease_lets_its_lane_go_on(queue: RebuildableQueue) -> None:
    """A full lane whose leased job is postponed claims another one in its place."""
    jobs = jobs_of(new_lane(), POLICY.lane_cap + 1)
    await queue.enqueue(jobs)
    assert len(await queue.claim(10)) == POLICY.lane_cap
    await queue.enqueue([replace(jobs[0], step=1, delay_ms=60_000)])
    assert ids(await queue.claim(10)) == [jobs[-1].delivery_id]


async def test_a_lane_has_a_window(queue: RebuildableQueue) -> None:
    """Beyond its window a lane takes no more, and no other lane notices."""
    jobs = jobs_of(new_lane(), POLICY.lane_window + 5)
    placed = Counter(await queue.enqueue(jobs))
    assert placed == {Placed.ADDED: POLICY.lane_window, Placed.WINDOW: 5}
    assert await queue.enqueue(jobs_of(new_lane(), 1)) == [Placed.ADDED]
    await queue.finish([Finish(claim=claim) for claim in await queue.claim(2)])
    assert Placed.ADDED in await queue.enqueue(jobs[-5:])


async def test_a_lane_has_a_cap(queue: RebuildableQueue) -> None:
    """Only so many jobs of a lane are in flight at once; each that ends lets one follow."""
    await queue.enqueue(jobs_of(new_lane(), POLICY.lane_cap + 2))
    claims = await queue.claim(10)
    assert len(claims) == POLICY.lane_cap
    assert await queue.claim(10) == []
    await queue.finish([Finish(claim=claims[0])])
    assert len(await queue.claim(10)) == 1


async def test_a_stuck_lane_delays_nobody(queue: RebuildableQueue) -> None:
    """A lane whose jobs never finish takes its cap and then leaves the others all the turns."""
    await queue.enqueue(jobs_of(new_lane(), POLICY.lane_window))
    stuck = await queue.claim(100)
    assert len(stuck) == POLICY.lane_cap
    for _ in range(5):
        jobs = jobs_of(new_lane(), 2)
        await queue.enqueue(jobs)
        claims = await queue.claim(100)
        assert sorted(ids(claims)) == sorted(ids(jobs))
        await queue.finish([Finish(claim=claim) for claim in claims])


async def test_lanes_take_turns(queue: RebuildableQueue) -> None:
    """A lane with many jobs and lanes with one share a claim: nobody waits for a long lane to empty."""
    await queue.enqueue(jobs_of(new_lane(), POLICY.lane_window))
    short = [jobs_of(new_lane(), 1)[0] for _ in range(3)]
    await queue.enqueue(short)
    assert set(ids(short)) <= set(ids(await queue.claim(5)))


async def test_an_expired_lease_is_claimed_again(harness: Harness) -> None:
    """What was claimed too long ago comes back and says why; the late result is stale."""
    queue = await harness.queue(SHORT)
    await queue.enqueue(jobs_of(new_lane(), 2))
    old = await queue.claim(10)
    again = await claim_when_ready(harness, queue, 2)
    assert {claim.job.origin for claim in again} == {Origin.LEASE_EXPIRED}
    assert await queue.finish([Finish(claim=claim) for claim in old]) == 0
    assert await queue.finish([Finish(claim=claim) for claim in again]) == 2
    assert await queue.count() == 0


async def test_a_renewed_lease_lasts_longer(harness: Harness) -> None:
    """While one claim is renewed it stays held; one that is not comes back, and then it can no longer be renewed."""
    queue = await harness.queue(SHORT)
    await queue.enqueue(jobs_of(new_lane(), 2))
    kept, left = await queue.claim(2)
    found: list[Claim] = []
    while not found:
        assert await queue.renew([kept]) == [True]
        while await queue.tick():
            pass
        found = await queue.claim(2)
        await harness.pause()
    assert ids(found) == [left.job.delivery_id]
    assert await queue.renew([kept, left]) == [True, False]


async def test_waiting_ends_when_something_comes(queue: RebuildableQueue) -> None:
    """A claimer that waits is woken by an enqueue and by a finish that frees a full lane."""
    waiting = asyncio.create_task(queue.wait(30))
    await asyncio.sleep(0)
    await queue.enqueue(jobs_of(new_lane(), POLICY.lane_cap + 1))
    await asyncio.wait_for(waiting, 5)
    claims = await queue.claim(10)
    waiting = asyncio.create_task(queue.wait(30))
    await queue.finish([Finish(claim=claims[0])])
    await asyncio.wait_for(waiting, 5)


async def test_waiting_ends_by_itself(queue: RebuildableQueue) -> None:
    """Without anything to claim the wait ends after its time."""
    await asyncio.wait_for(queue.wait(0.01), 5)


@pytest.mark.parametrize("call", ["enqueue", "claim", "finish", "renew", "tick", "count"])
async def test_a_flushed_queue_says_so(harness: Harness, queue: RebuildableQueue, call: str) -> None:
    """After a flush every call raises EpochLost instead of finding the queue empty."""
    [job] = jobs_of(new_lane(), 1)
    await queue.enqueue([job])
    claims = await queue.claim(1)
    await harness.lose()
    arguments = {
        "enqueue": ([job],),
        "claim": (1,),
        "finish": ([Finish(claim=claims[0])],),
        "renew": (claims,),
    }
    with pytest.raises(EpochLost):
        await getattr(queue, call)(*arguments.get(call, ()))


async def test_a_new_epoch_begins_empty(harness: Harness, queue: RebuildableQueue) -> None:
    """After a loss a new epoch starts from nothing, and no result of the old one counts in it."""
    [job] = jobs_of(new_lane(), 1)
    await queue.enqueue([job])
    [old] = await queue.claim(1)
    await harness.lose()
    assert await queue.is_lost()
    assert await queue.open_epoch(1_000)
    assert not await queue.is_lost()
    assert await queue.enqueue([job]) == [Placed.ADDED]
    [new] = await queue.claim(1)
    assert await queue.finish([Finish(claim=old)]) == 0
    assert await queue.finish([Finish(claim=new)]) == 1


async def test_an_epoch_never_goes_back(queue: RebuildableQueue) -> None:
    """Only a higher number opens an epoch; with two reconcilers the second one changes nothing."""
    assert await queue.open_epoch(50)
    await queue.enqueue(jobs_of(new_lane(), 1))
    assert not await queue.open_epoch(50)
    assert not await queue.open_epoch(49)
    assert await queue.count() == 1


async def test_calls_are_bounded(queue: RebuildableQueue) -> None:
    """A call with too many items is refused before anything is written."""
    with pytest.raises(ValueError, match="at most"):
        await queue.enqueue(jobs_of(new_lane(), JOBS_PER_CALL_MAX + 1))
    with pytest.raises(ValueError, match="at most"):
        await queue.claim(JOBS_PER_CALL_MAX + 1)
    assert await queue.count() == 0


async def test_a_full_call_works(queue: RebuildableQueue) -> None:
    """The largest allowed call is done whole: enqueued, claimed, renewed, finished."""
    jobs = [jobs_of(new_lane(), 1)[0] for _ in range(JOBS_PER_CALL_MAX)]
    assert set(await queue.enqueue(jobs)) == {Placed.ADDED}
    claims = await queue.claim(JOBS_PER_CALL_MAX)
    assert sorted(ids(claims)) == sorted(ids(jobs))
    assert all(await queue.renew(claims))
    assert await queue.finish([Finish(claim=claim) for claim in claims]) == JOBS_PER_CALL_MAX


@pytest.mark.parametrize("seed", range(12))
async def test_no_sequence_loses_or_doubles_a_job(harness: Harness, queue: RebuildableQueue, seed: int) -> None:
    """After any sequence of operations each job is known exactly once until it is finished, and then not at all."""
    play = Play(queue, random.Random(seed))  # noqa: S311 - chooses operations, protects nothing
    for _ in range(60):
        await play.step()
        assert await queue.count() == len(play.known)
    await play.reopen()
    for claim in play.claims:
        await queue.finish([Finish(claim=claim, retry=Retry(round=9, step=0, delay_ms=0))])
    drained = ids(await drain(harness, queue))
    assert sorted(drained) == sorted(play.known)
