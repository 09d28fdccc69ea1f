"""From a committed event to a recorded result, on a real database and a real queue."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from tests.support.webhooks import FAST, FAST_QUEUE, World, kill, result_of, until
from webhooks.dispatch.policy import RetryPolicy
from webhooks.queue.port import Job, QueuePolicy
from webhooks.sending.model import AttemptResult, Blame, Cause, Decision, LoadedDelivery, Verdict
from webhooks.sending.schedule import Schedule

RETRY = Verdict(decision=Decision.RETRY, blame=Blame.LANE)


async def test_an_event_is_delivered_and_recorded(world: World) -> None:
    """An event reaches its endpoint as it was stored; row, attempt and queue agree afterwards."""
    await world.endpoint(headers={"x-shop": "7"})
    async with world.dispatching():
        [event_id] = await world.publish()
        await until(lambda: _is_done(world))
        await until(lambda: _is_empty(world))
    [sent] = world.sender.sent
    assert (sent.event_id, sent.cause, sent.headers) == (event_id, Cause.FIRST, {"x-shop": "7"})
    assert sent.url == "https://merchant.example/hooks"
    assert b'"payment.settled"' in sent.body
    assert len(sent.signing_keys) == 1
    [attempt] = await world.attempts()
    assert (attempt["status_code"], attempt["superseded"], attempt["why"]) == (204, False, "first")
    assert (await world.states())[event_id] == ("delivered", None)


async def test_a_failed_delivery_is_tried_again(world: World) -> None:
    """After a failure the next step comes by the schedule and not before; the second try succeeds."""
    endpoint_id = await world.endpoint()
    world.sender.verdicts[endpoint_id] = RETRY
    policy = replace(FAST, retry=RetryPolicy(schedule=Schedule(delays_seconds=(0, 1, 60))))
    async with world.dispatching(policy):
        [event_id] = await world.publish()
        await until(lambda: len(world.sender.sent) == 1)
        del world.sender.verdicts[endpoint_id]
        await until(lambda: _is_done(world))
    first, second = await world.attempts()
    assert second["started_at"] - first["started_at"] >= timedelta(seconds=1)
    assert [(a["why"], a["step"]) for a in (first, second)] == [("first", 0), ("retry", 1)]
    assert (await world.states())[event_id] == ("delivered", None)


async def test_failing_since_begins_and_ends(world: World) -> None:
    """The first failure of an endpoint is noted with its time, and the next success takes it away."""
    endpoint_id = await world.endpoint()
    world.sender.verdicts[endpoint_id] = RETRY
    policy = replace(FAST, retry=RetryPolicy(schedule=Schedule(delays_seconds=(0, 1, 60))))
    failing = "SELECT failing_since FROM webhook_endpoints"
    async with world.dispatching(policy):
        await world.publish()
        await until(lambda: world.pool.fetchval(failing))
        del world.sender.verdicts[endpoint_id]
        await until(lambda: _is_done(world))
    assert await world.pool.fetchval(failing) is None


@pytest.mark.parametrize(
    ("retry", "reason"),
    [
        (RetryPolicy(schedule=Schedule(delays_seconds=(0,))), "steps_used"),
        (RetryPolicy(age_max=timedelta(seconds=1)), "too_old"),
    ],
    ids=["steps", "age"],
)
async def test_a_delivery_dies(world: World, retry: RetryPolicy, reason: str) -> None:
    """A delivery whose steps are used, or that would grow too old, is dead and says why."""
    world.sender.verdicts[await world.endpoint()] = RETRY
    async with world.dispatching(replace(FAST, retry=retry)):
        [event_id] = await world.publish()
        await until(lambda: _is_done(world))
    assert (await world.states())[event_id] == ("dead", reason)


async def test_a_receiver_can_abort_one_message(world: World) -> None:
    """`abort-message` cancels the delivery and leaves the endpoint as it is."""
    world.sender.verdicts[await world.endpoint()] = Verdict(decision=Decision.ABORT, blame=Blame.DELIVERY)
    async with world.dispatching():
        [event_id] = await world.publish()
        await until(lambda: _is_done(world))
    assert (await world.states())[event_id] == ("cancelled", "receiver_aborted")
    assert await world.pool.fetchval("SELECT state::text FROM webhook_endpoints") == "enabled"


async def test_a_receiver_can_end_everything(world: World) -> None:
    """410 disables the endpoint, ends its delivery, moves the matchers' version and tells the partner once."""
    gone = await world.endpoint(event_types=["payment.*"])
    other = await world.endpoint(event_types=["endpoint.*"])
    world.sender.verdicts[gone] = Verdict(decision=Decision.DISABLE, blame=Blame.LANE)
    async with world.dispatching():
        await world.publish(3)
        await until(lambda: _is_done(world))
    told = [sent for sent in world.sender.sent if sent.endpoint_id == other]
    assert len(told) == 1
    assert b"endpoint.disabled" in told[0].body
    rows = await world.pool.fetch(
        "SELECT DISTINCT state::text, state_reason FROM deliveries WHERE endpoint_id = $1", gone
    )
    assert [tuple(row) for row in rows] == [("undelivered", "endpoint_disabled")]
    assert await world.pool.fetchval("SELECT endpoints_version FROM environments") == 3


