"""What two persons say, told by an adversary: too early, out of date, about something else, twice, or by one alone."""

import asyncio

import asyncpg
import orjson
import pytest

from adapters.contract import Verdict
from adapters.declaration import OperationKind, Recovery
from kernel.errors import Conflict, Forbidden, Invalid, ThreadneedleError
from kernel.ids import new_id
from kernel.sealing import Vault
from payments.model import Created
from payments.operators.evidence import OperatorEvidence
from payments.operators.proposals import Actor, Proposal, Proposed
from tests.support.clock import FakeClock
from tests.support.payments_world import World, make_world, until
from tests.support.scripted_bank import declared

SUBMIT = OperationKind.SUBMIT
HOLDING = declared(recovery={SUBMIT: Recovery.HOLD})
RESENDING = declared(recovery={SUBMIT: Recovery.RESEND})
# Longer than any call at the scripted bank, with what it needs afterwards.
AFTER_THE_CALL = 60


@pytest.fixture
async def world(database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock) -> World:
    return await make_world(database, vault, clock, declaration=HOLDING)


class Office:
    """Two persons, and more, who look into one payment."""

    def __init__(self, world: World, created: Created) -> None:
        self.operators = OperatorEvidence(world.tools)
        self.payment_id = created.payment.id
        self.first, self.second, self.third = (Actor(id=new_id(world.clock.now()), request_id="r") for _ in range(3))

    async def propose(self, verdict: Verdict, bank_reference: str | None = None) -> Proposed:
        said = Proposal(payment_id=self.payment_id, verdict=verdict, note="seen", bank_reference=bank_reference)
        return await self.operators.propose(said, self.first)

    async def confirm(self, proposed: Proposed, actor: Actor | None = None) -> str:
        view = await self.operators.confirm(self.payment_id, proposed.id, actor or self.second)
        return view.status.value

    async def refusal(self, verdict: Verdict, bank_reference: str | None = None) -> str | None:
        with pytest.raises(ThreadneedleError) as refused:
            await self.propose(verdict, bank_reference)
        return refused.value.problem_code


async def held(world: World) -> Office:
    """A payment that no machine can end, looked into when no call can reach its bank any more."""
    world.bank.then(["lost_after"])
    office = Office(world, await world.pay("held"))
    await world.sweep(AFTER_THE_CALL)
    return office


@pytest.mark.parametrize(
    ("verdict", "status", "reason"),
    [
        (Verdict.NOT_FOUND, "rejected", "absent_at_bank"),
        (Verdict.REJECTED, "rejected", None),
        (Verdict.ACCEPTED, "accepted", None),
        (Verdict.COMPLETED, "completed", None),
    ],
)
async def test_two_persons_say_that_it_never_came_was_refused_or_was_paid(
    world: World, verdict: Verdict, status: str, reason: str | None
) -> None:
    """Each ends the wait, is kept as evidence of operators, shown in the timeline, and audited with both persons."""
    office = await held(world)
    assert await office.confirm(await office.propose(verdict)) == status
    view = await world.payments.get(world.caller, office.payment_id)
    assert view.reason == reason
    timeline = await world.payments.timeline(world.caller, office.payment_id)
    assert [each["what"] for each in timeline if each.get("source") == "operator"] == [verdict.value]
    audited = await world.rows("SELECT actor, action FROM audit_log ORDER BY action")
    assert [row["action"] for row in audited] == ["payment_evidence.confirmed", "payment_evidence.proposed"]
    assert len({row["actor"] for row in audited}) == 2
    assert await world.rows("SELECT FROM payment_exceptions WHERE closed_at IS NULL") == []


async def test_one_person_is_never_two(world: World) -> None:
    """Not under another token of theirs either, and a refused confirmation leaves the proposal open."""
    office = await held(world)
    proposed = await office.propose(Verdict.COMPLETED)
    mine = Actor(id=new_id(world.clock.now()), request_id="r", also=frozenset({office.first.id}))
    for actor in (office.first, mine):
        with pytest.raises(Forbidden):
            await office.confirm(proposed, actor)
    assert await world.status(office.payment_id) == "outcome_unknown"
    assert await office.confirm(proposed) == "completed"


async def test_of_two_who_confirm_at_once_one_does(world: World) -> None:
    """The payment moves once, and is told of once."""
    office = await held(world)
    proposed = await office.propose(Verdict.COMPLETED)
    ends = await asyncio.gather(
        office.confirm(proposed, office.second), office.confirm(proposed, office.third), return_exceptions=True
    )
    refused = [end for end in ends if isinstance(end, Conflict)]
    assert [end for end in ends if end == "completed"] == ["completed"]
    assert [end.problem_code for end in refused] == ["already_confirmed"]
    assert (await world.event_types()).count("payment.completed") == 1


async def test_contradictory_proposals_at_once_never_both_count(world: World) -> None:
    """Whichever came last is the only one that can be confirmed."""
    office = await held(world)
    both = await asyncio.gather(office.propose(Verdict.COMPLETED), office.propose(Verdict.NOT_FOUND))
    ends = await asyncio.gather(*(office.confirm(proposed, office.second) for proposed in both), return_exceptions=True)
    assert len([end for end in ends if isinstance(end, Conflict)]) == 1
    assert await world.status(office.payment_id) in ends


