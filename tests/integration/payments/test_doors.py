"""Concurrency at the doors: keys, caps, suspensions, cancels, notifications, and two persons."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from adapters.contract import Verdict
from kernel.errors import Conflict, Forbidden, Invalid
from kernel.ids import new_id
from kernel.money import Money
from kernel.sealing import Vault
from payments.operators.evidence import OperatorEvidence
from payments.operators.proposals import Actor, Proposal
from payments.policy import Caps, PaymentsPolicy
from tests.support.clock import FakeClock
from tests.support.payments_world import World, add_bank, make_world, second_process, until


@pytest.fixture
async def world(database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock) -> World:
    return await make_world(database, vault, clock)


async def test_fifty_twins_make_one_payment(world: World, vault: Vault) -> None:
    """Fifty POSTs with one key at once, over two processes: one payment at the bank, one answer for all."""
    other = second_process(world, vault)
    answers = await asyncio.gather(*((world, other)[n % 2].pay("same") for n in range(50)))
    assert len({answer.payment.id for answer in answers}) == 1
    assert Counter(answer.repeated for answer in answers) == {True: 49, False: 1}
    assert len(world.bank.books) == 1


async def test_daily_caps_hold_under_concurrency(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """Of fifty at once, only as many as the cap allows are made."""
    policy = PaymentsPolicy(caps={"GBP": Caps(payment_max=5_000, merchant_day_max=10_000)})
    world = await make_world(database, vault, clock, policy=policy)
    tries = [world.pay(f"key-{n}", amount=Money("GBP", 1_000)) for n in range(50)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Conflict)]
    assert {error.problem_code for error in refused} == {"daily_cap_reached"}
    assert (len(refused), len(world.bank.books)) == (40, 10)
    with pytest.raises(Invalid) as over:
        await world.pay("big", amount=Money("GBP", 5_001))
    assert [error.code for error in over.value.errors] == ["over_cap"]


@pytest.mark.parametrize(
    ("stop", "go"),
    [
        ("UPDATE banks SET state = 'suspended'", "UPDATE banks SET state = 'active'"),
        ("UPDATE partners SET state = 'suspended'", "UPDATE partners SET state = 'active'"),
        ("UPDATE oauth_clients SET state = 'suspended'", "UPDATE oauth_clients SET state = 'active'"),
    ],
)
async def test_suspended_intents_wait(world: World, stop: str, go: str) -> None:
    """While something is suspended intents wait as queued; a second after the resume they are sent."""
    await world.pool.execute(stop)
    created = await world.pay()
    assert (created.status_code, created.payment.status.value) == (202, "queued")
    assert await world.sweep(60) == 0
    assert world.bank.calls == []
    await world.pool.execute(go)
    assert await world.sweep(1) == 1
    assert await world.status(created.payment.id) == "accepted"


async def test_a_suspension_between_intent_and_call_is_in_force(world: World) -> None:
    """What was created before a suspension and not sent yet waits as well."""
    world.payments._runner._draining = True
    created = await world.pay(wait_seconds=0)
    await world.pool.execute("UPDATE banks SET state = 'suspended'")
    await world.sweep(20)
    assert await world.status(created.payment.id) == "queued"
    assert world.bank.calls == []


async def test_a_scheduled_payment_waits_for_its_time(world: World) -> None:
    """It is sent when its time has come, and not before."""
    created = await world.pay(execute_at=world.clock.now() + timedelta(hours=1))
    assert (created.status_code, created.payment.status.value) == (202, "scheduled")
    assert await world.sweep(3_599) == 0
    await world.sweep(1)
    assert await world.status(created.payment.id) == "accepted"


async def test_an_unsent_payment_grows_too_old(world: World) -> None:
    """What waited a day is not sent any more."""
    await world.pool.execute("UPDATE partners SET state = 'suspended'")
    created = await world.pay()
    world.clock.advance(86_400)
    await world.pool.execute("UPDATE partners SET state = 'active'")
    await world.sweep(1)
    assert await world.status(created.payment.id) == "expired"
    assert world.bank.calls == []


async def test_what_was_not_sent_is_cancelled_at_once(world: World) -> None:
    """Queued and scheduled payments are withdrawn without the bank, and never sent later."""
    created = await world.pay(execute_at=world.clock.now() + timedelta(hours=1))
    view = await world.payments.cancel(world.caller, created.payment.id)
    assert view.status.value == "cancelled"
    assert (await world.payments.cancel(world.caller, created.payment.id)).status.value == "cancelled"
    assert await world.sweep(7_200) == 0
    assert (await world.event_types())[-1] == "payment.cancelled"


async def test_the_bank_is_asked_to_cancel_what_it_has(world: World) -> None:
    """Cancelled means that the bank said so."""
    created = await world.pay()
    assert (await world.payments.cancel(world.caller, created.payment.id)).status.value == "cancelled"
    assert world.bank.calls == ["submit", "cancel"]


async def test_what_nobody_knows_is_not_said_to_have_moved(world: World) -> None:
    """A payment of unknown outcome cannot be withdrawn, and the answer claims neither that money moved nor that not."""
    world.bank.then(["lost_after"])
    created = await world.pay()
    with pytest.raises(Conflict) as refused:
        await world.payments.cancel(world.caller, created.payment.id)
    assert refused.value.detail == "the payment is outcome unknown and cannot be cancelled"
    assert refused.value.action is not None
    assert refused.value.action.startswith("Nobody knows yet whether the bank has it: do not pay again.")


async def test_a_refused_cancel_is_told_as_such(world: World) -> None:
    """The bank's refusal to withdraw is no refusal of the payment, and is never shown as a cancel."""
    created = await world.pay()
    world.bank.then(["reject"])
    with pytest.raises(Conflict) as refused:
        await world.payments.cancel(world.caller, created.payment.id)
    assert refused.value.problem_code == "not_cancellable"
    assert (
        refused.value.action == "The bank did not withdraw it, so the payment goes on there: read what becomes of it."
    )
    assert await world.status(created.payment.id) == "accepted"
    assert await world.exceptions() == []


