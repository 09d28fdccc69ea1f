"""Where a refund would go: kept sealed as the payer's bank told it, and shown to the partner alone."""

import asyncpg
import pytest

from kernel.sealing import Vault
from payments.reading.reader import Filter
from tests.integration.payments.test_payers import bank_of, come, invited
from tests.support.clock import FakeClock
from tests.support.payer_bank import REDIRECTING, PayerBank
from tests.support.payments_world import World, make_world
from webhooks.events.model import body_context

IBAN = "GB94BARC10201530093459"


@pytest.fixture
async def world(database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock) -> World:
    bank = PayerBank(declaration=REDIRECTING, dedupes=False, refund=IBAN)
    return await make_world(database, vault, clock, declaration=REDIRECTING, bank=bank)


async def test_the_refund_account_is_shown_to_the_partner_and_in_no_event(world: World, vault: Vault) -> None:
    """In full, where one payment is read and in lists; what merchants are sent has nothing of it."""
    payment, state = await invited(world)
    assert (await world.payments.get(world.caller, payment)).refund_account is None
    await come(world, state, bank_of(world).authorise())
    await world.sweep(5)
    await world.sweep(5)
    view = await world.payments.get(world.caller, payment)
    assert (view.status.value, view.refund_account) == ("completed", {"iban": IBAN})
    assert view.to_json()["refund_account"] == {"iban": IBAN}
    listed = (await world.payments.list(world.caller, Filter())).data
    assert [each.refund_account for each in listed] == [{"iban": IBAN}]
    assert IBAN not in repr(view)
    bodies = await world.rows("SELECT partner_id, id, sealed_body FROM events")
    assert len(bodies) == 5
    for row in bodies:
        told = await vault.open(row["partner_id"], row["sealed_body"], body_context(row["id"]))
        assert IBAN.encode() not in told
        assert b'"refund_account":null' in told


async def test_an_erased_merchants_refund_account_is_gone(world: World, vault: Vault) -> None:
    """With the merchant's key goes what the bank told of the payer."""
    payment, state = await invited(world)
    await come(world, state, bank_of(world).authorise())
    await vault.destroy(world.tenant.partner_id, world.merchant_id)
    view = await world.payments.get(world.caller, payment)
    assert (view.creditor, view.refund_account) == (None, None)


async def test_a_bank_that_tells_none_leaves_none(world: World) -> None:
    """Nothing is kept, and nothing is shown."""
    bank_of(world).refund = None
    payment, state = await invited(world)
    await come(world, state, bank_of(world).authorise())
    assert (await world.payments.get(world.caller, payment)).refund_account is None
    assert await world.rows("SELECT FROM submissions WHERE sealed_refund_account IS NOT NULL") == []
