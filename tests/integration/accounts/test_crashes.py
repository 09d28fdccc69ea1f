"""Killed after each step of consent and callback: resolved by itself, once."""

import asyncio
import contextlib
import random
from uuid import UUID

import asyncpg
import pytest

from accounts.consents.states import FINAL_STATES, ConsentState
from kernel.sealing import Vault
from tests.support.account_bank import AccountBank
from tests.support.accounts_world import AccountsWorld, dying, make_accounts_world, restarted
from tests.support.clock import FakeClock
from tests.support.dying import Killed
from tests.support.scripted_bank import Crash

Pool = "asyncpg.Pool[asyncpg.Record]"
STEPS = ("ok", "ok", "never_left", "lost_before", "lost_after", "crash_before", "crash_after", "garbage")
SEEDS = 12
ENDS = {ConsentState.AUTHORISED, *FINAL_STATES}


async def _killed(world: AccountsWorld) -> AccountsWorld:
    """What was under way dies with the process; another one takes its place."""
    await world.accounts.settle()
    return restarted(world)


async def _newest(world: AccountsWorld) -> asyncpg.Record:
    row = await world.pool.fetchrow(
        "SELECT * FROM account_consents WHERE partner_id = $1 ORDER BY id DESC LIMIT 1", world.tenant.partner_id
    )
    assert row is not None
    return row


@pytest.mark.parametrize("codes", [True, False], ids=["code", "asked"])
@pytest.mark.parametrize("step", ["crash_before", "crash_after"])
@pytest.mark.parametrize("call", ["consent", "authorise", "end"])
async def test_a_death_at_each_call_is_resolved(
    database: Pool, vault: Vault, clock: FakeClock, *, codes: bool, step: str, call: str
) -> None:
    """The process dies while the bank is called; another one brings the consent to an end that the bank agrees with."""
    world = await make_accounts_world(database, vault, clock, codes=codes)
    world.bank.then({"consent": [step], "authorise": ["ok", step], "end": []}[call])
    consent_id = (await world.ask()).consent.id
    world = await _killed(world)
    await world.settled(consent_id, rounds=3)
    if await world.status(consent_id) is ConsentState.AWAITING_AUTHORISATION and call != "authorise":
        code = world.bank.authorise(await world.at_bank(consent_id))
        await world.come_back(consent_id, code if codes else None)
    elif await world.status(consent_id) is ConsentState.AWAITING_AUTHORISATION:
        world.bank.script[:] = [step] if codes else []
        code = world.bank.authorise(await world.at_bank(consent_id))
        await world.come_back(consent_id, code if codes else None)
        world = await _killed(world)
    if call == "end":
        world.bank.then([step])
        await world.accounts.end_consent(world.caller, consent_id)
        world = await _killed(world)
    await world.settled(consent_id, rounds=6, seconds=60)
    await _agrees(world, consent_id)


async def _agrees(world: AccountsWorld, consent_id: object) -> None:
    """Ours is over or authorised, told once, and the bank would let nobody read that we would not."""
    row = await _newest(world)
    assert row["id"] == consent_id
    status = ConsentState(row["status"])
    assert status in ENDS, status
    told = await world.event_types()
    assert told.count(f"consent.{status}") == 1
    assert len(told) == len(set(told))
    alive = [each.id for each in world.bank.alive()]
    assert alive == ([row["bank_consent_id"]] if status is ConsentState.AUTHORISED else [])
    assert row["lease_until"] is None or status is ConsentState.AUTHORISED


@pytest.mark.parametrize("codes", [True, False], ids=["code", "asked"])
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_whatever_fails_when_it_ends_once(
    database: Pool, vault: Vault, clock: FakeClock, *, codes: bool, seed: int
) -> None:
    """Deaths, losses and lies in any order, the browser back twice, a partner that may end it: one end, told once."""
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    world = await make_accounts_world(database, vault, clock, codes=codes)
    world.bank.then(dice.choice(STEPS) for _ in range(dice.randint(1, 6)))
    world.payments.events.crashes = [dice.random() < 0.2 for _ in range(3)]
    consent_id = (await world.ask()).consent.id
    ends = dice.random() < 0.3
    for number in range(14):
        world = await _killed(world)
        if number == 9:
            world.bank.script.clear()
        with contextlib.suppress(Crash):
            await world.sweep(dice.choice((1, 30, 90)))
        await _holder(world, consent_id, dice)
        if ends and number == 7:
            with contextlib.suppress(Crash):
                await world.accounts.end_consent(world.caller, consent_id)
    await world.settled(consent_id, rounds=8, seconds=1_800)
    await _agrees(world, consent_id)


async def _holder(world: AccountsWorld, consent_id: object, dice: random.Random) -> None:
    """A holder who may come back, perhaps twice."""
    row = await _newest(world)
    bank: AccountBank = world.bank
    if row["status"] != "awaiting_authorisation" or dice.random() < 0.4:
        return
    code = bank.authorise(row["bank_consent_id"]) if row["returned_at"] is None else "again"
    for _ in range(dice.choice((1, 2))):
        with contextlib.suppress(Crash, asyncio.CancelledError):
            await world.come_back(row["id"], code if bank.codes else None)
    assert row["id"] == consent_id