async def test_an_unknown_outcome_cannot_be_cancelled(world: World) -> None:
    """Nobody knows what there would be to cancel."""
    world.bank.then(["lost_after"])
    created = await world.pay()
    with pytest.raises(Conflict) as refused:
        await world.payments.cancel(world.caller, created.payment.id)
    assert "outcome unknown" in refused.value.detail


def _notification(reference: str, verdict: str = "settled") -> bytes:
    return f'{{"verdict":"{verdict}","reference":"{reference}"}}'.encode()


async def _reference(world: World) -> str:
    return str((await world.rows("SELECT end_to_end_id FROM submissions"))[0]["end_to_end_id"])


async def test_a_notification_may_come_before_the_response(world: World) -> None:
    """Both are evidence of one payment; the later one says nothing new."""
    world.bank.then(["hang"])
    created = await world.pay(wait_seconds=0)
    await until(lambda: bool(world.bank.calls))
    await world.inbox.accept("scripted", _notification(await _reference(world)), {"signature": "true"})
    await world.inbox_worker.run_once()
    assert await world.status(created.payment.id) == "settled"
    world.bank.gate.set()
    await world.payments.drain()
    assert await world.status(created.payment.id) == "settled"
    assert await world.exceptions() == []


async def test_a_notification_twice_at_once_counts_once(world: World, vault: Vault) -> None:
    """Two gateways take it, two workers look: one row, one change, one event."""
    await world.pay()
    other = second_process(world, vault)
    raw = _notification(await _reference(world))
    await asyncio.gather(*(each.inbox.accept("scripted", raw, {"signature": "true"}) for each in (world, other) * 5))
    await asyncio.gather(*(each.inbox_worker.run_once() for each in (world, other)))
    assert len(await world.rows("SELECT FROM bank_notifications")) == 1
    assert (await world.event_types()).count("payment.settled") == 1


async def test_a_forged_notification_changes_nothing(world: World) -> None:
    """It is kept, refused and never applied, and does not stand in the true one's way."""
    created = await world.pay()
    raw = _notification(await _reference(world), "returned")
    with pytest.raises(Forbidden) as refused:
        await world.inbox.accept("scripted", raw, {})
    assert refused.value.problem_code == "bad_signature"
    assert await world.inbox_worker.run_once() == 0
    assert await world.status(created.payment.id) == "accepted"
    await world.inbox.accept("scripted", raw, {"signature": "true"})
    await world.inbox_worker.run_once()
    assert await world.status(created.payment.id) == "returned"


async def test_a_notification_about_nothing_of_ours_waits_for_a_day(world: World) -> None:
    """It is tried again with growing pauses, then left to a person."""
    await world.inbox.accept("scripted", _notification("NOBODYS"), {"signature": "true"})
    looked = 0
    for _ in range(60):
        looked += await world.inbox_worker.run_once()
        world.clock.advance(1_800)
    assert 10 < looked < 40
    rows = await world.rows("SELECT outcome FROM bank_notifications")
    assert [row["outcome"] for row in rows] == ["unmatched"]


async def test_a_notification_moves_only_the_payment_that_it_names(world: World, vault: Vault) -> None:
    """Another partner's payment at the same bank stays as it is."""
    other = await make_world(world.pool, vault, world.clock)
    mine, theirs = await world.pay("a"), await other.pay("a")
    rows = await world.rows("SELECT end_to_end_id FROM submissions WHERE partner_id = $1", other.tenant.partner_id)
    await world.inbox.accept("scripted", _notification(rows[0]["end_to_end_id"]), {"signature": "true"})
    await world.inbox_worker.run_once()
    assert await world.status(mine.payment.id) == "accepted"
    assert await other.status(theirs.payment.id) == "settled"