async def test_a_delivered_message_can_be_the_last(world: World) -> None:
    """A 2xx with `webhook-delivery: disable` is delivered, and its endpoint disabled."""
    world.sender.verdicts[await world.endpoint()] = Verdict(decision=Decision.DELIVERED, is_last=True)
    async with world.dispatching():
        [event_id] = await world.publish()
        await until(lambda: _is_done(world))
    assert (await world.states())[event_id] == ("delivered", None)
    standing = await world.pool.fetchrow("SELECT state::text, state_reason FROM webhook_endpoints")
    assert tuple(standing) == ("disabled", "receiver_asked")


async def test_an_endpoint_that_changed_meanwhile_is_not_disabled(world: World) -> None:
    """A 410 to an older version changes nothing at the endpoint, and its delivery is tried again."""
    endpoint_id = await world.endpoint()
    held = _HeldSender(Verdict(decision=Decision.DISABLE, blame=Blame.LANE))
    async with world.results() as results:
        running = asyncio.create_task(world.dispatcher(results, sender=held).run())
        [event_id] = await world.publish()
        await held.reached.wait()
        await world.pool.execute("UPDATE webhook_endpoints SET version = version + 1 WHERE id = $1", endpoint_id)
        held.go.set()
        await until(world.attempts)
        await kill(running)
    assert await world.pool.fetchval("SELECT state::text FROM webhook_endpoints") == "enabled"
    assert (await world.states())[event_id] == ("pending", None)
    assert await world.pool.fetchval("SELECT step FROM deliveries") == 1


async def test_a_disabled_endpoint_gets_nothing_more(world: World) -> None:
    """What was queued before its endpoint was disabled ends undelivered and unsent."""
    endpoint_id = await world.endpoint()
    [event_id] = await world.publish()
    await world.pool.execute("UPDATE webhook_endpoints SET state = 'disabled' WHERE id = $1", endpoint_id)
    async with world.dispatching():
        await until(lambda: _is_done(world))
    assert (await world.states())[event_id] == ("undelivered", "endpoint_disabled")
    assert world.sender.sent == []


async def test_an_erased_body_ends_its_delivery(world: World) -> None:
    """A delivery whose body can no longer be opened is dead, and the others go on."""
    await world.endpoint()
    [erased, kept] = await world.publish(2, offer=False)
    await world.pool.execute("UPDATE events SET sealed_body = 'erased' WHERE id = $1", erased)
    await _offer_all(world)
    async with world.dispatching():
        await until(lambda: _is_done(world))
    states = await world.states()
    assert (states[erased], states[kept]) == (("dead", "unreadable"), ("delivered", None))


async def test_a_job_that_its_row_overtook_is_dropped(world: World) -> None:
    """A job of an older step, or of a delivery that has ended, is not sent; the present step is queued instead."""
    await world.endpoint()
    ended, moved = await world.publish(2)
    await world.pool.execute("UPDATE deliveries SET state = 'cancelled' WHERE event_id = $1", ended)
    await world.pool.execute(
        "UPDATE deliveries SET step = 2, next_attempt_at = now() + interval '1 second' WHERE event_id = $1", moved
    )
    async with world.dispatching():
        await until(lambda: _is_done(world))
        await until(lambda: _is_empty(world))
    [sent] = world.sender.sent
    assert (sent.event_id, sent.step, sent.cause) == (moved, 2, Cause.RETRY)


async def test_an_ordered_line_is_sent_one_by_one(world: World) -> None:
    """At an ordered endpoint an event is sent only when the one before it has ended, and without delay then."""
    await world.endpoint(ordered=True)
    key = uuid4()
    events = [(await world.publish(ordering_key=key))[0] for _ in range(5)]
    overlapping = _OverlapSender(world)
    async with world.results() as results:
        dispatcher = world.dispatcher(results, sender=overlapping)
        running = asyncio.create_task(dispatcher.run())
        await until(lambda: _is_done(world))
        dispatcher.stop()
        await running
    assert [sent.event_id for sent in world.sender.sent] == events
    assert overlapping.most == 1


