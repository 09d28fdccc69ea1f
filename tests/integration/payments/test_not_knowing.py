"""What happens when the bank does not answer, answers wrongly, or changes its mind."""

import asyncio

import asyncpg
import pytest

from adapters.contract import Verdict
from adapters.declaration import OperationKind, Recovery
from kernel.errors import Conflict
from kernel.sealing import Vault
from payments.calls.advance import Advancer
from payments.calls.cases import Background
from payments.calls.operations import Call
from payments.rows import PaymentRef
from tests.support.clock import FakeClock
from tests.support.payments_world import World, make_world, second_process, until
from tests.support.scripted_bank import declared

RESENDING = declared(recovery={OperationKind.SUBMIT: Recovery.RESEND})


@pytest.fixture
async def world(database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock) -> World:
    return await make_world(database, vault, clock)


async def test_a_lost_answer_is_unknown_until_evidence_comes(world: World) -> None:
    """The bank has it, we do not know: 202, an event that says so, then the truth by enquiry, and one payment."""
    world.bank.then(["lost_after"])
    created = await world.pay()
    assert (created.status_code, created.payment.status.value) == (202, "outcome_unknown")
    recovery = created.payment.to_json()["recovery"]
    assert recovery["strategy"] == "enquire"
    assert recovery["next_check_at"] is not None
    await world.sweep(2)
    assert await world.status(created.payment.id) == "settled"
    assert await world.event_types() == ["payment.created", "payment.outcome_unknown", "payment.settled"]
    assert len(world.bank.books) == 1


async def test_not_found_proves_nothing_before_its_time(world: World) -> None:
    """A bank that says "not found" and accepts later has made one payment, and it was never called rejected."""
    world.bank.then(["late"])
    created = await world.pay()
    await world.sweep(2)
    view = await world.payments.get(world.caller, created.payment.id)
    assert view.status.value == "outcome_unknown"
    assert view.recovery is not None
    assert [(each.verdict, each.refused_why) for each in view.recovery.evidence][-1] == (
        "not_found",
        "absence_not_proven",
    )
    await world.sweep(3)
    await world.sweep(10)
    assert await world.status(created.payment.id) == "settled"
    assert world.bank.calls.count("submit") == 1


async def test_absence_that_is_proven_ends_the_payment(world: World) -> None:
    """After the declared time "not found" is proof: rejected, with the reason, and nothing is sent again."""
    world.bank.then(["lost_before"])
    created = await world.pay()
    await world.sweep(2)
    assert await world.status(created.payment.id) == "outcome_unknown"
    await world.sweep(301)
    view = await world.payments.get(world.caller, created.payment.id)
    assert (view.status.value, view.reason) == ("rejected", "absent_at_bank")
    assert await world.sweep(10_000) == 0
    assert world.bank.calls.count("submit") == 1


async def test_an_enquiry_begun_too_early_proves_nothing(world: World) -> None:
    """What counts is when the bank was asked, not when its answer was read."""
    world.bank.then(["lost_before"])
    created = await world.pay()
    world.clock.advance(299)
    world.bank.then(["hang"])
    await world.sweeper.run_once()
    await until(lambda: "enquire" in world.bank.calls)
    world.clock.advance(100)
    world.bank.gate.set()
    await world.sweeper.settle()
    assert await world.status(created.payment.id) == "outcome_unknown"


async def test_a_late_acceptance_calls_a_person(world: World) -> None:
    """A bank that contradicts its own proof changes nothing by itself, and is not met with silence."""
    world.bank.then(["lost_before"])
    created = await world.pay()
    await world.sweep(301)
    reference = (await world.rows("SELECT end_to_end_id FROM submissions"))[0]["end_to_end_id"]
    raw = b'{"verdict":"accepted","reference":"%s"}' % reference.encode()
    await world.inbox.accept("scripted", raw, {"Signature": "true"})
    await world.inbox_worker.run_once()
    assert await world.status(created.payment.id) == "rejected"
    assert await world.exceptions() == ["late_acceptance"]


async def test_what_a_person_must_decide_first_waits_without_being_looked_at_all_the_time(world: World) -> None:
    """The bank has what our transport says never left: nothing more is sent, and nobody is kept busy meanwhile."""
    world.bank.then(["never_left"])
    created = await world.pay()
    (row,) = await world.rows("SELECT end_to_end_id FROM submissions WHERE state = 'never_left'")
    raw = b'{"verdict":"accepted","reference":"%s"}' % row["end_to_end_id"].encode()
    await world.inbox.accept("scripted", raw, {"Signature": "true"})
    await world.inbox_worker.run_once()
    assert await world.exceptions() == ["late_acceptance"]
    assert sum([await world.sweep(1) for _ in range(60)]) <= 2
    assert await world.status(created.payment.id) == "queued"
    assert world.bank.calls == ["submit"]