async def test_two_persons_end_what_no_bank_will_answer(world: World) -> None:
    """One proposes, another confirms; the same one cannot, and a proposal alone changes nothing."""
    world.bank.then(["wrong_amount"])
    created = await world.pay()
    operators = OperatorEvidence(world.tools)
    first, second = (Actor(id=new_id(world.clock.now()), request_id="r") for _ in range(2))
    proposal = Proposal(payment_id=created.payment.id, verdict=Verdict.COMPLETED, note="seen on the statement")
    proposed = await operators.propose(proposal, first)
    with pytest.raises(Forbidden):
        await operators.confirm(created.payment.id, proposed.id, first)
    assert await world.status(created.payment.id) == "outcome_unknown"
    view = await operators.confirm(created.payment.id, proposed.id, second)
    assert view.status.value == "completed"
    with pytest.raises(Conflict):
        await operators.confirm(created.payment.id, proposed.id, second)
    assert await world.rows("SELECT FROM payment_exceptions WHERE closed_at IS NULL") == []
    actions = await world.rows("SELECT action FROM audit_log ORDER BY action")
    assert [row["action"] for row in actions] == ["payment_evidence.confirmed", "payment_evidence.proposed"]


async def test_only_the_newest_proposal_can_be_confirmed(world: World) -> None:
    """Two that contradict each other never both count; what was written is read again, and told in the audit log."""
    world.bank.then(["wrong_amount"])
    created = await world.pay()
    world.clock.advance(60)
    operators = OperatorEvidence(world.tools)
    first, second = (Actor(id=new_id(world.clock.now()), request_id="r") for _ in range(2))
    wrong = await operators.propose(_proposal(created.payment.id, Verdict.REJECTED, "misread"), first)
    right = await operators.propose(_proposal(created.payment.id, Verdict.COMPLETED, "on the statement"), first)
    assert (wrong.replaces, right.replaces) == (None, wrong.id)
    with pytest.raises(Conflict) as replaced:
        await operators.confirm(created.payment.id, wrong.id, second)
    assert replaced.value.problem_code == "proposal_replaced"
    await operators.confirm(created.payment.id, right.id, second)
    shown = await operators.proposals(created.payment.id)
    assert [(view.note, view.state.value) for view in shown] == [
        ("on the statement", "confirmed"),
        ("misread", "replaced"),
    ]
    assert (shown[0].confirmed_by, shown[0].proposed.proposed_by) == (second.id, first.id)
    details = [row["detail"] for row in await world.rows("SELECT detail::text FROM audit_log ORDER BY id")]
    assert sum("completed" in detail and "prp_" in detail for detail in details) == 2, details
    assert "misread" not in "".join(details)


async def test_nothing_is_proposed_that_the_state_does_not_allow(world: World) -> None:
    """A payment that ended moves no more, except where the tables of moves let two persons correct a refusal."""
    world.bank.then(["reject"])
    created = await world.pay()
    operators, actor = OperatorEvidence(world.tools), Actor(id=new_id(world.clock.now()), request_id="r")
    with pytest.raises(Conflict) as refused:
        await operators.propose(_proposal(created.payment.id, Verdict.RETURNED, "x"), actor)
    assert refused.value.problem_code == "evidence_refused"
    counting = "accepted, settled, completed, rejected, cancelled"
    assert refused.value.detail.endswith(f"does not allow returned; the verdicts that count now: {counting}")
    await operators.propose(_proposal(created.payment.id, Verdict.SETTLED, "on the statement"), actor)


def _proposal(payment_id: UUID, verdict: Verdict, note: str) -> Proposal:
    return Proposal(payment_id=payment_id, verdict=verdict, note=note)


async def test_drain_waits_for_the_call(world: World) -> None:
    """A process that is told to stop ends its bank calls first; a partner that went away cancelled nothing."""
    world.bank.then(["hang"])
    request = asyncio.create_task(world.pay())
    await until(lambda: bool(world.bank.calls))
    request.cancel()
    draining = asyncio.create_task(world.payments.drain())
    await asyncio.sleep(0)
    assert not draining.done()
    world.bank.gate.set()
    await draining
    assert [row["status"] for row in await world.rows("SELECT status::text FROM payments")] == ["accepted"]


async def test_a_dead_bank_does_not_delay_another(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """A bank whose calls hang holds its own share of the sweeper and nothing else."""
    world = await make_world(database, vault, clock, policy=PaymentsPolicy(bank_concurrency=2))
    await add_bank(database, vault, "dead")
    world.bank.dead = {"dead"}
    world.payments._runner._draining = True
    for number in range(5):
        await world.pay(f"key-{number}", wait_seconds=0, bank_id="dead")
    alive = await world.pay("alive", wait_seconds=0)
    world.clock.advance(60)
    assert await world.sweeper.run_once() == 3
    await until(lambda: world.sweeper._runner.busy("scripted") == 0)
    assert await world.status(alive.payment.id) == "accepted"
    assert await world.sweeper.run_once() == 0
    world.bank.gate.set()
    await world.sweeper.settle()


async def test_a_bank_that_cannot_be_read_harms_no_other(world: World) -> None:
    """Settings that do not open take their own bank away, and no other."""
    await world.pool.execute(
        "INSERT INTO banks (id, adapter, environment, name, sealed_settings)"
        " SELECT 'broken', adapter, environment, name, '\\x00' FROM banks"
    )
    assert [bank.bank.id for bank in await world.payments.banks(world.tenant.environment)] == ["scripted"]
    assert (await world.pay()).status_code == 201
