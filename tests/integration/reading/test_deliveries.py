"""Deliveries are found by whatever is known of them, page by page, and say what they wait for."""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import asyncpg
import pytest

from kernel.errors import Invalid, NotFound
from kernel.ids import Environment, Tenant, new_id
from tests.support.shelf import Shelf
from tests.support.tenants import add_merchant, add_tenant
from webhooks.reading import scanning
from webhooks.reading.cursor import Position
from webhooks.reading.deliveries import Deliveries, Delivery, DeliveryQuery
from webhooks.reading.waiting import WaitReason
from webhooks.sending.model import Cause, ErrorClass
from webhooks.states import DeliveryState

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


@pytest.fixture
def deliveries(database: Pool) -> Deliveries:
    """The reader."""
    return Deliveries(database)


async def pages(deliveries: Deliveries, tenant: Tenant, **fields: Any) -> list[Delivery]:
    """Every page's deliveries, one after the other."""
    found: list[Delivery] = []
    cursor = None
    while True:
        page = await deliveries.list(tenant, DeliveryQuery(cursor=cursor, **fields))
        found += page.deliveries
        cursor = page.next_cursor
        if cursor is None:
            return found


async def test_each_filter_narrows(database: Pool, shelf: Shelf, deliveries: Deliveries) -> None:
    """Every filter finds exactly the deliveries that it names, alone and together with others."""
    merchant, payment, replay = await add_merchant(database, shelf.tenant), new_id(datetime.now(UTC)), uuid4()
    one, two = await shelf.endpoint(), await shelf.endpoint()
    paid = await shelf.event(type="payment.settled", ordering_key=payment, merchant_id=merchant)
    first = await shelf.delivery(one, paid)
    failed = {"state": "dead", "state_reason": "steps_used", "last_status_code": 503, "last_error_class": "status"}
    second = await shelf.delivery(two, paid, **failed)
    await shelf.attempt(second, two, started_at=datetime.now(UTC) - timedelta(hours=1))
    await shelf.attempt(second, two, cause="probe")
    third = await shelf.delivery(one, state="pending", replay_id=replay, next_attempt_at=datetime.now(UTC))

    async def found(**fields: Any) -> set[UUID]:
        return {delivery.id for delivery in await pages(deliveries, shelf.tenant, **fields)}

    assert await found() == {first, second, third}
    assert await found(endpoint_id=one) == {first, third}
    assert await found(event_id=paid) == {first, second}
    assert await found(payment_id=payment) == {first, second}
    assert await found(payment_id=payment, event_id=uuid4()) == set()
    assert await found(merchant_id=merchant, endpoint_id=one) == {first}
    assert await found(replay_id=replay) == {third}
    assert await found(states=(DeliveryState.DEAD,)) == await found(endpoint_id=two) == {second}
    assert await found(states=(DeliveryState.PENDING, DeliveryState.WAITING)) == {third}
    assert await found(states=(DeliveryState.DEAD, DeliveryState.PENDING)) == {second, third}
    assert await found(types=("payment.*", "other")) == {first, second}
    assert await found(status_codes=(500, 599)) == await found(error_class=ErrorClass.STATUS) == {second}
    assert await found(cause=Cause.PROBE) == {second}
    assert await found(cause=Cause.FIRST) == set()


async def test_times_are_the_events(shelf: Shelf, deliveries: Deliveries) -> None:
    """Since is included, until is not, in any of the lists, also over the border of a week."""
    endpoint, now = await shelf.endpoint(), datetime.now(UTC).replace(microsecond=0)
    old, new = now, now + timedelta(days=8)
    ids = [await shelf.delivery(endpoint, await shelf.event(at)) for at in (old, new)]
    for fields in ({}, {"endpoint_id": endpoint}):
        assert [one.id for one in await pages(deliveries, shelf.tenant, since=new, **fields)] == [ids[1]]
        assert [one.id for one in await pages(deliveries, shelf.tenant, until=new, **fields)] == [ids[0]]
        both = await pages(deliveries, shelf.tenant, since=old, until=new + timedelta(seconds=1), **fields)
        assert [one.id for one in both] == ids[::-1]
    with pytest.raises(Invalid) as refused:
        await deliveries.list(shelf.tenant, DeliveryQuery(since=new, until=old))
    assert [error.pointer for error in refused.value.errors] == ["/until"]


