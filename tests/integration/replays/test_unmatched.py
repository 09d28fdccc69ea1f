"""Deliveries that never were: made for an endpoint that was created late, or that received nothing for a while."""

import asyncio
from datetime import timedelta
from uuid import UUID

from tests.support.replays import Stage
from tests.support.tenants import add_merchant, caller
from webhooks.replays.model import Replay, ReplayRequest
from webhooks.states import ReplayState


async def heard(stage: Stage, endpoint_id: UUID) -> list[UUID]:
    """The events that the endpoint has a delivery of, in order."""
    statement = "SELECT event_id FROM deliveries WHERE endpoint_id = $1 ORDER BY event_id"
    return [row["event_id"] for row in await stage.pool.fetch(statement, endpoint_id)]


async def made(stage: Stage, endpoint_id: UUID, **fields: object) -> Replay:
    """What a replay with include_unmatched, asked for and run, comes to."""
    created = await stage.replay(endpoint_id=endpoint_id, include_unmatched=True, rate_per_second=1_000_000, **fields)
    await stage.runner().run_once()
    done = (await stage.replays.get(stage.tenant, created.replay.id)).replay
    assert done.state is ReplayState.COMPLETED
    return done


async def test_an_endpoint_created_late_gets_what_it_missed(stage: Stage) -> None:
    """Each event once, due now in round 1, numbered without gaps, counted at the event, offered to the queue."""
    events = await stage.events(33)
    endpoint = await stage.endpoint()
    done = await made(stage, endpoint)
    assert (done.total, done.queued, done.made) == (33, 0, 33)
    assert await heard(stage, endpoint) == events
    rows = await stage.pool.fetch("SELECT *, state::text AS is FROM deliveries ORDER BY sequence")
    assert [row["sequence"] for row in rows] == list(range(1, 34))
    assert {(row["is"], row["round"], row["step"], row["replay_id"]) for row in rows} == {("pending", 1, 0, done.id)}
    assert {row["round_at"] == row["next_attempt_at"] for row in rows} == {True}
    assert all(row["id"].int >> 80 == row["event_id"].int >> 80 for row in rows)
    assert {row["matched"] for row in await stage.pool.fetch("SELECT matched FROM events")} == {1}
    assert {(job.delivery_id, job.round) for job in stage.enqueuer.jobs} == {(row["id"], 1) for row in rows}


async def test_only_what_is_missing_is_made(stage: Stage) -> None:
    """Events that the endpoint has a delivery of, ended or not, are not made again, nor by a second replay."""
    endpoint = await stage.endpoint()
    await stage.deliveries(endpoint, 3, state="delivered", status_code=204)
    await stage.deliveries(endpoint, 3, state="pending")
    missing = await stage.events(3, at=stage.recently + timedelta(seconds=1))
    assert (await made(stage, endpoint)).made == 3
    assert (await made(stage, endpoint)).made == 0
    assert set(missing) < set(await heard(stage, endpoint))
    assert len(await heard(stage, endpoint)) == 9


async def test_the_endpoints_present_filters_decide(stage: Stage) -> None:
    """Owner, merchants, types and body expression as they are now, and the replay's own types besides."""
    one, two = await add_merchant(stage.pool, stage.tenant), await add_merchant(stage.pool, stage.tenant)
    at = stage.recently
    mine = await stage.events(4, merchant_id=one)
    other = await stage.events(2, merchant_id=two, at=at + timedelta(seconds=1))
    invoices = await stage.events(2, merchant_id=one, type="invoice.sent", at=at + timedelta(seconds=2))
    nobodys = await stage.events(1, at=at + timedelta(seconds=3))
    owned = await stage.endpoint(merchant_id=one)
    picky = await stage.endpoint(merchant_ids=[two])
    typed = await stage.endpoint(event_types=["invoice.*"])
    asked = await stage.endpoint()
    late = await stage.endpoint(event_types=["order.packed"])
    await stage.expect_expression(late, "data.number >= `2`")
    await made(stage, owned)
    await made(stage, picky)
    await made(stage, typed)
    await made(stage, asked, event_types=["invoice.sent"])
    estimate = await made(stage, late)
    both = await stage.endpoint()
    assert (await made(stage, both, merchant_id=two)).total == 2
    assert await heard(stage, both) == other
    assert await heard(stage, owned) == [*mine, *invoices]
    assert await heard(stage, picky) == other
    assert await heard(stage, typed) == await heard(stage, asked) == invoices
    assert await heard(stage, late) == mine[2:]
    assert (estimate.total, estimate.made) == (2, 2)
    assert not set(nobodys) & set(await heard(stage, late))