async def test_no_absence_is_ever_proven_where_it_is_not_declared(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """`never` means never: after a week two persons decide, and the payment is still not called rejected."""
    declaration = declared(absence_proven_after_seconds=None)
    world = await make_world(database, vault, clock, declaration=declaration)
    world.bank.then(["lost_before"])
    created = await world.pay()
    await world.sweep(3_600)
    await world.sweep(86_400)
    assert await world.status(created.payment.id) == "outcome_unknown"
    await world.sweep(604_800)
    view = await world.payments.get(world.caller, created.payment.id)
    assert view.status.value == "outcome_unknown"
    assert view.recovery is not None
    assert (view.recovery.strategy, view.recovery.next_check_at) == ("hold", None)
    assert await world.exceptions() == ["outcome_unknown"]


async def test_the_same_bytes_are_sent_again_under_the_same_key(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """Where the bank declares it, a resend after "not found" makes one payment."""
    world = await make_world(database, vault, clock, declaration=RESENDING)
    world.bank.then(["lost_before"])
    created = await world.pay()
    for _ in range(4):
        await world.sweep(5)
    assert await world.status(created.payment.id) == "completed"
    assert world.bank.calls[:3] == ["submit", "enquire", "submit"]
    assert len(world.bank.books) == 1
    assert len(await world.rows("SELECT FROM submissions")) == 1


async def test_a_bank_that_calls_the_second_send_a_duplicate_has_refused_nothing(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """The first one was executed: a refusal of the repeat alone ends nothing, and the bank is asked on."""
    world = await make_world(database, vault, clock, declaration=RESENDING)
    world.bank.then(["lost_after", "not_found", "duplicate"])
    created = await world.pay()
    await world.sweep(5)
    await world.sweep(5)
    assert world.bank.calls == ["submit", "enquire", "submit"]
    assert await world.status(created.payment.id) == "outcome_unknown"
    for _ in range(3):
        await world.sweep(10)
    assert await world.status(created.payment.id) in {"settled", "completed"}
    assert len(world.bank.books) == 1


@pytest.mark.parametrize(
    ("step", "code"), [("wrong_amount", "amount_mismatch"), ("wrong_reference", "reference_mismatch")]
)
async def test_an_echo_of_something_else_is_not_believed(world: World, step: str, code: str) -> None:
    """Success about another amount or reference is no success: unknown, a person is called, and the bank asked on."""
    world.bank.then([step])
    created = await world.pay()
    assert (created.payment.status.value, created.status_code) == ("outcome_unknown", 202)
    assert await world.exceptions() == [code]
    for _ in range(3):
        await world.sweep(60)
    assert await world.status(created.payment.id) == "completed"
    assert world.bank.calls.count("submit") == 1
    assert await world.exceptions() == [code]


async def test_absence_after_other_terms_is_no_proof(world: World) -> None:
    """A bank that accepted another amount, and then knows of nothing, has proven nothing: in the end persons decide."""
    world.bank.then(["wrong_amount", *["not_found"] * 500])
    created = await world.pay()
    for _ in range(20):
        await world.sweep(3_600)
    assert await world.status(created.payment.id) == "outcome_unknown"
    await world.sweep(world.tools.policy.unknown_age_max_seconds)
    (row,) = await world.rows("SELECT state::text FROM submissions")
    assert row["state"] == "held"


async def test_a_bank_out_of_reach_gets_another_submission(world: World) -> None:
    """No byte left: a new submission with a new key, and merchants hear of the wait once."""
    world.bank.then(["never_left"] * 3)
    created = await world.pay()
    assert (created.payment.status.value, created.status_code) == ("queued", 202)
    for _ in range(3):
        await world.sweep(10)
    assert await world.status(created.payment.id) == "accepted"
    states = await world.rows("SELECT state::text, end_to_end_id FROM submissions ORDER BY sequence")
    assert [row["state"] for row in states] == ["never_left"] * 3 + ["accepted"]
    assert len({row["end_to_end_id"] for row in states}) == 4
    assert await world.event_types() == ["payment.created", "payment.queued", "payment.accepted"]


async def test_a_bank_that_stays_out_of_reach_ends_the_payment(world: World) -> None:
    """The transaction that decides that there will be no further submission is the one that says rejected."""
    world.bank.then(["never_left"] * 50)
    created = await world.pay()
    for _ in range(25):
        await world.sweep(61)
    view = await world.payments.get(world.caller, created.payment.id)
    assert (view.status.value, view.reason) == ("rejected", "bank_unreachable")
    assert (await world.event_types()).count("payment.rejected") == 1
    assert await world.sweep(10_000) == 0


async def test_a_dead_process_is_taken_over_by_asking(world: World, vault: Vault) -> None:
    """An operation in flight beyond its lease is enquired about, and never sent again."""
    world.bank.then(["hang"])
    created = await world.pay(wait_seconds=0)
    await until(lambda: bool(world.bank.calls))
    other = second_process(world, vault)
    assert await other.sweep(1) == 0
    await other.sweep(30)
    assert await world.status(created.payment.id) == "outcome_unknown"
    await other.sweep(0)
    assert world.bank.calls == ["submit", "enquire"]
    world.bank.gate.set()
    await world.payments.drain()
    assert await world.status(created.payment.id) == "accepted"
    assert len(world.bank.books) == 1


async def test_a_planned_operation_of_a_dead_process_is_sent(world: World, vault: Vault) -> None:
    """Killed between the intent's commit and the call: the sweeper sends it, once."""
    world.offers.crashes = [True]
    with pytest.raises(BaseException):  # noqa: B017, PT011 - the process died; nothing more is known of it
        await world.pay(wait_seconds=0)
    await asyncio.sleep(0)
    await world.payments.drain()
    await second_process(world, vault).sweep(30)
    assert world.bank.calls.count("submit") == 1


async def test_a_process_that_slept_before_its_call_sends_nothing(
    world: World, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What others have called absent meanwhile is not sent after all."""
    await world.payments.drain()
    created = await world.pay()
    committed, awake = asyncio.Event(), asyncio.Event()
    begin = Advancer._begin

    async def begin_and_sleep(self: Advancer, background: Background) -> Call | None:
        call = await begin(self, background)
        committed.set()
        await awake.wait()
        return call

    other = second_process(world, vault)
    monkeypatch.setattr(Advancer, "_begin", begin_and_sleep)
    world.clock.advance(30)
    await world.sweeper.run_once()
    await committed.wait()
    monkeypatch.undo()
    for _ in range(4):
        await other.sweep(301)
    assert await world.status(created.payment.id) == "rejected"
    awake.set()
    await world.sweeper.settle()
    assert world.bank.books == []


async def test_rejected_may_follow_accepted_but_not_settled(world: World) -> None:
    """A later report may refuse what was accepted; what was settled needs a person."""
    world.bank.settles = False
    first, second = await world.pay("a"), await world.pay("b")
    world.bank.books[0].verdict = Verdict.REJECTED
    world.bank.books[1].verdict = Verdict.SETTLED
    await world.sweep(5)
    assert await world.status(first.payment.id) == "rejected"
    assert await world.status(second.payment.id) == "settled"
    world.bank.books[1].verdict = Verdict.REJECTED
    await world.sweep(5)
    assert await world.status(second.payment.id) == "settled"
    assert await world.exceptions() == ["refused_after_settlement"]


async def test_a_stale_replica_changes_nothing(world: World) -> None:
    """An older word after a newer one is kept as evidence and calls nobody."""
    created = await world.pay()
    await world.sweep(5)
    world.bank.settles = False
    world.bank.books[0].verdict = Verdict.ACCEPTED
    await world.sweep(5)
    assert await world.status(created.payment.id) == "settled"
    assert await world.exceptions() == []


async def test_a_late_refusal_of_the_first_send_ends_nothing_once_another_call_was_made(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """A process that stood still hears "duplicate" after the resend was accepted and a withdrawal was tried."""
    world = await make_world(database, vault, clock, declaration=RESENDING)
    world.bank.then(["hang_duplicate"])
    created = await world.pay(wait_seconds=0)
    await until(lambda: bool(world.bank.calls))
    other = second_process(world, vault, declaration=RESENDING)
    other.bank.settles = False
    for seconds in (40, 0, 5):
        await other.sweep(seconds)
    assert world.bank.calls == ["submit", "enquire", "submit"]
    other.bank.then(["reject"])
    with pytest.raises(Conflict):
        await other.payments.cancel(other.caller, created.payment.id, 5)
    world.bank.gate.set()
    await world.payments.drain()
    assert await world.status(created.payment.id) == "accepted"
    assert "payment.rejected" not in await world.event_types()


async def test_a_cancellation_asked_for_during_an_enquiry_is_sent_after_it(world: World) -> None:
    """The enquiry was begun before anybody wanted the payment back; whoever asked hears what the bank says to that."""
    created = await world.pay()
    ref = PaymentRef(partner_id=world.tenant.partner_id, payment_id=created.payment.id)
    world.bank.settles = False
    world.bank.then(["hang"])
    assert world.payments._runner.start(ref, world.bank.id)
    await until(lambda: world.bank.calls[-1] == "enquire")
    asking = asyncio.create_task(world.payments.cancel(world.caller, created.payment.id, 5))
    await asyncio.sleep(0.05)
    world.bank.gate.set()
    assert (await asking).status.value == "cancelled"
