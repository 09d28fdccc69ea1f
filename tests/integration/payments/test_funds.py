"""A bank that is asked, before it is told to pay, whether the payer has the amount: only a plain "no" counts."""

from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from kernel.masked import Secret
from kernel.sealing import Vault
from payments.journeys.returning import Brought
from tests.integration.payments.test_payers import bank_of, come, invited
from tests.support.clock import FakeClock
from tests.support.payer_bank import CONFIRMING, REDIRECTING, PayerBank
from tests.support.payments_world import World, make_world, second_process, until

WHOLE = ["consent", "authorise", "confirm_funds", "submit"]


@pytest.fixture
async def world(database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock) -> World:
    bank = PayerBank(declaration=CONFIRMING, dedupes=False)
    return await make_world(database, vault, clock, declaration=CONFIRMING, bank=bank)


async def _kinds(world: World) -> list[tuple[str, str]]:
    rows = await world.rows("SELECT kind::text, state::text FROM bank_operations ORDER BY sequence")
    return [(row["kind"], row["state"]) for row in rows]


async def test_a_payer_with_funds_pays(world: World) -> None:
    """The bank is asked once, as the payer, between their access and the payment; the exchange is on record."""
    payment, state = await invited(world)
    await come(world, state, bank_of(world).authorise())
    assert world.bank.calls == WHOLE
    assert await world.status(payment) == "accepted"
    assert await _kinds(world) == [(kind, "answered") for kind in WHOLE]
    what = {entry["what"] for entry in await world.payments.timeline(world.caller, payment)}
    assert {"confirm_funds.sent", "confirm_funds.answered"} <= what


async def test_a_payer_without_funds_pays_nothing(world: World) -> None:
    """Rejected with the reason, nothing was sent that can move money, and no other bank or try follows."""
    payment, state = await invited(world)
    world.bank.then(["ok", "reject"])
    await come(world, state, bank_of(world).authorise())
    view = await world.payments.get(world.caller, payment)
    assert (view.status.value, view.reason, view.finality.value) == ("rejected", "insufficient_funds", "none")
    assert await world.rows("SELECT state::text FROM submissions WHERE state = 'never_left'")
    assert await world.event_types() == [
        f"payment.{each}" for each in ("created", "awaiting_authorisation", "rejected")
    ]
    await world.sweep(100_000)
    assert world.bank.calls == WHOLE[:3]
    assert world.bank.paid(payment.hex) == []
    assert await world.rows("SELECT FROM authorisations WHERE sealed_grant IS NOT NULL") == []


@pytest.mark.parametrize("step", ["lost_before", "lost_after", "garbage", "never_left"])
async def test_what_is_no_plain_no_lets_the_payment_go_on(world: World, step: str) -> None:
    """It is asked once: the bank decides when it is told to pay, at once, and pays once."""
    payment, state = await invited(world)
    world.bank.then(["ok", step])
    await come(world, state, bank_of(world).authorise())
    assert await world.status(payment) == "accepted"
    assert world.bank.calls == WHOLE
    assert len(world.bank.paid(payment.hex)) == 1
    assert await world.exceptions() == []


async def test_a_process_that_died_asking_holds_nothing_up(world: World, vault: Vault) -> None:
    """The next one goes on to the payment; what the first one hears after all is too late to change anything."""
    payment, state = await invited(world)
    code = bank_of(world).authorise()
    world.bank.then(["ok", "hang"])
    await world.payments.returned(world.bank.id, Brought(state=Secret(state), code=Secret(code)))
    await until(lambda: "confirm_funds" in world.bank.calls)
    other = second_process(world, vault, declaration=CONFIRMING)
    await other.sweep(60)
    await other.sweep(1)
    assert await world.status(payment) == "accepted"
    assert world.bank.calls == WHOLE
    world.bank.gate.set()
    await world.payments._runner.settle()
    assert await world.status(payment) == "accepted"
    assert await world.exceptions() == []
    assert len(world.bank.paid(payment.hex)) == 1


async def test_a_payment_for_later_is_not_asked_about(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """What the payer has today says nothing of it."""
    keeping = replace(CONFIRMING, schedules=True)
    bank = PayerBank(declaration=keeping, dedupes=False)
    world = await make_world(database, vault, clock, declaration=keeping, bank=bank)
    payment, state = await invited(world, execute_at=clock.now() + timedelta(days=3))
    await come(world, state, bank.authorise())
    assert world.bank.calls == ["consent", "authorise", "submit"]
    assert await world.status(payment) == "accepted"


async def test_an_option_that_is_taken_away_meanwhile_holds_nothing_up(world: World, vault: Vault) -> None:
    """A question that was planned at a bank that is not asked any more moves no money, and the payment goes on."""
    payment, state = await invited(world)
    code = bank_of(world).authorise()
    world.bank.then(["ok", "hang"])
    await world.payments.returned(world.bank.id, Brought(state=Secret(state), code=Secret(code)))
    await until(lambda: "confirm_funds" in world.bank.calls)
    other = second_process(world, vault, declaration=REDIRECTING)
    await other.sweep(60)
    await other.sweep(1)
    assert await world.status(payment) == "accepted"
    assert world.bank.calls == WHOLE
    world.bank.gate.set()
    await world.payments._runner.settle()
    assert await world.status(payment) == "accepted"