@pytest.mark.parametrize("scan_max", [2, 10_000])
async def test_pages_neither_skip_nor_repeat(
    shelf: Shelf, deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch, scan_max: int
) -> None:
    """Whatever a page's filter and however little it may look at, the pages together are everything, newest first."""
    monkeypatch.setattr(scanning, "SCAN_ROWS_MAX", scan_max)
    monkeypatch.setattr(scanning, "CHUNK_ROWS", 2)
    endpoint = await shelf.endpoint()
    ids = [await shelf.delivery(endpoint, last_status_code=500 if number % 5 == 0 else 204) for number in range(11)]
    for fields in ({}, {"endpoint_id": endpoint}):
        assert {one.id for one in await pages(deliveries, shelf.tenant, limit=2, **fields)} == set(ids)
        failed = await pages(deliveries, shelf.tenant, limit=1, status_codes=(500, 599), **fields)
        assert {one.id for one in failed} == {ids[0], ids[5], ids[10]}
        assert len(failed) == 3
    numbers = [one.sequence for one in await pages(deliveries, shelf.tenant, limit=3, endpoint_id=endpoint)]
    assert numbers == list(range(11, 0, -1))


async def test_a_cursor_of_another_list_is_refused(shelf: Shelf, deliveries: Deliveries) -> None:
    """An endpoint's list goes by its numbers, so a cursor without one is not its own."""
    query = DeliveryQuery(endpoint_id=await shelf.endpoint(), cursor=Position(id=uuid4()).to_text())
    with pytest.raises(Invalid):
        await deliveries.list(shelf.tenant, query)


async def test_nobody_reads_over_the_wall(database: Pool, shelf: Shelf, deliveries: Deliveries) -> None:
    """Another partner, and the same partner's other environment, find nothing, whatever they ask by."""
    payment = new_id(datetime.now(UTC))
    endpoint, event = await shelf.endpoint(), await shelf.event(ordering_key=payment)
    delivery = await shelf.delivery(endpoint, event, state="dead", replay_id=payment)
    for other in (await add_tenant(database), Tenant(shelf.tenant.partner_id, Environment.TEST)):
        for fields in (
            {},
            {"endpoint_id": endpoint},
            {"event_id": event},
            {"payment_id": payment},
            {"replay_id": payment},
            {"states": (DeliveryState.DEAD,)},
        ):
            assert await pages(deliveries, other, **fields) == []
        with pytest.raises(NotFound):
            await deliveries.get(other, delivery)
    assert (await deliveries.get(shelf.tenant, delivery)).id == delivery


async def test_a_delivery_says_what_it_waits_for(shelf: Shelf, deliveries: Deliveries) -> None:
    """Its turn, the time of its retry, a pause, a hold, or only the queue; nothing once it has ended."""
    now = datetime.now(UTC)
    soon = now + timedelta(minutes=5)
    held = await shelf.endpoint(held_at=now, next_probe_at=soon)
    paused, well = await shelf.endpoint(paused_at=now), await shelf.endpoint()
    gone = await shelf.endpoint(state="deleted")
    due = {"state": "pending", "next_attempt_at": now - timedelta(seconds=1)}
    expected = {
        await shelf.delivery(well, state="waiting", ordering_key=uuid4()): (WaitReason.TURN, None),
        await shelf.delivery(well, state="pending", next_attempt_at=soon): (WaitReason.RETRY, soon),
        await shelf.delivery(well, **due): (WaitReason.QUEUE, None),
        await shelf.delivery(held, **due): (WaitReason.HELD, soon),
        await shelf.delivery(paused, **due): (WaitReason.PAUSED, None),
        await shelf.delivery(gone, **due): (WaitReason.ENDING, None),
    }
    for identifier, answer in expected.items():
        waiting = (await deliveries.get(shelf.tenant, identifier)).waiting_for
        assert waiting is not None
        assert (waiting.reason, waiting.until) == answer
        assert waiting.sentence.endswith(".")
    ended = await deliveries.get(shelf.tenant, await shelf.delivery(well))
    assert ended.waiting_for is None


async def test_an_id_of_any_time_is_only_not_found(deliveries: Deliveries, shelf: Shelf) -> None:
    """The highest and the lowest id that can be written name nothing, and break nothing."""
    for identifier in (UUID(int=0), UUID(int=(1 << 128) - 1)):
        with pytest.raises(NotFound):
            await deliveries.get(shelf.tenant, identifier)
        assert await pages(deliveries, shelf.tenant, payment_id=identifier, event_id=identifier) == []