async def test_a_payment_that_resolved_itself_is_looked_at_again(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """What was seen before the bank's own word does not overrule it."""
    world = await make_world(database, vault, clock)
    world.bank.then(["lost_after"])
    office = Office(world, await world.pay())
    world.clock.advance(AFTER_THE_CALL)
    proposed = await office.propose(Verdict.NOT_FOUND)
    world.bank.settles = False
    await world.sweep(1)
    assert await world.status(office.payment_id) == "accepted"
    with pytest.raises(Conflict) as outdated:
        await office.confirm(proposed)
    assert outdated.value.problem_code == "evidence_outdated"
    assert await world.status(office.payment_id) == "accepted"
    assert await world.rows("SELECT FROM payment_evidence WHERE source = 'operator'") == []


async def test_nobody_calls_a_payment_absent_while_a_call_may_arrive(world: World) -> None:
    """A bank may book a call after its answer was lost: what was not there before that proves nothing."""
    world.bank.then(["hang"])
    paying = asyncio.create_task(world.pay(wait_seconds=0))
    await until(lambda: bool(world.bank.calls))
    office = Office(world, await paying)
    for verdict in (Verdict.NOT_FOUND, Verdict.REJECTED, Verdict.CANCELLED):
        assert await office.refusal(verdict) == "evidence_too_early"
    world.bank.gate.set()
    await world.payments.drain()
    assert await world.status(office.payment_id) == "accepted"


async def test_what_was_sent_again_since_is_not_called_absent(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """The same bytes went out again after the first person looked, and may have been executed by now."""
    world = await make_world(database, vault, clock, declaration=RESENDING)
    world.bank.then(["lost_before"])
    office = Office(world, await world.pay())
    world.clock.advance(AFTER_THE_CALL)
    proposed = await office.propose(Verdict.REJECTED)
    world.bank.then(["not_found", "lost_after"])
    await world.sweep(1)
    await world.sweep(5)
    assert world.bank.calls == ["submit", "enquire", "submit"]
    with pytest.raises(Conflict) as early:
        await office.confirm(proposed)
    assert early.value.problem_code == "evidence_too_early"
    assert len(world.bank.books) == 1
    assert await world.status(office.payment_id) == "outcome_unknown"


async def test_evidence_of_another_reference_is_not_about_this_payment(world: World) -> None:
    """Neither where the bank gave this one another, nor where it gave that one to another."""
    other = await world.pay("other")
    (row,) = await world.rows("SELECT bank_reference FROM submissions")
    office = await held(world)
    assert other.payment.status.value == "accepted"
    assert await office.refusal(Verdict.COMPLETED, row["bank_reference"]) == "bank_reference_mismatch"
    with pytest.raises(Invalid):
        await office.propose(Verdict.COMPLETED, "no reference at all")
    assert await office.confirm(await office.propose(Verdict.ACCEPTED, "B-seen")) == "accepted"
    assert await office.refusal(Verdict.COMPLETED, "B-else") == "bank_reference_mismatch"
    assert await office.confirm(await office.propose(Verdict.COMPLETED, "B-seen")) == "completed"
    details = [row["detail"] for row in await world.rows("SELECT detail::text FROM audit_log ORDER BY id")]
    assert sum("B-seen" in detail for detail in details) == 4


async def test_what_is_right_already_can_be_closed(world: World) -> None:
    """A payment that ended well after a wrong report stays as it is, and leaves the list once two persons say so."""
    created = await world.pay()
    await world.sweep(5)
    world.bank.then(["wrong_amount"])
    await world.sweep(5)
    await world.sweep(61)
    assert await world.status(created.payment.id) == "completed"
    assert await world.exceptions() == ["amount_mismatch"]
    office, told = Office(world, created), len(await world.event_types())
    assert await office.refusal(Verdict.REJECTED) == "evidence_refused"
    assert await office.confirm(await office.propose(Verdict.COMPLETED)) == "completed"
    assert await world.rows("SELECT FROM payment_exceptions WHERE closed_at IS NULL") == []
    assert len(await world.event_types()) == told


async def test_a_bank_that_has_what_was_withdrawn_is_believed_by_two_persons_only(world: World) -> None:
    """No byte left, we said, and the bank executed it all the same: no machine corrects an end."""
    world.bank.then(["never_left"])
    created = await world.pay()
    await world.payments.cancel(world.caller, created.payment.id)
    (row,) = await world.rows("SELECT end_to_end_id FROM submissions ORDER BY sequence DESC LIMIT 1")
    raw = orjson.dumps({"verdict": "settled", "reference": row["end_to_end_id"]})
    await world.inbox.accept("scripted", raw, {"Signature": "true"})
    await world.inbox_worker.run_once()
    assert await world.status(created.payment.id) == "cancelled"
    assert await world.exceptions() == ["late_acceptance"]
    office = Office(world, created)
    assert await office.confirm(await office.propose(Verdict.SETTLED)) == "settled"
    assert (await world.event_types())[-1] == "payment.settled"
