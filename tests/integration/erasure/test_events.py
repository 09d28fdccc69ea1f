"""What is erased is gone for good, and nothing that met it fails."""

import asyncio
from uuid import UUID, uuid4

import pytest

from kernel.errors import NotFound
from kernel.ids import Environment, Tenant, new_id
from kernel.sealing import ERASED
from tests.support.webhooks import TENANT, World, until
from webhooks.endpoints.model import Caller
from webhooks.erasure.events import EventErasure
from webhooks.reading.feed import Feed, FeedQuery

CALLER = Caller(tenant=TENANT, actor="clt_someone", request_id="req_1")


def erasure(world: World) -> EventErasure:
    return EventErasure(world.pool, world.writer, world.enqueuer, world.clock)


async def sealed(world: World, event_id: UUID) -> set[bytes]:
    """Everything sealed that is left of an event."""
    rows = await world.pool.fetch(
        "SELECT sealed_body AS sealed FROM events WHERE id = $1 UNION ALL SELECT a.sealed_exchange"
        " FROM deliveries AS d JOIN delivery_attempts AS a ON a.delivery_id = d.id WHERE d.event_id = $1",
        event_id,
    )
    return {row["sealed"] for row in rows}


async def test_an_event_is_erased_with_what_was_exchanged(world: World) -> None:
    """After it was delivered: body and exchanges are overwritten, the delivery's record stays, one audit row tells."""
    await world.endpoint()
    async with world.dispatching():
        [event_id] = await world.publish()
        await until(lambda: _is_done(world))
    assert ERASED not in await sealed(world, event_id)
    erased = await erasure(world).erase(CALLER, event_id)
    assert await sealed(world, event_id) == {ERASED}
    assert (erased.ended, await world.states()) == (0, {event_id: ("delivered", None)})
    again = await erasure(world).erase(CALLER, event_id)
    assert again.erased_at == erased.erased_at
    rows = await world.pool.fetch("SELECT actor, detail::text FROM audit_log WHERE action = 'event.erased'")
    assert [(row["actor"], row["detail"]) for row in rows] == [("clt_someone", '{"deliveries_ended": 0}')]


async def test_what_is_still_to_be_sent_ends(world: World) -> None:
    """A pending delivery ends as dead and unreadable, its followers go on, and its job is dropped unsent."""
    await world.endpoint(ordered=True)
    key = uuid4()
    [first] = await world.publish(ordering_key=key)
    [second] = await world.publish(ordering_key=key)
    assert (await erasure(world).erase(CALLER, first)).ended == 1
    async with world.dispatching():
        await until(lambda: _is_done(world))
    states = await world.states()
    assert (states[first], states[second]) == (("dead", "unreadable"), ("delivered", None))
    assert world.sender.events() >= {second}
    assert first not in world.sender.events()


async def test_a_waiting_delivery_ends_when_its_turn_comes(world: World) -> None:
    """One that is erased while it waits in a line is never sent; the ones behind it are."""
    await world.endpoint(ordered=True)
    key = uuid4()
    first, second, third = [(await world.publish(ordering_key=key))[0] for _ in range(3)]
    assert (await erasure(world).erase(CALLER, second)).ended == 0
    async with world.dispatching():
        await until(lambda: _is_done(world))
    assert [sent.event_id for sent in world.sender.sent if sent.event_id in {first, second, third}] == [first, third]
    assert (await world.states())[second] == ("dead", "unreadable")


async def test_a_result_that_is_on_its_way_brings_no_exchange_back(world: World) -> None:
    """A receiver that answers after the erasure leaves an attempt on record, and nothing of what was said."""
    endpoint_id = await world.endpoint()
    gate = asyncio.Event()
    answer = world.sender.send

    async def late(delivery: object) -> object:
        await gate.wait()
        return await answer(delivery)  # type: ignore[arg-type]

    world.sender.send = late  # type: ignore[method-assign,assignment]
    async with world.dispatching():
        [event_id] = await world.publish()
        await until(lambda: _is_claimed(world))
        await erasure(world).erase(CALLER, event_id)
        gate.set()
        await until(world.attempts)
    [attempt] = [row for row in await world.attempts() if row["endpoint_id"] == endpoint_id]
    assert attempt["superseded"]
    assert await sealed(world, event_id) == {ERASED}


async def test_the_feed_shows_an_erased_event_without_its_data(world: World) -> None:
    """Readers see that it was, and that it was erased; nobody's page fails."""
    first, second = await world.publish(2)
    await erasure(world).erase(CALLER, first)
    page = await Feed(world.pool, world.vault).page(TENANT, FeedQuery(limit=10))
    shown = {event.id: event for event in page.events}
    assert shown[first].data is None
    assert shown[first].erased_at is not None
    assert shown[second].data == {"number": 1}


@pytest.mark.parametrize(
    "tenant",
    [Tenant(TENANT.partner_id, Environment.LIVE), Tenant(uuid4(), TENANT.environment)],
    ids=["other environment", "other partner"],
)
async def test_nobody_erases_another_tenants_event(world: World, tenant: Tenant) -> None:
    """An event of another partner or environment is not there, and stays as it is; so is one that never was."""
    [event_id] = await world.publish()
    stranger = Caller(tenant=tenant, actor="clt_stranger", request_id="req_2")
    with pytest.raises(NotFound):
        await erasure(world).erase(stranger, event_id)
    with pytest.raises(NotFound):
        await erasure(world).erase(CALLER, new_id(world.clock.now()))
    assert ERASED not in await sealed(world, event_id)


async def _is_done(world: World) -> bool:
    return await world.pending() == 0


async def _is_claimed(world: World) -> bool:
    return await world.queue.count() == 1 and not await world.queue.claim(1)
