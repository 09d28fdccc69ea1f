"""Another bank is tried only where the chosen one has not got the payment and will not get it."""

import asyncpg
import pytest

from kernel.sealing import Vault
from payments.routing.rule import Rule
from tests.support.clock import FakeClock
from tests.support.payments_world import World, add_bank, make_world

REFUSED, ACCEPTED, NEVER_LEFT = "rejected", "accepted", "never_left"


@pytest.fixture
async def world(database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock) -> World:
    """Two banks of one protocol; in the order of their ids `another` is the first."""
    world = await make_world(database, vault, clock)
    await add_bank(database, vault, "another", world.bank.id)
    return world


async def submissions(world: World) -> list[tuple[str, str]]:
    """Where it was tried, and what became of each try."""
    rows = await world.rows("SELECT bank_id, state::text AS state FROM submissions ORDER BY sequence")
    return [(row["bank_id"], row["state"]) for row in rows]


async def test_where_no_byte_left_the_next_bank_is_tried_at_once(world: World) -> None:
    """The payment moves with its new submission, is paid once, and tells why its bank was chosen."""
    world.bank.then(["never_left"])
    created = await world.pay(bank_id=None)
    assert (created.payment.status.value, created.status_code) == ("queued", 202)
    await world.sweep()
    view = await world.payments.get(world.caller, created.payment.id)
    assert (view.status.value, view.bank_id) == ("accepted", "scripted")
    assert await submissions(world) == [("another", NEVER_LEFT), ("scripted", ACCEPTED)]
    assert view.routing is not None
    assert view.routing["bank_id"] == "another"
    assert len(world.bank.books) == 1


async def test_after_the_last_bank_the_first_is_tried_again_but_not_in_a_hurry(world: World) -> None:
    """Banks that cannot be reached are tried in turn, with the pauses of submitting again."""
    world.bank.then(["never_left"] * 3)
    created = await world.pay(bank_id=None)
    await world.sweep()
    assert await world.sweep() == 0
    await world.sweep(2)
    await world.sweep()
    assert await world.status(created.payment.id) == "accepted"
    banks = [bank for bank, _ in await submissions(world)]
    assert banks == ["another", "scripted", "another", "scripted"]
    assert len(world.bank.books) == 1


async def test_a_bank_that_refuses_for_its_own_reason_leaves_the_payment_to_the_next(world: World) -> None:
    """The refusal is kept as evidence; the second bank pays."""
    world.bank.then(["no_funds"])
    created = await world.pay(bank_id=None)
    await world.sweep()
    assert await submissions(world) == [("another", REFUSED), ("scripted", ACCEPTED)]
    assert await world.status(created.payment.id) == "accepted"
    verdicts = {row["verdict"] for row in await world.rows("SELECT verdict FROM payment_evidence WHERE applied")}
    assert verdicts == {"rejected", "accepted"}
    assert "payment.rejected" not in await world.event_types()
    assert len(world.bank.paid(created.payment.id.hex)) == 1


async def test_a_refusal_that_speaks_of_another_payment_is_not_believed(world: World) -> None:
    """Whether this bank has ours is not known, so that no other bank may have it, and persons look."""
    world.bank.then(["no_funds_for_another"])
    created = await world.pay(bank_id=None)
    await world.sweep()
    assert await world.status(created.payment.id) == "outcome_unknown"
    assert len(await submissions(world)) == 1
    assert await world.exceptions() == ["reference_mismatch"]


async def test_a_refusal_of_the_payment_itself_is_the_end(world: World) -> None:
    """Without a reason that is the bank's own, another bank would refuse it as well, or should."""
    world.bank.then(["reject"])
    created = await world.pay(bank_id=None)
    assert created.payment.status.value == "rejected"
    assert await submissions(world) == [("another", REFUSED)]


async def test_where_all_refuse_the_payment_is_rejected(world: World) -> None:
    """No bank is asked twice after it refused."""
    world.bank.then(["no_funds", "no_funds"])
    created = await world.pay(bank_id=None)
    await world.sweep()
    assert await world.status(created.payment.id) == "rejected"
    assert await submissions(world) == [("another", REFUSED), ("scripted", REFUSED)]
    assert await world.sweep(10_000) == 0


@pytest.mark.parametrize("lost", ["lost_before", "lost_after", "garbage"])
async def test_what_may_have_reached_a_bank_is_tried_nowhere_else(world: World, lost: str) -> None:
    """As long as the outcome is unknown, and also when the bank says at last that it has nothing."""
    world.bank.then([lost])
    created = await world.pay(bank_id=None)
    assert created.payment.status.value == "outcome_unknown"
    await world.sweep(2)
    await world.sweep(301)
    await world.sweep(10)
    assert len(await submissions(world)) == 1
    assert len(world.bank.books) <= 1


async def test_a_named_bank_is_not_replaced(world: World) -> None:
    """Where the partner named the bank its refusal is the end."""
    world.bank.then(["no_funds"])
    created = await world.pay()
    assert created.payment.status.value == "rejected"
    assert await submissions(world) == [("scripted", REFUSED)]


async def test_only_the_named_banks_are_tried(world: World, vault: Vault) -> None:
    """A third one that could pay is none of the partner's choice; a suspended one is passed over."""
    await add_bank(world.pool, vault, "third", world.bank.id)
    world.bank.then(["no_funds"])
    created = await world.pay(bank_id=None, routing=Rule(banks=("third", "scripted")))
    await world.sweep()
    assert await submissions(world) == [("third", REFUSED), ("scripted", ACCEPTED)]
    assert await world.status(created.payment.id) == "accepted"


@pytest.mark.parametrize("verdict", ["rejected", "cancelled"])
@pytest.mark.parametrize("codes", ["NOFUNDS", "another"])
async def test_what_the_bank_before_says_once_more_ends_nothing(world: World, verdict: str, codes: str) -> None:
    """Its refusal was heard, and the payment is on its way to another bank, which alone can end it now."""
    world.bank.then(["no_funds"])
    created = await world.pay(bank_id=None)
    assert created.payment.status.value == "queued"
    (first,) = await world.rows("SELECT bank_id, end_to_end_id FROM submissions WHERE state = 'rejected'")
    raw = f'{{"verdict":"{verdict}","reference":"{first["end_to_end_id"]}","code":"{codes}"}}'.encode()
    await world.inbox.accept(first["bank_id"], raw, {"signature": "true"})
    await world.inbox_worker.run_once()
    assert await world.status(created.payment.id) == "queued"
    await world.sweep()
    assert await world.status(created.payment.id) == "accepted"
    assert {"payment.rejected", "payment.cancelled"}.isdisjoint(await world.event_types())
    assert await world.exceptions() == []


async def test_a_hint_of_the_bank_before_hurries_no_other(world: World) -> None:
    """The payment is another bank's now: one that has nothing of it any more cannot have that one asked."""
    world.bank.then(["no_funds"])
    await world.pay(bank_id=None)
    await world.pool.execute("UPDATE submissions SET bank_reference = 'before' WHERE state = 'rejected'")
    await world.pool.execute("UPDATE payments SET checks = 7, next_check_at = now() + interval '1 hour'")
    (first,) = await world.rows("SELECT bank_id FROM submissions WHERE state = 'rejected'")
    raw = b'{"verdict":"unknown","hints":[["payment","before",false]]}'
    await world.inbox.accept(first["bank_id"], raw, {"signature": "true"})
    await world.inbox_worker.run_once()
    assert await world.pool.fetchval("SELECT checks FROM payments") == 7
    assert [row["outcome"] for row in await world.rows("SELECT outcome FROM bank_notifications")] == ["ignored"]
