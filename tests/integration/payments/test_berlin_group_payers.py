"""What a Berlin Group bank says of its payers beside its payments: lost starts found again, refusals told as such."""

import asyncpg
import pytest

from adapters.berlin_group.simulator import Habits
from adapters.declaration import OperationKind
from adapters.simulation.faults import Fault
from kernel.sealing import Vault
from payments.view import PaymentView
from tests.integration.payments.test_berlin_group import LOST, Scene, booked, scene
from tests.support.clock import FakeClock

AUTHORISE, ASK = OperationKind.AUTHORISE, OperationKind.ENQUIRE_AUTHORISATION
PENDING = Habits(pending_before_approval=True)


async def view(here: Scene, payment: PaymentView) -> PaymentView:
    return await here.world.payments.get(here.world.caller, payment.id)


async def invited(here: Scene, payment: PaymentView) -> PaymentView:
    """The payment once its payer knows where to go."""
    for _ in range(40):
        await here.world.payments._runner.settle()
        seen = await view(here, payment)
        if seen.authorisation is not None:
            return seen
        await here.world.sweep(2)
    raise AssertionError(f"nobody is invited: {seen.status}")


@pytest.mark.parametrize("fault", LOST)
async def test_a_lost_start_at_a_bank_that_says_pending_resolves_by_itself(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, fault: Fault
) -> None:
    """Whether the start arrived or not, the payer gets a page in the end, and one payment is made."""
    async with scene(database, vault, clock, PENDING) as here:
        here.simulator.plan(fault, AUTHORISE)
        created = await here.pay(wait_seconds=0.1)
        seen = await invited(here, created.payment)
        assert (seen.status.value, seen.authorisation and seen.authorisation.method) == (
            "awaiting_authorisation",
            "redirect",
        )
        await here.come_back()
        await here.until(created.payment.id, "completed")
        assert len(booked(here)) == 1
        assert await here.world.exceptions() == []


@pytest.mark.parametrize("pending", [True, False])
@pytest.mark.parametrize("method", ["redirect", "decoupled"])
async def test_an_authorisation_that_was_begun_is_found_and_goes_on(
    database: "asyncpg.Pool[asyncpg.Record]",
    vault: Vault,
    clock: FakeClock,
    method: str,
    pending: bool,  # noqa: FBT001 - a case
) -> None:
    """Where the bank tells the way to the payer once more, nobody is asked twice."""
    decoupled = method == "decoupled"
    habits = Habits(pending_before_approval=pending, decoupled=decoupled, page_in_sca_status=not decoupled)
    async with scene(database, vault, clock, habits) as here:
        here.simulator.plan(Fault.RESET_AFTER, AUTHORISE)
        created = await here.pay(wait_seconds=0.1)
        seen = await invited(here, created.payment)
        assert seen.authorisation is not None
        assert (seen.authorisation.method, len(here.simulator.waiting)) == (method, 1)
        await here.come_back()
        await here.until(created.payment.id, "completed")
        assert len(booked(here)) == 1


async def test_who_approved_before_we_knew_is_not_asked_again(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """The start's answer is lost, the payer approves in the app all the same: the payment is followed to its end."""
    async with scene(database, vault, clock, Habits(pending_before_approval=True, decoupled=True)) as here:
        here.simulator.plan(Fault.RESET_AFTER, AUTHORISE)
        created = await here.pay()
        assert created.payment.status.value == "outcome_unknown"
        here.simulator.approve()
        await here.until(created.payment.id, "completed")
        assert (len(booked(here)), here.simulator.waiting) == (1, [])


@pytest.mark.parametrize("habits", [Habits(), Habits(decoupled=True), PENDING])
async def test_a_payers_refusal_is_told_as_such(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, habits: Habits
) -> None:
    """The bank rejects and does not say why; their browser came back so, or their authorisation failed."""
    async with scene(database, vault, clock, habits) as here:
        created = await here.pay()
        await here.come_back(approve=False)
        await here.until(created.payment.id, "rejected")
        seen = await view(here, created.payment)
        assert (seen.reason, seen.iso_status) == ("authorisation_refused", "RJCT")


async def test_a_refusal_of_the_bank_is_not_the_payers(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """Approved, and rejected afterwards: nobody said why, and nobody guesses."""
    async with scene(database, vault, clock) as here:
        here.simulator.plan(Fault.REJECT_LATER, AUTHORISE)
        created = await here.pay()
        await here.come_back()
        await here.until(created.payment.id, "rejected")
        assert (await view(here, created.payment)).reason == "unspecified"


@pytest.mark.parametrize("fault", sorted({*LOST, Fault.ERROR_500, Fault.ERROR_IN_200, Fault.GARBAGE, Fault.TOO_MANY}))
async def test_a_read_of_authorisations_that_fails_changes_nothing(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, fault: Fault
) -> None:
    """What was not understood is asked for again; a rejection stands without it, for no reason that is known."""
    async with scene(database, vault, clock, Habits(decoupled=True)) as here:
        created = await here.pay()
        here.simulator.plan(fault, ASK)
        here.simulator.approve(approve=False)
        await here.until(created.payment.id, "rejected")
        assert (await view(here, created.payment)).reason == "unspecified"


async def test_a_payer_who_never_comes_is_withdrawn_at_a_bank_that_says_pending(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """Their authorisation is known to be open still, so that nothing they did is thwarted, and no person is called."""
    async with scene(database, vault, clock, PENDING) as here:
        created = await here.pay()
        for _ in range(3):
            await here.world.sweep(5)
        assert await here.world.status(created.payment.id) == "awaiting_authorisation"
        await here.world.sweep(4_000)
        await here.until(created.payment.id, "cancelled")
        assert await here.world.exceptions() == []
        assert booked(here) == []


async def test_who_refused_and_then_approved_has_paid(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """A browser that comes back with a refusal ends nothing: the bank still waits, and what it executes counts."""
    async with scene(database, vault, clock) as here:
        created = await here.pay()
        (begun,) = here.simulator.waiting
        await here.return_by(begun.refused_uri)
        seen = await view(here, created.payment)
        assert (seen.status.value, seen.authorisation) == ("awaiting_authorisation", None)
        await here.come_back()
        await here.until(created.payment.id, "completed")
        assert len(booked(here)) == 1
