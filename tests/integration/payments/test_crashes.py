"""Killed before, during and after everything: one payment at the bank or none, never two, never a false rejection."""

import asyncio
import contextlib
import random
from collections import Counter
from datetime import UTC, datetime

import asyncpg
import pytest

from adapters.declaration import Declaration, OperationKind, Recovery
from kernel.ids import new_id
from kernel.sealing import Vault
from tests.support.clock import FakeClock
from tests.support.payments_world import World, make_world, second_process
from tests.support.scripted_bank import Crash, ScriptedBank, declared

# For each of four kinds of bank: two hundred in all.
SEEDS = 50
# The bank may lie in the first rounds only, which end before its declared time of proof.
LYING_ROUNDS, HONEST_ROUNDS = 9, 5
PROOF_SECONDS = 1_500
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
RESEND = {OperationKind.SUBMIT: Recovery.RESEND}
DECLARATIONS = {
    "enquire": declared(absence_proven_after_seconds=PROOF_SECONDS),
    "enquire, then resend": declared(absence_proven_after_seconds=PROOF_SECONDS, recovery=RESEND),
    "resend": declared(recovery=RESEND, enquiry_keys=()),
    "never proven": declared(absence_proven_after_seconds=None),
}
LANES = 4
FINAL = {"settled", "completed", "rejected"}


async def _live_through(world: World, vault: Vault, dice: random.Random, declaration: Declaration) -> None:
    """One payment, killed at random places; each death is followed by another process."""
    key = str(new_id(world.clock.now()))
    world.bank.script.clear()
    world.bank.then(dice.choice(STEPS) for _ in range(dice.randint(1, 6)))
    status = None
    for number in range(LYING_ROUNDS + HONEST_ROUNDS):
        if number == LYING_ROUNDS:
            world.bank.be_honest()
        seconds = dice.choice((2, 20, 60, 150)) if number < LYING_ROUNDS else 600
        process = second_process(world, vault, declaration=declaration)
        process.events.crashes = [dice.random() < 0.15 for _ in range(3)]
        process.offers.crashes = [dice.random() < 0.15 for _ in range(3)]
        with contextlib.suppress(Crash):
            await process.pay(key) if status is None else await process.sweep(seconds)
        with contextlib.suppress(Crash):
            await process.payments.drain()
        found = await world.rows(
            "SELECT id, status::text FROM payments WHERE partner_id = $1 ORDER BY id DESC", world.tenant.partner_id
        )
        status = found[0]["status"] if found else None
        for row in found:
            _check(world, row["id"].hex, row["status"])
        if status in FINAL:
            return


def _check(world: World, payment: str, status: str) -> None:
    paid = world.bank.paid(payment)
    assert len(paid) <= 1, f"paid twice: {world.bank.calls}"
    assert status != "rejected" or not paid, f"a false rejected: {world.bank.calls}"
    assert status not in {"accepted", "settled", "completed"} or paid, f"a false success: {world.bank.calls}"


async def _live_many(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, declaration: Declaration, seeds: range
) -> None:
    """Seeds one after the other at one bank; what an earlier one left unfinished goes on beside the next."""
    # A bank that declares no resend pays whatever it is sent: sending twice is paying twice there.
    dedupes = declaration.recovery_of(OperationKind.SUBMIT) is Recovery.RESEND
    bank = ScriptedBank(id=f"scripted-{seeds.start}", dedupes=dedupes)
    for seed in seeds:
        clock = FakeClock(datetime.now(UTC))
        world = await make_world(database, vault, clock, declaration=declaration, bank=bank)
        try:
            await _live_through(world, vault, random.Random(seed), declaration)  # noqa: S311 - repeatable, not secret
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


@pytest.mark.parametrize("rules", DECLARATIONS)
async def test_fifty_deaths_of_two_hundred(database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, rules: str) -> None:
    """Whatever dies, the bank's books hold one payment or none, and no status says what is not so."""
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    first = list(DECLARATIONS).index(rules) * SEEDS
    lanes = [range(first + lane, first + SEEDS, LANES) for lane in range(LANES)]
    await asyncio.gather(*(_live_many(database, vault, DECLARATIONS[rules], seeds) for seeds in lanes))
    ends = Counter(row["status"] for row in await database.fetch("SELECT status::text FROM payments"))
    assert ends["completed"] + ends["settled"] + ends["accepted"] > SEEDS / 4, f"the deaths prove little: {ends}"
