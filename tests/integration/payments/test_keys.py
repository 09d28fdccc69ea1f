"""Request keys, sentence by sentence: what binds them, what they answer, and that nothing leaves one stuck."""

import asyncio
import contextlib

import asyncpg
import pytest

from kernel.errors import Conflict, Invalid
from kernel.money import Money
from kernel.sealing import Vault
from tests.support.clock import FakeClock
from tests.support.payments_world import World, make_world, second_process
from tests.support.scripted_bank import Crash


@pytest.fixture
async def world(database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock) -> World:
    return await make_world(database, vault, clock)


@pytest.mark.parametrize("step", ["in the transaction", "after the commit", "before the bank", "after the bank"])
async def test_a_process_that_dies_leaves_no_key_stuck(world: World, vault: Vault, step: str) -> None:
    """Whatever the step, another process answers the same key at once; and one payment comes of it at most."""
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    victim = second_process(world, vault)
    victim.events.crashes = [step == "in the transaction"]
    victim.offers.crashes = [step == "after the commit"]
    world.bank.then({"before the bank": ["crash_before"], "after the bank": ["crash_after"]}.get(step, []))
    with contextlib.suppress(Crash):
        await victim.pay("same")
    with contextlib.suppress(Crash):
        await victim.payments.drain()
    answer = await world.pay("same", wait_seconds=0)
    assert answer.status_code in {201, 202}
    assert answer.repeated is (step != "in the transaction")
    await world.payments.drain()
    for seconds in (30, 60, 600):
        await world.sweep(seconds)
    again = await second_process(world, vault).pay("same")
    assert (again.payment.id, again.repeated) == (answer.payment.id, True)
    assert len(await world.rows("SELECT FROM payments")) == 1
    # What never reached the bank is rejected once its absence is proven, and not sent again.
    assert len(world.bank.books) == (0 if step == "before the bank" else 1)


async def test_a_repeat_shows_the_present_state_under_the_first_status_code(world: World) -> None:
    """201 stays 201 and 202 stays 202, while the payment itself goes on."""
    world.bank.then(["lost_after"])
    first = await world.pay("late")
    assert (first.status_code, first.payment.status.value) == (202, "outcome_unknown")
    await world.sweep(60)
    repeat = await world.pay("late")
    assert (repeat.status_code, repeat.repeated) == (202, True)
    assert repeat.payment.status.value != "outcome_unknown"
    prompt = await world.pay("prompt")
    assert [(await world.pay("prompt")).status_code for _ in range(2)] == [prompt.status_code] * 2 == [201, 201]


async def test_only_a_committed_intent_binds_a_key(world: World) -> None:
    """After a refusal the key is free for the corrected request; after that, any other is refused."""
    with pytest.raises(Invalid):
        await world.pay("key", amount=Money("EUR", 5))
    await world.pay("key", amount=Money("GBP", 5))
    with pytest.raises(Conflict) as other:
        await world.pay("key", amount=Money("GBP", 6))
    assert other.value.problem_code == "idempotency_key_reused"


async def test_a_key_belongs_to_its_partner(world: World, vault: Vault) -> None:
    """Two partners with the same key make two payments."""
    other = await make_world(world.pool, vault, world.clock)
    mine, theirs = await world.pay("same"), await other.pay("same")
    assert mine.payment.id != theirs.payment.id
    assert not theirs.repeated
