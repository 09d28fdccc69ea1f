"""Notifications that come together are applied together, and none of them stands in another's way."""

import asyncpg
import pytest

from adapters.contract import Notified
from kernel.sealing import Vault
from payments.inbox.batch import Kept
from payments.inbox.worker import _kept
from tests.support.clock import FakeClock
from tests.support.payments_world import World, make_world


@pytest.fixture
async def world(database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock) -> World:
    return await make_world(database, vault, clock)


async def _tell(world: World, verdict: str, reference: str, code: str = "") -> None:
    raw = f'{{"verdict":"{verdict}","reference":"{reference}","code":"{code or verdict}"}}'.encode()
    await world.inbox.accept("scripted", raw, {"signature": "true"})


async def _references(world: World) -> list[str]:
    return [row["end_to_end_id"] for row in await world.rows("SELECT end_to_end_id FROM submissions ORDER BY id")]


async def test_each_of_many_is_applied_as_if_it_were_alone(world: World) -> None:
    """Plain moves, a second word about one payment, a stale one, a contradiction and a stranger, in one round."""
    made = [(await world.pay(f"key-{number}")).payment.id for number in range(4)]
    named = {
        row["payment_id"]: row["end_to_end_id"]
        for row in await world.rows("SELECT payment_id, end_to_end_id FROM submissions")
    }
    await _tell(world, "settled", named[made[0]])
    await _tell(world, "completed", named[made[0]])
    await _tell(world, "settled", named[made[1]])
    await _tell(world, "pending", named[made[2]])
    await _tell(world, "rejected", named[made[3]])
    await _tell(world, "settled", "NOBODYS")
    assert await world.inbox_worker.run_once() == 6
    statuses = [await world.status(payment_id) for payment_id in made]
    assert statuses == ["completed", "settled", "accepted", "rejected"]
    types = await world.event_types()
    assert types.count("payment.settled") == 2
    assert types.index("payment.settled") < types.index("payment.completed")
    refused = await world.rows("SELECT refused_why FROM payment_evidence WHERE source = 'callback' AND NOT applied")
    assert [row["refused_why"] for row in refused] == ["stale"]
    left = await world.rows("SELECT FROM bank_notifications WHERE processed_at IS NULL")
    assert len(left) == 1


async def test_a_payment_that_somebody_holds_is_left_to_the_lock(world: World) -> None:
    """The others do not wait for it; it is applied when its holder lets go."""
    held, free = (await world.pay("a")).payment.id, (await world.pay("b")).payment.id
    for reference in await _references(world):
        await _tell(world, "settled", reference)
    async with world.pool.acquire() as connection:
        holding = connection.transaction()
        await holding.start()
        await connection.execute("SELECT FROM payments WHERE id = $1 FOR UPDATE", held)
        await world.pool.execute("UPDATE bank_notifications SET next_check_at = now() - interval '1 day'")
        await world.inbox_worker._batch.apply(await _claimed(world))
        assert (await world.status(held), await world.status(free)) == ("accepted", "settled")
        await holding.rollback()
    await world.inbox_worker.run_once()
    assert await world.status(held) == "settled"


async def _claimed(world: World) -> dict[Kept, Notified]:
    rows = await world.pool.fetch("SELECT bank_id, id, sealed_raw, received_at FROM bank_notifications")
    return {_kept(row): await world.inbox_worker._read(_kept(row)) for row in rows}


async def test_a_word_about_an_erased_merchants_payment_is_ended_once(world: World, vault: Vault) -> None:
    """Nothing of it can be opened any more: it is told to whoever is on call, and not tried for ever."""
    await world.pay()
    (reference,) = await _references(world)
    await world.sweep(2)
    await world.sweep(5)
    await vault.destroy(world.tenant.partner_id, world.merchant_id)
    await _tell(world, "returned", reference)
    assert await world.inbox_worker.run_once() == 1
    assert [row["outcome"] for row in await world.rows("SELECT outcome FROM bank_notifications")] == ["erased"]
    world.clock.advance(60)
    assert await world.inbox_worker.run_once() == 0


async def test_what_can_never_be_read_is_given_up_after_its_time(world: World) -> None:
    """It was the bank's, and an adapter that cannot read it today may tomorrow; after that a person looks."""
    await world.inbox.accept("scripted", b"no json", {"signature": "true"})
    assert await world.inbox_worker.run_once() == 1
    assert [row["outcome"] for row in await world.rows("SELECT outcome FROM bank_notifications")] == [None]
    world.clock.advance(86_400)
    assert await world.inbox_worker.run_once() == 1
    assert [row["outcome"] for row in await world.rows("SELECT outcome FROM bank_notifications")] == ["failed"]
