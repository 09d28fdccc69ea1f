"""One step of one payment: begin (commit) → call the bank → finish (commit) → offer what is to be delivered.

The payment's own process and the sweeper both come through `advance`. The bank is never called inside a transaction,
and what it answered, the state, the operation's end and the event are one transaction. `carry` is the shorter way of
a process that has just committed the intent (payments/carrying).
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

import structlog

from adapters.contract import Evidence, NeverLeft, Outcome, Verdict
from adapters.declaration import OperationKind
from payments.banks import ConfiguredBank
from payments.calls import operations
from payments.calls.cases import Background, Case, Cases
from payments.calls.ledger import Heard, Ledger, Recorded
from payments.calls.operations import Call
from payments.calls.steps import Steps, kind_of
from payments.cancelling.approval import CancellationApproval
from payments.carrying.carried import Asker, Carried
from payments.carrying.finish import KnownEnds
from payments.exchanges import keeping
from payments.intents.planning import outline, plan_submission
from payments.journeys.asking import Answer, PayerEnquiry
from payments.journeys.hearing import JourneyHearing, awaits_still
from payments.journeys.planning import JourneyPlanner
from payments.recovery.cadence import next_enquiry_at, resubmission_at, watch_at
from payments.recovery.plan import absence_proven, next_step, why_person
from payments.recovery.situation import Situation, Step
from payments.recovery.unsent import BANK_UNREACHABLE
from payments.routing.elsewhere import Elsewhere
from payments.rows import PaymentRef
from payments.states.decide import RefusedMove, mismatch
from payments.states.names import EvidenceSource, OperationState, PaymentStatus, SubmissionState
from payments.tools import Connection, Tools
from webhooks.queue.port import Job

_log = structlog.get_logger()
_UNSENT = frozenset({SubmissionState.PLANNED, SubmissionState.NEVER_LEFT})
_HAD = frozenset({SubmissionState.ACCEPTED, SubmissionState.SETTLED})
_CARRIED = frozenset({SubmissionState.PLANNED, SubmissionState.IN_FLIGHT})


class Advancer:
    """Takes payments one step further."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._cases = Cases(tools)
        self._ledger = Ledger(tools)
        planner = JourneyPlanner(tools)
        self._steps = Steps(tools, self._ledger, planner)
        self._journeys = JourneyHearing(tools, self._ledger, planner)
        self._asking = PayerEnquiry(tools)
        self._approval = CancellationApproval(tools, self._ledger)
        self._known = KnownEnds(tools, self._ledger)
        self._elsewhere = Elsewhere(tools)

    async def advance(self, ref: PaymentRef, known: Background | None = None) -> None:
        """Take the next step, and make its call; where its answer leads on at once, the one after it too.

        After a crash anywhere, the next `advance` goes on. Whoever holds the payment's background already gives it, so
        that it is not read and opened again.
        """
        background = known or await self._cases.background(ref)
        while await self._take_step(background):
            pass

    async def _take_step(self, background: Background) -> bool:
        """Whether the next step can be taken now."""
        call = await self._begin(background)
        if call is None or self._is_late(background, call):
            return False
        recorded = await self._make(background, call, partial(self._finish, background, call))
        return recorded.goes_on

    async def carry(self, carried: Carried, asker: Asker) -> None:
        """Make the call of an intent that was just committed with its lease, and end it."""
        if self._is_late(carried.case.background, carried.call):
            return
        finish = partial(self._finish_known, carried, asker)
        await self._make(carried.case.background, carried.call, finish)

    def _is_late(self, background: Background, call: Call) -> bool:
        """A lease that has waited too long is left to the sweeper: others believe that nothing is sent after it."""
        late = call.is_late(self._tools.clock.now())
        if late:
            _log.warning("payment.late", payment_id=str(background.ref.payment_id))
        return late

    async def _make(
        self, background: Background, call: Call, finish: Callable[[Outcome], Awaitable[Recorded]]
    ) -> Recorded:
        started = self._tools.clock.monotonic()
        outcome = await self._tools.engine.perform(background.bank.bank, call.request, call.payer_access)
        recorded = await finish(outcome)
        _log.info(
            "payment.advanced",
            payment_id=str(background.ref.payment_id),
            bank_id=background.bank.bank.id,
            operation=call.kind.value,
            outcome=outcome.exchange.outcome,
            status=recorded.case.payment.status.value,
            duration_ms=round((self._tools.clock.monotonic() - started) * 1000, 1),
        )
        return recorded

    async def _begin(self, background: Background) -> Call | None:
        async with self._tools.pool.acquire() as connection, connection.transaction():
            case = await self._cases.lock(connection, background)
            if case.background is not background:
                return None  # It moved to another bank meanwhile, and whoever moved it said when to look again.
            situation = case.situation(self._tools.clock.now(), self._tools.policy)
            jobs = await self._call_person(connection, case, replace(situation, absence_told=False))
            begun = await self._steps.begin(connection, case, next_step(situation))
        await self._offer((*jobs, *begun.jobs))
        return begun.call

    async def _finish_known(self, carried: Carried, asker: Asker, outcome: Outcome) -> Recorded:
        recorded = await self._known.finish(carried, asker, outcome)
        if recorded is None:
            return await self._finish(carried.case.background, carried.call, outcome)
        await self._offer(recorded.jobs)
        return recorded

    async def _finish(self, background: Background, call: Call, outcome: Outcome) -> Recorded:
        answer = await self._asking.understood(background, call, outcome)
        async with self._tools.pool.acquire() as connection, connection.transaction():
            case = await self._cases.lock(connection, background, call.operation.submission_id)
            for kind, exchange in ((call.kind, outcome.exchange), *answer.exchanges):
                called = keeping.Called(kind=kind, operation_id=call.operation.id, exchange=exchange)
                await keeping.keep(connection, self._tools, case, called)
            if isinstance(outcome, NeverLeft):
                recorded = await self._never_left(connection, case, call, outcome)
            elif _is_unarmed(case, call):
                recorded = await self._journeys.hear(connection, case, call, answer.evidence)
            elif call.kind is OperationKind.AUTHORISE_CANCEL:
                recorded = await self._approval.hear(connection, case, call, answer.evidence)
            elif _is_behind(case, call):
                recorded = await self._journeys.hear_behind(connection, case, call, answer.evidence)
            else:
                recorded = await self._hear(connection, case, call, answer)
        await self._offer(recorded.jobs)
        return recorded

    async def _hear(self, connection: Connection, case: Case, call: Call, answer: Answer) -> Recorded:
        """Bytes left: whatever came back is evidence, also when somebody took the operation over meanwhile."""
        case, evidence = await self._journeys.beside_payer(connection, case, answer)
        jobs: tuple[Job, ...] = ()
        if call.lease is not None:
            says_something = evidence.verdict not in {Verdict.UNKNOWN, Verdict.NOT_FOUND}
            understood = says_something and mismatch(case.standing, evidence) is None
            state = OperationState.ANSWERED if understood else OperationState.UNKNOWN
            await operations.end(connection, self._tools, case, call, state)
        cancels, approval = call.kind is OperationKind.CANCEL, evidence.authorisation
        if not cancels and (call.lease is not None or approval is not None):
            case, jobs = await self._journeys.keep(connection, case, evidence)
        heard = Heard(
            evidence=evidence,
            source=EvidenceSource.RESPONSE if call.lease is not None else EvidenceSource.POLL,
            operation_id=call.operation.id,
            resent=call.lease is not None and (call.resent or case.calls_of(call.kind) > 1),
            # A bank that once spoke of other terms may have executed those.
            absence_proven=absence_proven(case.situation(call.began_at, self._tools.policy)) and not case.contradicted,
        )
        if evidence.verdict is Verdict.REJECTED and _is_beside(case, call):
            recorded = await self._heard_in_vain(connection, case, heard, f"{call.kind.value}_refused")
        elif answer.word is None and awaits_still(case, evidence, self._tools.clock.now()):
            recorded = await self._heard_in_vain(connection, case, heard, "payer_awaited")
        elif (bank := await self._bank_after_refusal(connection, case, call, evidence)) is not None:
            await self._ledger.note(connection, case, heard)
            refused = await self._ledger.set_standing(connection, case, SubmissionState.REJECTED, PaymentStatus.QUEUED)
            return await self._submit_at(connection, refused, bank, self._tools.clock.now())
        else:
            recorded = await self._ledger.hear(connection, case, heard)
        if recorded.refused is not None:
            jobs += await self._ask_again(connection, recorded.case, evidence)
        recorded = replace(recorded, jobs=(*recorded.jobs, *jobs))
        if cancels and approval is not None and call.operation.id == case.operation.id:
            return await self._approval.begin(connection, recorded, approval)
        return recorded

    async def _bank_after_refusal(
        self, connection: Connection, case: Case, call: Call, evidence: Evidence
    ) -> ConfiguredBank | None:
        """Only after an answer to the call itself, about this payment: what may have arrived is tried nowhere else."""
        if mismatch(case.standing, evidence) is not None:
            return None
        if call.resent or case.payment.status is not PaymentStatus.SUBMITTING:
            return None
        if case.submission.sequence >= self._tools.policy.submissions_max:
            return None
        return await self._elsewhere.after_refusal(connection, case, evidence)

    async def _heard_in_vain(self, connection: Connection, case: Case, heard: Heard, why: str) -> Recorded:
        """A bank that would not withdraw it, or not ask the payer once more, says nothing against the payment."""
        refused = RefusedMove(why=why)
        await self._ledger.note(connection, case, heard, refused)
        return Recorded(case=case, refused=refused)

    async def _ask_again(self, connection: Connection, case: Case, evidence: Evidence) -> tuple[Job, ...]:
        """Nothing changed: look again by the cadence, or at once where "not found" opens the way to a resend."""
        now = self._tools.clock.now()
        absent = evidence.verdict is Verdict.NOT_FOUND
        situation = replace(case.situation(now, self._tools.policy), absence_told=absent)
        jobs = await self._call_person(connection, case, situation)
        plan = next_step(situation)
        again = plan.at if plan.step is Step.REST else now
        if plan.step in {Step.RESEND, Step.AGAIN, Step.ENQUIRE}:
            again = self._in_vain(case, kind_of(case, plan), evidence.retry_after_seconds)
        await self._ledger.look_again(connection, case, again)
        return jobs

    async def _call_person(self, connection: Connection, case: Case, situation: Situation) -> tuple[Job, ...]:
        """Where asking on may never end; the bank is asked on all the same."""
        why = why_person(situation)
        return () if why is None else await self._ledger.call_person(connection, case, why, None)

    async def _never_left(self, connection: Connection, case: Case, call: Call, outcome: NeverLeft) -> Recorded:
        """No byte was written. For a first send that is proof; for a resend or an enquiry it only means: later."""
        held_lease = False
        if call.lease is not None:
            state = OperationState.UNKNOWN if call.resent else OperationState.NEVER_LEFT
            held_lease = await operations.end(connection, self._tools, case, call, state)
        if held_lease and not call.resent and case.submission.state in _CARRIED and _carries(case, call):
            if case.authorisation is not None:
                return await self._journeys.try_again(connection, case, outcome)
            return await self._submit_again(connection, case, outcome)
        await self._ledger.look_again(connection, case, self._in_vain(case, call.kind, outcome.retry_after_seconds))
        return Recorded(case=case)

    def _in_vain(self, case: Case, kind: OperationKind, asked: float | None) -> datetime:
        """When such a call is made again: the more of them were in vain, the later."""
        asks, now, payment = kind is OperationKind.ENQUIRE, self._tools.clock.now(), case.payment
        tries = 0 if asks else case.calls_of(kind) - 1
        at = next_enquiry_at(case.background.bank.declaration, now, max(payment.checks, tries), asked)
        # Whoever hinted or returned began the cadence anew: until it is through, a long silence delays nothing.
        is_through = payment.checks >= len(case.background.bank.declaration.poll_seconds)
        watched = asks and is_through and case.submission.state in _HAD
        return watch_at(at, now, payment.updated_at, payment.execute_at) if watched else at

    async def _submit_again(self, connection: Connection, case: Case, outcome: NeverLeft) -> Recorded:
        """Another submission while there were few; else this transaction decides that there will be none."""
        now, policy = self._tools.clock.now(), self._tools.policy
        never, rejected = SubmissionState.NEVER_LEFT, PaymentStatus.REJECTED
        if case.submission.sequence >= policy.submissions_max:
            return await self._ledger.set_standing(connection, case, never, rejected, reason=BANK_UNREACHABLE)
        recorded = await self._ledger.set_standing(connection, case, never, PaymentStatus.QUEUED)
        bank = await self._elsewhere.after_never_left(connection, case) or case.background.bank
        at = resubmission_at(policy, now, case.submission.sequence, outcome.retry_after_seconds)
        if bank is not case.background.bank and self._elsewhere.is_later(case, bank):
            at = now
        return await self._submit_at(connection, recorded, bank, at)

    async def _submit_at(
        self, connection: Connection, recorded: Recorded, bank: ConfiguredBank, at: datetime
    ) -> Recorded:
        """Plan the next submission, at this bank."""
        case = recorded.case
        owner = await operations.owner_of(self._tools, case)
        outlined = outline(case.background.facts, bank, self._tools.clock.now())
        planned = plan_submission(outlined, bank, case.submission.sequence + 1)
        await operations.insert_submission(connection, self._tools.vault, owner, planned)
        if bank.bank.id != case.payment.bank_id:
            await self._elsewhere.move(connection, case, bank)
        await self._ledger.look_again(connection, case, at)
        return recorded

    async def _offer(self, jobs: tuple[Job, ...]) -> None:
        if jobs:
            await self._tools.enqueuer.offer(jobs)


def _is_unarmed(case: Case, call: Call) -> bool:
    """Whether the call could move no money, and nothing after it was sent that can."""
    nothing_sent = case.submission.state in _UNSENT
    return nothing_sent and not case.background.bank.declaration.is_armed_by(call.kind)


def _is_behind(case: Case, call: Call) -> bool:
    """Whether the call only prepared a payment of which something that can move money was sent since."""
    return not case.background.bank.declaration.is_armed_by(call.kind)


def _is_beside(case: Case, call: Call) -> bool:
    """Whether the call is not what carried the payment: its withdrawal, or a start of what the bank has already."""
    is_repeated = call.kind is OperationKind.AUTHORISE and case.submission.state is SubmissionState.ACCEPTED
    return call.kind is OperationKind.CANCEL or is_repeated


def _carries(case: Case, call: Call) -> bool:
    """Whether the call carries the payment to the bank; what is asked beside that is asked again by the cadence."""
    return call.kind in case.background.bank.declaration.journey