async def test_the_browsers_word_is_committed_before_it_is_answered(
    database: Pool, vault: Vault, clock: FakeClock
) -> None:
    """A process that dies right after the commit leaves the code to the next one, which exchanges it once."""
    world = await make_accounts_world(database, vault, clock)
    consent_id = (await world.ask()).consent.id
    code = world.bank.authorise("bc-1")
    await world.accounts.drain()  # Nothing is begun here any more: the process is ending.
    returned = await world.come_back(consent_id, code)
    assert returned is not None
    assert returned.consent.status is ConsentState.AWAITING_AUTHORISATION
    world = restarted(world)
    await world.sweep(1)
    assert await world.status(consent_id) is ConsentState.AUTHORISED
    assert world.bank.calls.count("authorise") == 1


STAGES = ("asking", "returning", "ending")
each_stage = pytest.mark.parametrize("stage", STAGES)
each_way = pytest.mark.parametrize("codes", [True, False], ids=["code", "asked"])
SHORT_STRIDE = 4


@each_way
@each_stage
async def test_a_death_before_some_statements_is_resolved(
    database: Pool, vault: Vault, clock: FakeClock, *, codes: bool, stage: str
) -> None:
    """The long run's short form."""
    assert await _killed_each(await make_accounts_world(database, vault, clock, codes=codes), stage, SHORT_STRIDE)


@pytest.mark.long
@each_way
@each_stage
async def test_a_death_before_each_statement_is_resolved(
    database: Pool, vault: Vault, clock: FakeClock, *, codes: bool, stage: str
) -> None:
    """Killed before any statement of asking, of the callback with the exchange, or of the end: resolved, told once."""
    assert await _killed_each(await make_accounts_world(database, vault, clock, codes=codes), stage, 1) > 5


async def _killed_each(world: AccountsWorld, stage: str, stride: int) -> int:
    """Until a process gets through; how many died."""
    deaths = 0
    while await _killed_at(world, stage, 1 + deaths * stride):
        deaths += 1
    return deaths


async def _killed_at(world: AccountsWorld, stage: str, at: int) -> bool:
    """One consent whose process dies there; whether it came so far at all."""
    other, pool = dying(world, at)
    consent_id = await _asked(world, other if stage == "asking" else world)
    if consent_id is None:
        return True  # It died before the commit: the partner asks again with its key.
    code = world.bank.authorise(await world.at_bank(consent_id))
    returning = (other if stage == "returning" else world).come_back
    with contextlib.suppress(Killed):
        await returning(consent_id, code if world.bank.codes else None)
    await other.accounts.settle()
    if stage == "returning":
        await world.come_back(consent_id, code if world.bank.codes else None)  # The browser tries once more.
    await world.settled(consent_id, rounds=4, seconds=60)
    if stage == "ending":
        with contextlib.suppress(Killed):
            await other.accounts.end_consent(world.caller, consent_id)
        await other.accounts.settle()
        await world.settled(consent_id, rounds=4, seconds=60)
    await _resolved(world, consent_id)
    return pool.is_dead


async def _asked(world: AccountsWorld, process: AccountsWorld) -> UUID | None:
    """Ask in that process, and let another one go on after it died; None where nothing was committed."""
    before = len(world.bank.consents)
    with contextlib.suppress(Killed):
        await process.ask()
    await process.accounts.settle()
    row = await world.pool.fetchrow(
        "SELECT id FROM account_consents WHERE partner_id = $1 AND ended_at IS NULL AND authorised_at IS NULL",
        world.tenant.partner_id,
    )
    if row is None:
        assert len(world.bank.consents) == before  # Nothing is asked of the bank before the commit.
        return None
    await world.settled(row["id"], rounds=2, seconds=40)
    assert await world.status(row["id"]) is ConsentState.AWAITING_AUTHORISATION
    found: UUID = row["id"]
    return found


async def _resolved(world: AccountsWorld, consent_id: UUID) -> None:
    """It has come to its end or is in force, its events say so once, and the bank agrees."""
    row = await world.pool.fetchrow("SELECT * FROM account_consents WHERE id = $1", consent_id)
    assert row is not None
    status = ConsentState(row["status"])
    assert status in ENDS
    assert not row["must_end"]
    told = [
        each["type"] for each in await world.pool.fetch("SELECT type FROM events WHERE ordering_key = $1", consent_id)
    ]
    assert told.count(f"consent.{status}") == 1
    assert len(told) == len(set(told))
    alive = [each.id for each in world.bank.alive()]
    assert (row["bank_consent_id"] in alive) is (status is ConsentState.AUTHORISED)
    if status is ConsentState.EXPIRED:  # Only where the one use of the code may have been made.
        assert not world.bank.consents[row["bank_consent_id"]].codes
