"""Payments through a simulated Berlin Group bank: real protocol, real engine, real database, payers at the bank."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import asyncpg
import pytest

from adapters.berlin_group.simulator import BerlinGroupSimulator, Habits, start_simulator
from adapters.contract import Account, Payer
from adapters.declaration import OperationKind
from adapters.registry import discover
from adapters.simulation.faults import Fault
from adapters.simulation.simulator import Pace, SimulatorOptions
from gateway.callbacks.reading import brought_of
from kernel.errors import Invalid
from kernel.masked import AccountNumber, Masked
from kernel.money import Money
from kernel.sealing import Vault
from payments.banks import BankRegistry, seal_settings
from payments.model import Created
from payments.recovery.sweeper import Sweeper
from payments.service import Payments
from tests.support import banks
from tests.support.berlin_group import DEBTOR_IBAN
from tests.support.berlin_group_house import DEADLINES
from tests.support.clock import FakeClock
from tests.support.payments_world import World, make_world

ADAPTERS = discover().adapters
QUICK = Pace(settle_seconds=0.02, complete_seconds=0.02, pending_seconds=0.02, hidden_seconds=0.3, hang_seconds=1)
BANK = "bg"
CONSENT, AUTHORISE = OperationKind.CONSENT, OperationKind.AUTHORISE
LOST = [Fault.TIMEOUT_BEFORE, Fault.RESET_AFTER, Fault.TRUNCATED]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A partner, and the bank that its payers use."""

    world: World
    simulator: BerlinGroupSimulator

    async def pay(self, **changes: Any) -> Created:
        terms = {
            "bank_id": BANK,
            "amount": Money("EUR", 1234),
            "debtor": Account(iban=AccountNumber(DEBTOR_IBAN)),
            "payer": Payer(ip_address=Masked("203.0.113.7")),
            "return_url": "https://shop.example/paid",
        }
        return await self.world.pay(**{**terms, **changes})

    async def come_back(self, *, approve: bool = True) -> None:
        """Every payer decides at the bank, and comes back where it sends them."""
        for address in self.simulator.approve(approve=approve):
            await self.return_by(address)

    async def return_by(self, address: str | None) -> None:
        """A payer's browser comes to this address, if to any."""
        if address is not None:
            brought = brought_of(dict(parse_qsl(urlsplit(address).query)))
            assert brought is not None
            assert await self.world.payments.returned(BANK, brought) is not None

    async def until(self, payment_id: UUID, *wanted: str) -> str:
        """The status, once it is one of these."""
        for _ in range(100):
            status = await self.world.status(payment_id)
            if status in wanted:
                return status
            await self.world.sweep(1)
            await asyncio.sleep(0.01)  # The simulated bank's time is the machine's.
        raise AssertionError(f"the payment stays {status}")


@asynccontextmanager
async def scene(
    pool: "asyncpg.Pool[asyncpg.Record]",
    vault: Vault,
    clock: FakeClock,
    habits: Habits | None = None,
    pace: Pace = QUICK,
) -> AsyncIterator[Scene]:
    simulator = await start_simulator(SimulatorOptions(pace=pace), habits)
    engine = banks.engine({"berlin_group": replace(ADAPTERS["berlin_group"].declaration, deadlines=DEADLINES)})
    world = await make_world(pool, vault, clock)
    await pool.execute(
        "INSERT INTO banks (id, adapter, environment, name, sealed_settings)"
        " VALUES ($1, 'berlin_group', 'test', 'Example Bank', $2)",
        BANK,
        await seal_settings(vault, BANK, simulator.settings),
    )
    tools = replace(world.tools, engine=engine, banks=BankRegistry(pool, vault, ADAPTERS, clock))
    try:
        yield Scene(
            world=replace(world, tools=tools, payments=Payments(tools), sweeper=Sweeper(tools)), simulator=simulator
        )
    finally:
        await engine.close()
        await simulator.close()


def booked(here: Scene) -> list[tuple[str, bool]]:
    """What the bank really has: reference of ours, and whether money moved."""
    return [(each.end_to_end_id, each.moved_money) for each in here.simulator.booked()]