async def test_what_tells_of_the_moment_is_never_made_up_later(stage: Stage) -> None:
    """Operational events and test events are told once; made later they would be wrong, or about their own endpoint."""
    types = ("endpoint.failing", "delivery.dead", "secret.rotated", "certificate.expiring", "webhook_endpoint.test")
    for second, event_type in enumerate(types):
        await stage.events(1, type=event_type, at=stage.recently + timedelta(seconds=second))
    payments = await stage.events(1, type="payment.settled", at=stage.recently + timedelta(minutes=1))
    endpoint = await stage.endpoint()
    assert (await made(stage, endpoint)).total == 1
    assert await heard(stage, endpoint) == payments


async def test_erased_bodies_are_not_sent_again(stage: Stage) -> None:
    """An event whose body was erased has nothing to say to a new endpoint."""
    [erased, kept] = await stage.events(2)
    await stage.pool.execute("UPDATE events SET erased_at = now() WHERE id = $1", erased)
    endpoint = await stage.endpoint()
    await made(stage, endpoint)
    assert await heard(stage, endpoint) == [kept]


async def test_two_replays_at_once_make_each_delivery_once(stage: Stage) -> None:
    """Whoever looks for what an endpoint misses locks others out until it is made."""
    await stage.events(60)
    endpoint = await stage.endpoint()
    for _ in range(2):
        await stage.replay(endpoint_id=endpoint, include_unmatched=True, rate_per_second=1_000_000)
    await asyncio.gather(*(stage.runner().run_once() for _ in range(3)))
    await stage.runner().run_once()
    assert len(await heard(stage, endpoint)) == len(set(await heard(stage, endpoint))) == 60
    assert await stage.pool.fetchval("SELECT sum(made) FROM replays") == 60


async def test_events_are_looked_at_when_all_are_committed(stage: Stage) -> None:
    """An event whose id lies in the range may commit a little later: what never was is looked for after that."""
    endpoint = await stage.endpoint()
    await stage.replay(endpoint_id=endpoint, include_unmatched=True, until=stage.clock.now())
    await stage.runner().run_once()
    waits = "SELECT phase, extract(epoch FROM next_at - until)::float8 AS seconds FROM replays WHERE state = 'running'"
    [row] = await stage.pool.fetch(waits)
    assert (row["phase"], row["seconds"]) == (1, 15.0)
    late = await stage.events(1, at=stage.clock.now() - timedelta(seconds=1))
    await stage.pool.execute("UPDATE replays SET next_at = now()")
    await stage.runner().run_once()
    assert await heard(stage, endpoint) == late


async def test_a_dry_run_counts_both_and_does_nothing(stage: Stage) -> None:
    """What would be made due, made and left alone, and how long that takes; no row, no job."""
    endpoint = await stage.endpoint()
    await stage.deliveries(endpoint, 6)
    await stage.deliveries(endpoint, 2, state="pending")
    await stage.events(4, at=stage.recently + timedelta(seconds=1))
    request = ReplayRequest(
        endpoint_id=endpoint,
        since=stage.recently - timedelta(hours=1),
        include_unmatched=True,
        rate_per_second=5,
    )
    found = await stage.replays.estimate(caller(stage.tenant), request)
    assert (found.total, found.unmatched, found.under_way, found.seconds) == (6, 4, 2, 2.0)
    await stage.expect_expression(endpoint, "data.number == `1`")
    with_expression = await stage.replays.estimate(caller(stage.tenant), request)
    assert (with_expression.unmatched, with_expression.is_unmatched_at_most) == (1, False)
    await stage.runner().run_once()
    assert await stage.pool.fetchval("SELECT (SELECT count(*) FROM replays) + (SELECT count(*) FROM audit_log)") == 0
    assert stage.enqueuer.jobs == []


async def test_of_too_many_events_a_dry_run_says_at_most(stage: Stage) -> None:
    """A caller does not wait until thousands of bodies are opened: their number is given, and said to be a bound."""
    await stage.events(4_100)
    endpoint = await stage.endpoint()
    await stage.expect_expression(endpoint, "data.number == `1`")
    request = ReplayRequest(endpoint_id=endpoint, since=stage.recently - timedelta(hours=1), include_unmatched=True)
    found = await stage.replays.estimate(caller(stage.tenant), request)
    assert (found.unmatched, found.is_unmatched_at_most) == (4_100, True)


async def test_only_unmatched_where_no_state_is_wanted(stage: Stage) -> None:
    """With an empty list of states deliveries that there are stay as they are."""
    endpoint = await stage.endpoint()
    await stage.deliveries(endpoint, 3)
    await stage.events(2, at=stage.recently + timedelta(seconds=1))
    done = await made(stage, endpoint, states=[])
    assert (done.total, done.queued, done.made, done.skipped) == (2, 0, 2, 0)