async def test_a_hanging_merchant_delays_nobody(world: World) -> None:
    """While one endpoint answers nothing at all, another one's hundred events are delivered at once."""
    slow = await world.endpoint(event_types=["payment.*"], concurrency=5)
    fine = await world.endpoint(event_types=["payment.*"])
    world.sender.hanging.add(slow)
    async with world.dispatching():
        await world.publish(100)
        await until(lambda: sum(sent.endpoint_id == fine for sent in world.sender.sent) == 100)
        stuck = [sent for sent in world.sender.sent if sent.endpoint_id == slow]
        assert len({sent.delivery_id for sent in stuck}) <= FAST_QUEUE.lane_cap * 2


async def test_a_late_success_still_counts(world: World) -> None:
    """A 2xx of the present round ends the delivery although another try was recorded before it."""
    await world.endpoint()
    held = _HeldSender(Verdict(decision=Decision.DELIVERED))
    async with world.results() as results:
        running = asyncio.create_task(world.dispatcher(results, sender=held).run())
        [event_id] = await world.publish()
        await held.reached.wait()
        await world.pool.execute("UPDATE deliveries SET step = 1, next_attempt_at = now() + interval '1 hour'")
        held.go.set()
        await until(lambda: _is_done(world))
        await kill(running)
    assert (await world.states())[event_id] == ("delivered", None)
    assert [attempt["superseded"] for attempt in await world.attempts()] == [False]


async def test_a_late_failure_does_not_count(world: World) -> None:
    """A failure that its row has overtaken leaves its attempt, marked, and changes nothing else."""
    await world.endpoint()
    held = _HeldSender(RETRY)
    async with world.results() as results:
        running = asyncio.create_task(world.dispatcher(results, sender=held).run())
        await world.publish()
        await held.reached.wait()
        await world.pool.execute("UPDATE deliveries SET step = 5, next_attempt_at = now() + interval '1 hour'")
        held.go.set()
        await until(world.attempts)
        await kill(running)
    assert [attempt["superseded"] for attempt in await world.attempts()] == [True]
    assert await world.pool.fetchval("SELECT step FROM deliveries") == 5


async def test_stopping_finishes_what_is_in_flight(world: World) -> None:
    """After stop nothing more is claimed; what was being sent is recorded and finished before run returns."""
    await world.endpoint()
    held = _HeldSender(Verdict(decision=Decision.DELIVERED))
    async with world.results() as results:
        dispatcher = world.dispatcher(results, sender=held)
        running = asyncio.create_task(dispatcher.run())
        [event_id] = await world.publish()
        await held.reached.wait()
        dispatcher.stop()
        [later] = await world.publish()
        held.go.set()
        await asyncio.wait_for(running, 10)
    states = await world.states()
    assert (states[event_id][0], states[later][0]) == ("delivered", "pending")
    assert await world.queue.count() == 1


async def test_a_lease_that_could_end_too_early_is_refused(world: World) -> None:
    """The lease must exceed the time that loading, sending and committing may take."""
    async with world.results() as results:
        dispatcher = world.dispatcher(results)
        with pytest.raises(ValueError, match="lease"):
            type(dispatcher)(dispatcher._stages, FAST, world.metrics, QueuePolicy(lease_seconds=0.9))


class _HeldSender:
    """Answers when it is told to."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.reached = asyncio.Event()
        self.go = asyncio.Event()

    async def send(self, delivery: LoadedDelivery) -> AttemptResult:
        assert delivery.body
        self.reached.set()
        await self.go.wait()
        return result_of(self.verdict)


class _OverlapSender:
    """Counts how many sends overlap."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._now = 0
        self.most = 0

    async def send(self, delivery: LoadedDelivery) -> AttemptResult:
        self._now += 1
        self.most = max(self.most, self._now)
        await asyncio.sleep(0.005)
        self._now -= 1
        return await self._world.sender.send(delivery)


async def _is_done(world: World) -> bool:
    return await world.pending() == 0


async def _is_empty(world: World) -> bool:
    return await world.queue.count() == 0


async def _offer_all(world: World) -> None:
    rows = await world.pool.fetch("SELECT partner_id, endpoint_id, id FROM deliveries")
    await world.enqueuer.offer(
        [Job(partner_id=row["partner_id"], endpoint_id=row["endpoint_id"], delivery_id=row["id"]) for row in rows]
    )