async def test_a_payer_approves_and_the_payment_completes(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """The payment waits with the bank's page, and after the payer's return it completes, once."""
    async with scene(database, vault, clock) as here:
        created = await here.pay()
        assert created.payment.status.value == "awaiting_authorisation"
        assert created.payment.authorisation is not None
        assert str(created.payment.authorisation.url).startswith(f"{here.simulator.settings.base_url}/sca/")
        await here.come_back()
        await here.until(created.payment.id, "completed")
        assert len(booked(here)) == here.simulator.initiations == 1


@pytest.mark.parametrize(
    "habits",
    [
        Habits(explicit=False),
        Habits(decoupled=True),
        Habits(explicit=False, decoupled=True),
        Habits(signs_answers=True),
    ],
)
async def test_every_kind_of_bank_pays_once(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, habits: Habits
) -> None:
    """A bank that starts the authorisation by itself, one with an app, one that signs: each pays what was approved."""
    async with scene(database, vault, clock, habits) as here:
        created = await here.pay()
        assert created.payment.status.value == "awaiting_authorisation"
        begun = len(here.simulator.waiting)
        await here.come_back()
        await here.until(created.payment.id, "completed")
        assert (begun, len(booked(here)), here.simulator.initiations) == (1, 1, 1)


async def test_a_bank_that_exempts_pays_at_once(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """The initiation is the payment, and is followed to its end without a payer."""
    async with scene(database, vault, clock, Habits(exempts=True)) as here:
        created = await here.pay()
        await here.until(created.payment.id, "completed")
        assert len(booked(here)) == 1


@pytest.mark.parametrize("fault", [Fault.RESET_AFTER, Fault.ERROR_500])
async def test_a_lost_answer_of_a_bank_that_exempts_waits_for_persons(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, fault: Fault
) -> None:
    """There the initiation may have paid, and nobody can be asked: it is never sent again."""
    async with scene(database, vault, clock, Habits(exempts=True)) as here:
        here.simulator.plan(fault, CONSENT)
        created = await here.pay()
        for _ in range(5):
            await here.world.sweep(60)
        assert await here.world.status(created.payment.id) == "outcome_unknown"
        assert here.simulator.initiations <= 1


async def test_a_payer_who_refuses_ends_the_payment(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """The bank's word rejects it, not the browser's."""
    async with scene(database, vault, clock) as here:
        created = await here.pay()
        await here.come_back(approve=False)
        await here.until(created.payment.id, "rejected")
        assert booked(here) == []


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("kind", [CONSENT, AUTHORISE])
async def test_a_lost_answer_costs_no_payment(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, kind: OperationKind, fault: Fault
) -> None:
    """Whatever of the two calls gets lost, the payer is sent to one page in the end, and one payment is made."""
    async with scene(database, vault, clock) as here:
        here.simulator.plan(fault, kind)
        created = await here.pay(wait_seconds=0.1)
        await here.until(created.payment.id, "awaiting_authorisation")
        for _ in range(30):
            view = await here.world.payments.get(here.world.caller, created.payment.id)
            if view.authorisation is not None and view.authorisation.url is not None:
                break
            await here.world.sweep(2)
        await here.come_back()
        await here.until(created.payment.id, "completed")
        assert len(booked(here)) == 1


async def test_a_wrong_echo_is_never_believed(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """An enquiry that speaks of another amount changes nothing, and a person hears of it."""
    async with scene(database, vault, clock) as here:
        created = await here.pay()
        here.simulator.plan(Fault.WRONG_AMOUNT, OperationKind.ENQUIRE)
        await here.come_back()
        await here.until(created.payment.id, "completed")
        assert "amount_mismatch" in await here.world.exceptions()


async def test_a_payment_is_cancelled_while_its_payer_is_awaited(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """The bank withdraws the initiation, and whoever approves then is too late."""
    async with scene(database, vault, clock) as here:
        created = await here.pay()
        await here.world.payments.cancel(here.world.caller, created.payment.id)
        await here.until(created.payment.id, "cancelled")
        assert here.simulator.approve() == []
        assert booked(here) == []


async def test_a_payment_that_lacks_what_its_bank_needs_is_refused_by_name(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """Without the account to pay from and the payer's address nothing is written and nothing sent."""
    async with scene(database, vault, clock) as here:
        with pytest.raises(Invalid) as refused:
            await here.pay(debtor=None, payer=None)
        named = {(each.pointer, each.code) for each in refused.value.errors}
        assert named == {("/debtor/account/iban", "required"), ("/payer/ip_address", "required")}
        assert here.simulator.initiations == 0
