"""Killed after each step of consent, return and payment, while the payer comes, refuses, comes twice or never comes."""

import asyncio
import contextlib
import random
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest

from adapters.declaration import Declaration, OperationKind, Recovery
from kernel.ids import new_id
from kernel.masked import Secret
from kernel.sealing import Vault
from payments.journeys.handshakes import Invitation
from payments.journeys.returning import Brought
from tests.support.clock import FakeClock
from tests.support.payer_bank import CONFIRMING, REDIRECTING, STARTING, PayerBank
from tests.support.payments_world import World, make_world, second_process
from tests.support.scripted_bank import Crash

# For each of four kinds of bank.
SEEDS = 24
LYING_ROUNDS, HONEST_ROUNDS = 9, 12
PROOF_SECONDS = 1_500
STEPS = ("ok", "ok", "ok", "lost_before", "lost_after", "never_left", "crash_before", "crash_after", "garbage")
DECLARATIONS = {
    "redirect, then resend": replace(REDIRECTING, absence_proven_after_seconds=PROOF_SECONDS),
    "redirect, then enquire": replace(
        REDIRECTING, absence_proven_after_seconds=PROOF_SECONDS, recovery={OperationKind.SUBMIT: Recovery.ENQUIRE}
    ),
    "start": STARTING,
    "redirect, funds, then resend": replace(CONFIRMING, absence_proven_after_seconds=PROOF_SECONDS),
}
LANES = 4
ENDED = {"settled", "completed", "rejected", "cancelled", "expired"}
UNPAID = {"rejected", "cancelled", "expired"}


class Payer:
    """Somebody who goes where they are sent, or does not."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._codes: list[str] = []
        self._mood = dice.choice(("comes", "comes", "comes", "comes twice", "refuses", "never"))

    async def act(self, process: World, payment: UUID) -> None:
        """Do something, if they have been sent out."""
        view = await process.payments.get(process.caller, payment)
        bank, url = process.bank, view.authorisation.url if view.authorisation else None
        assert isinstance(bank, PayerBank)
        if self._mood == "never" or (url is None and not self._codes) or self._dice.random() < 0.3:
            return
        which = re.search(r"C-(\d+)", url or "")
        if self._mood == "refuses" and which:
            bank.refuse(int(which[1]))
        elif which:
            self._codes.append(bank.authorise(int(which[1])))
        state, code = await _state(process, payment), self._codes[0] if self._codes else None
        brought = Brought(state=state, code=Secret(code) if code else None, refused=self._mood == "refuses")
        for _ in range(2 if self._mood == "comes twice" else 1):
            await process.payments.returned(process.bank.id, brought)
        if self._mood != "comes twice":
            self._codes.clear()


async def _state(process: World, payment: UUID) -> Secret:
    (row,) = await process.rows(
        "SELECT partner_id, id, sealed_handshake FROM authorisations WHERE payment_id = $1", payment
    )
    sealed, bound = row["sealed_handshake"], b"authorisations.handshake:" + row["id"].bytes
    return Invitation.from_json(await process.tools.vault.open(row["partner_id"], sealed, bound)).handshake.state


async def _live_through(world: World, vault: Vault, dice: random.Random, declaration: Declaration) -> None:
    """One payment, killed at random places; each death is followed by another process."""
    key, payer = str(new_id(world.clock.now())), Payer(dice)
    world.bank.script.clear()
    world.bank.then(dice.choice(STEPS) for _ in range(dice.randint(1, 8)))
    found = None
    for number in range(LYING_ROUNDS + HONEST_ROUNDS):
        if number == LYING_ROUNDS:
            world.bank.be_honest()
        honest = number >= LYING_ROUNDS
        process = second_process(world, vault, declaration=declaration)
        process.events.crashes = [dice.random() < 0.15 and not honest for _ in range(3)]
        process.offers.crashes = [dice.random() < 0.15 and not honest for _ in range(3)]
        with contextlib.suppress(Crash):
            await process.pay(key, 1) if found is None else await process.sweep(
                1_000 if honest else dice.choice((2, 20, 60, 150))
            )
        if found is not None:
            with contextlib.suppress(Crash):
                await payer.act(process, found["id"])
        with contextlib.suppress(Crash):
            await process.payments.drain()
        found = await world.pool.fetchrow(
            "SELECT id, status::text FROM payments WHERE partner_id = $1", world.tenant.partner_id
        )
        if found is not None:
            _check(world, found["id"].hex, found["status"])
    assert found is None or found["status"] in ENDED, f"left as {found['status']}: {world.bank.calls[-12:]}"


def _check(world: World, payment: str, status: str) -> None:
    paid = world.bank.paid(payment)
    assert len(paid) <= 1, f"paid twice: {world.bank.calls}"
    assert status not in UNPAID or not paid, f"a false {status}: {world.bank.calls}"
    assert status not in {"accepted", "settled", "completed"} or paid, f"a false success: {world.bank.calls}"


async def _live_many(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, declaration: Declaration, seeds: range
) -> None:
    dedupes = declaration.recovery_of(OperationKind.SUBMIT) is Recovery.RESEND or declaration is STARTING
    for seed in seeds:
        bank = PayerBank(id=f"scripted-{seed}", dedupes=dedupes, declaration=declaration)
        clock = FakeClock(datetime.now(UTC))
        world = await make_world(database, vault, clock, declaration=declaration, bank=bank)
        try:
            await _live_through(world, vault, random.Random(seed), declaration)  # noqa: S311 - repeatable, not secret
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


@pytest.mark.parametrize("rules", DECLARATIONS)
async def test_whatever_dies_is_resolved_by_itself_once(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, rules: str
) -> None:
    """The books hold one payment or none, no status says what is not so, and nothing is left open."""
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    first = list(DECLARATIONS).index(rules) * SEEDS
    lanes = [range(first + lane, first + SEEDS, LANES) for lane in range(LANES)]
    await asyncio.gather(*(_live_many(database, vault, DECLARATIONS[rules], seeds) for seeds in lanes))
    ends = Counter(row["status"] for row in await database.fetch("SELECT status::text FROM payments"))
    assert ends["completed"] + ends["settled"] > SEEDS / 5, f"the deaths prove little: {ends}"
    held = await database.fetchval("SELECT count(*) FROM submissions WHERE state = 'held'")
    open_exceptions = await database.fetch("SELECT code FROM payment_exceptions")
    assert (held, open_exceptions) == (0, [])
    assert await database.fetchval("SELECT count(*) FROM authorisations WHERE sealed_grant IS NOT NULL") == 0
