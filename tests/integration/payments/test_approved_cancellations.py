"""Cancellations that the payer approves: shown with the payment, and nothing but the bank's word cancels."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from adapters.berlin_group.simulator import Habits
from adapters.declaration import OperationKind
from adapters.simulation.faults import Fault
from kernel.errors import Conflict, Unavailable
from kernel.sealing import Vault
from payments.view import AuthorisationView, PaymentView
from tests.integration.payments.test_berlin_group import LOST, QUICK, Scene, booked, scene
from tests.support.clock import FakeClock

APPROVED = Habits(cancels_at_once=False)
# So long that the payment can still be withdrawn when the payer comes.
SLOW = replace(QUICK, settle_seconds=30)
START = OperationKind.AUTHORISE_CANCEL


@asynccontextmanager
async def paid(
    pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, habits: Habits = APPROVED
) -> AsyncIterator[tuple[Scene, PaymentView]]:
    """A payment that its payer has approved, and that has not settled yet."""
    async with scene(pool, vault, clock, habits, SLOW) as here:
        created = await here.pay()
        await here.come_back()
        await here.until(created.payment.id, "accepted")
        yield here, created.payment


async def cancelled(here: Scene, payment: PaymentView) -> PaymentView:
    """The payment after the partner asked that it be withdrawn."""
    return await here.world.payments.cancel(here.world.caller, payment.id)


async def seen(here: Scene, payment: PaymentView) -> PaymentView:
    return await here.world.payments.get(here.world.caller, payment.id)


def way(view: PaymentView) -> AuthorisationView:
    assert view.authorisation is not None
    assert view.authorisation.purpose == "cancellation"
    return view.authorisation


@pytest.mark.parametrize(
    ("habits", "method"),
    [
        (APPROVED, "redirect"),
        (replace(APPROVED, explicit=False), "redirect"),
        (replace(APPROVED, decoupled=True), "decoupled"),
    ],
)
async def test_a_payer_approves_a_cancellation(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, habits: Habits, method: str
) -> None:
    """The payment stays as it is, and says where the payer is expected; after their approval the bank cancels it."""
    async with paid(database, vault, clock, habits) as (here, payment):
        view = await cancelled(here, payment)
        told = way(view)
        assert (view.status.value, told.method, told.url is None) == ("accepted", method, method == "decoupled")
        assert told.expires_at is not None
        await here.come_back()
        await here.until(payment.id, "cancelled")
        assert (await seen(here, payment)).authorisation is None
        assert [moved for _, moved in booked(here)] == [False]


async def test_a_payer_comes_back_to_where_the_payment_sends_them(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """With a state of its own, so that the way out for the payment opens nothing here."""
    async with paid(database, vault, clock) as (here, payment):
        first = len(here.simulator._authorisations.all)
        await cancelled(here, payment)
        states = [
            parse_qs(urlsplit(each.redirect_uri or "").query)["state"]
            for each in here.simulator._authorisations.all.values()
        ]
        assert (first, len(states), states[0] == states[1]) == (1, 2, False)


async def test_a_cancellation_that_is_refused_did_not_happen(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """The payment goes on, for no other reason; asked again, the payer is sent out anew."""
    async with paid(database, vault, clock) as (here, payment):
        first = way(await cancelled(here, payment))
        await here.come_back(approve=False)
        await here.world.sweep(5)
        view = await seen(here, payment)
        assert (view.status.value, view.reason, view.authorisation) == ("accepted", None, None)
        second = way(await cancelled(here, payment))
        assert second.url != first.url
        await here.come_back()
        await here.until(payment.id, "cancelled")


async def test_a_cancellation_that_nobody_approves_did_not_happen(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """When its time is over the payment shows no way any more, and settles as if nobody had asked."""
    async with paid(database, vault, clock) as (here, payment):
        way(await cancelled(here, payment))
        await here.world.sweep(4_000)
        view = await seen(here, payment)
        assert (view.status.value, view.authorisation) == ("accepted", None)
        for each in here.simulator._payments.books.payments.values():
            each.status = type(each.status).COMPLETED
        await here.world.sweep(1_000)
        await here.until(payment.id, "completed")
        assert await here.world.exceptions() == []


async def test_asking_twice_sends_the_payer_out_once(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """While they are expected a repeat is told the same way."""
    async with paid(database, vault, clock) as (here, payment):
        first, second = [way(await cancelled(here, payment)) for _ in range(2)]
        assert first.url == second.url
        assert len(here.simulator.waiting) == 1


async def test_a_cancellation_that_the_bank_refuses_is_no_longer_awaited(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """Asked again after the payer's time, a bank that withdraws nothing more is told as such."""
    async with paid(database, vault, clock) as (here, payment):
        way(await cancelled(here, payment))
        await here.world.sweep(4_000)
        here.simulator.plan(Fault.REFUSE, OperationKind.CANCEL)
        with pytest.raises(Conflict):
            await cancelled(here, payment)


@pytest.mark.parametrize("fault", LOST)
async def test_a_start_that_is_lost_leaves_the_payment_as_it_is(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, fault: Fault
) -> None:
    """The partner hears that nothing is cancelled, and may ask again."""
    async with paid(database, vault, clock) as (here, payment):
        here.simulator.plan(fault, START)
        with pytest.raises(Unavailable):
            await cancelled(here, payment)
        view = await seen(here, payment)
        assert (view.status.value, view.authorisation) == ("accepted", None)
        await here.world.sweep(60)
        way(await cancelled(here, payment))
        await here.return_by(here.simulator.waiting[-1].decide(approve=True))
        await here.until(payment.id, "cancelled")
        assert await here.world.exceptions() == []


async def test_nobody_is_sent_out_for_a_withdrawal_of_our_own(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """A payment whose payer never came is withdrawn by us: where that needs the payer, it waits for the bank's end."""
    async with scene(database, vault, clock, APPROVED) as here:
        created = await here.pay()
        await here.world.sweep(4_000)
        for _ in range(3):
            await here.world.sweep(60)
        assert await here.world.status(created.payment.id) == "awaiting_authorisation"
        assert len(here.simulator._authorisations.all) == 1
        assert [
            each["kind"]
            for each in await here.world.rows("SELECT kind::text AS kind FROM bank_operations ORDER BY sequence")
        ] == ["consent", "authorise", "cancel"]


async def test_a_cancellation_goes_on_after_its_process_died(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """Planned and not sent: the sweeper begins it, and the payment says where the payer is expected."""
    async with paid(database, vault, clock) as (here, payment):
        way(await cancelled(here, payment))
        await here.world.pool.execute(
            "UPDATE bank_operations SET state = 'planned', sends = 0 WHERE kind = 'authorise_cancel'"
        )
        await here.world.pool.execute("UPDATE authorisations SET status = 'planned' WHERE purpose = 'cancellation'")
        assert (await seen(here, payment)).authorisation is None
        await here.world.sweep(1_000)
        way(await seen(here, payment))
