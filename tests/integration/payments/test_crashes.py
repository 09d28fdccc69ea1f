"""Killed before, during and after everything: one payment at the bank or none, never two, never a false rejection."""

import asyncio
import contextlib
import random
from datetime import UTC, datetime

import asyncpg

from adapters.declaration import OperationKind, Recovery
from kernel.ids import new_id
from kernel.sealing import Vault
from tests.support.clock import FakeClock
from tests.support.payments_world import World, make_world, second_process
from tests.support.scripted_bank import DECLARATION, Crash, declared

SEEDS = 200
WORLDS = 8
# "late" is seen by the third enquiry, long before the declared time of proof.
STEPS = (
    "ok",
    "ok",
    "lost_before",
    "lost_after",
    "never_left",
    "late",
    "crash_before",
    "crash_after",
    "garbage",
    "not_found",
)
DECLARATIONS = (
    DECLARATION,
    declared(recovery={OperationKind.SUBMIT: Recovery.RESEND}),
    declared(recovery={OperationKind.SUBMIT: Recovery.RESEND}, enquiry_keys=()),
    declared(absence_proven_after_seconds=None),
)
FINAL = {"completed", "rejected"}


async def _live_through(world: World, vault: Vault, dice: random.Random, declaration: int) -> None:
    """One payment, killed at random places; each death is followed by another process."""
    key = str(new_id(world.clock.now()))
    world.bank.then(dice.choice(STEPS) for _ in range(dice.randint(1, 6)))
    status = None
    for _ in range(40):
        process = second_process(world, vault, declaration=DECLARATIONS[declaration])
        process.events.crashes = [dice.random() < 0.15 for _ in range(3)]
        process.offers.crashes = [dice.random() < 0.15 for _ in range(3)]
        with contextlib.suppress(Crash):
            await process.pay(key) if status is None else await process.sweep(dice.choice((1, 5, 20, 40)))
        with contextlib.suppress(Crash):
            await process.payments.drain()
        found = await world.rows(
            "SELECT id, status::text FROM payments WHERE partner_id = $1 ORDER BY id DESC", world.tenant.partner_id
        )
        status = found[0]["status"] if found else None
        for row in found:
            _check(world, row["id"].hex, row["status"])
        if status in FINAL and not world.bank.script:
            return


def _check(world: World, payment: str, status: str) -> None:
    paid = world.bank.paid(payment)
    assert len(paid) <= 1, f"paid twice: {world.bank.calls}"
    assert status != "rejected" or not paid, f"a false rejected: {world.bank.calls}"
    assert status not in {"accepted", "settled", "completed"} or paid, f"a false success: {world.bank.calls}"


async def _partner_of_seeds(database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, first: int) -> None:
    for seed in range(first, SEEDS, WORLDS):
        dice = random.Random(seed)  # noqa: S311 - a seed is to be repeatable
        clock = FakeClock(datetime.now(UTC))
        declaration = seed % len(DECLARATIONS)
        world = await make_world(database, vault, clock, declaration=DECLARATIONS[declaration])
        try:
            await _live_through(world, vault, dice, declaration)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


async def test_two_hundred_deaths(database: "asyncpg.Pool[asyncpg.Record]", vault: Vault) -> None:
    """Whatever dies, the bank's books hold one payment or none, and no status says what is not so."""
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    await asyncio.gather(*(_partner_of_seeds(database, vault, first) for first in range(WORLDS)))
