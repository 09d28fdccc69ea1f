"""What was said with banks about a payment is found by whoever is on call."""

from collections.abc import Sequence

import asyncpg
import pytest

from adapters.exchanges.history import KeptExchange
from kernel.errors import NotFound
from kernel.ids import NIL, Environment
from kernel.sealing import Vault
from tests.support.clock import FakeClock
from tests.support.payments_world import World, make_world


@pytest.fixture
async def world(database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock) -> World:
    return await make_world(database, vault, clock)


async def _told(world: World, payment_id: object, limit: int = 100) -> Sequence[KeptExchange]:
    return await world.payments.exchanges(Environment.TEST, payment_id, None, limit)  # type: ignore[arg-type]


async def test_each_call_says_of_what_kind_it_was_and_how_it_ended(world: World) -> None:
    """A question is no second submission, whichever way the answer was written down."""
    world.bank.then(["lost_after"])
    lost = (await world.pay()).payment.id
    fine = (await world.pay("key-2")).payment.id
    await world.sweep(2)
    told = await _told(world, lost)
    assert [(each.kind, each.outcome) for each in told] == [("enquire", "answered"), ("submit", "unknown")]
    assert [(each.kind, each.outcome) for each in await _told(world, fine)][-1:] == [("submit", "answered")]
    assert all(each.exchange is not None for each in told)


async def test_calls_are_paged_and_of_one_payment(world: World) -> None:
    """Newest first, after a cursor; a payment of the other environment, or none, is not found."""
    world.bank.then(["lost_after"])
    payment_id = (await world.pay()).payment.id
    other = (await world.pay("key-2")).payment.id
    await world.sweep(2)
    [newest] = await _told(world, payment_id, limit=1)
    rest = await world.payments.exchanges(Environment.TEST, payment_id, newest.id, 5)
    ids = [each.id for each in (newest, *rest)]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 2
    assert not {each.id for each in await _told(world, other)} & set(ids)
    for environment, nothing in ((Environment.LIVE, payment_id), (Environment.TEST, NIL)):
        with pytest.raises(NotFound):
            await world.payments.exchanges(environment, nothing, None, 5)


async def test_they_end_with_the_merchants_key(world: World) -> None:
    """Erased data cannot be read here either; that there was a call remains."""
    payment_id = (await world.pay()).payment.id
    await world.tools.vault.destroy(world.tenant.partner_id, world.merchant_id)
    [call] = await _told(world, payment_id)
    assert (call.kind, call.exchange) == ("submit", None)
