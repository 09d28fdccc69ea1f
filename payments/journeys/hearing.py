"""Hears what banks answer on a payer's way: what it leads to, and where the payer is to go.

All methods write in the caller's transaction, whose payment is locked. The answer of one operation and the next
operation with its exact bytes are one transaction; the access that the payer gave is sealed in it too.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from adapters.contract import Evidence, NeverLeft, Verdict
from adapters.declaration import OperationKind
from payments.calls import operations
from payments.calls.cases import Case
from payments.calls.ledger import Heard, Ledger, Recorded
from payments.calls.operations import Call
from payments.journeys.asking import Answer
from payments.journeys.inviting import Inviter
from payments.journeys.planning import JourneyPlanner
from payments.recovery.cadence import resubmission_at
from payments.recovery.unsent import BANK_UNREACHABLE
from payments.states.cleaning import clean
from payments.states.courses import Course, Turn, turn_of
from payments.states.decide import Change, RefusedMove, codes_after, finality_of, mismatch
from payments.states.names import (
    AuthorisationStatus,
    EvidenceSource,
    OperationState,
    OperatorCode,
    PaymentStatus,
    SubmissionState,
)
from payments.states.payers import Attitude, beside
from payments.tools import Connection, Tools
from webhooks.queue.port import Job

_log = structlog.get_logger()
_OF_THE_PAYER = frozenset({AuthorisationStatus.PLANNED, AuthorisationStatus.AWAITING})


class JourneyHearing:
    """One per process."""

    def __init__(self, tools: Tools, ledger: Ledger, planner: JourneyPlanner) -> None:
        self._tools = tools
        self._ledger = ledger
        self._planner = planner
        self._inviter = Inviter(tools)

    async def hear(self, connection: Connection, case: Case, call: Call, evidence: Evidence) -> Recorded:
        """The answer to an operation before the arming one, if its sender still held it."""
        evidence = clean(evidence)
        turn = turn_of(case.background.bank.declaration, call.kind, case.standing, evidence)
        if turn.course is Course.AWAIT:
            invited = await self._inviter.invite(_identified(case, evidence), evidence)
            turn = Turn(course=Course.AGAIN, why="no_way_to_the_bank") if invited is None else turn
            case = invited or case
        unheard = turn.course in {Course.AGAIN, Course.LOST} or evidence.verdict is Verdict.UNKNOWN
        state = OperationState.UNKNOWN if unheard else OperationState.ANSWERED
        is_ours = await operations.end(connection, self._tools, case, call, state)
        heard = Heard(evidence=evidence, source=EvidenceSource.RESPONSE, operation_id=call.operation.id)
        if turn.course is Course.EXECUTED:
            _log.warning("payment.taken_unasked", payment_id=str(case.payment.id), bank_id=case.payment.bank_id)
            return await self._executed(connection, case, heard)
        if not is_ours or case.submission.state is not SubmissionState.PLANNED:
            await self._ledger.note(connection, case, heard, RefusedMove(why="too_late"))
            return Recorded(case=case)
        return await self._turn(connection, case, heard, turn)

    async def hear_behind(self, connection: Connection, case: Case, call: Call, evidence: Evidence) -> Recorded:
        """The answer to an operation that only prepared, after the payment has gone on without it: it leads nowhere.

        What it names is not what the payer was sent to. A bank that does more with it than was asked is for a person.
        """
        evidence = clean(evidence)
        await operations.end(connection, self._tools, case, call, OperationState.ANSWERED)
        heard = Heard(evidence=evidence, source=EvidenceSource.RESPONSE, operation_id=call.operation.id)
        evidence_id = await self._ledger.note(connection, case, heard, RefusedMove(why="too_late"))
        turn = turn_of(case.background.bank.declaration, call.kind, case.standing, evidence)
        jobs: tuple[Job, ...] = ()
        if turn.course in {Course.EXECUTED, Course.BEGUN}:
            jobs = await self._ledger.call_person(connection, case, OperatorCode.TAKEN_UNASKED, evidence_id)
        return Recorded(case=case, jobs=jobs)

    async def beside_payer(self, connection: Connection, case: Case, answer: Answer) -> tuple[Case, Evidence]:
        """What an answer after the arming operation means beside what is known of the payer; a refusal is kept."""
        row = case.authorisation
        evidence = beside(clean(answer.evidence), answer.word, row.status if row else None)
        refused = answer.word is not None and answer.word.attitude is Attitude.REFUSED
        if refused and row is not None and row.status in _OF_THE_PAYER:
            case = await self._inviter.refused(connection, case)
        return case, evidence

    async def keep(self, connection: Connection, case: Case, evidence: Evidence) -> tuple[Case, tuple[Job, ...]]:
        """Where the payer is to go, as an answer after the arming operation told it; once, and for this payment only.

        A payment that was waiting without it already is told of once more.
        """
        row, evidence = case.authorisation, clean(evidence)
        if row is None or row.status is not AuthorisationStatus.PLANNED or not _asks_for_payer(case, evidence):
            return case, ()
        await self._inviter.write_consent(connection, case, evidence)
        case = _identified(case, evidence)
        invited = await self._inviter.invite(case, evidence)
        if invited is None:
            return case, ()
        case = await self._inviter.write(connection, invited)
        waits = case.payment.status is PaymentStatus.AWAITING_AUTHORISATION
        return case, await self._ledger.tell_once_more(connection, case) if waits else ()

    async def try_again(self, connection: Connection, case: Case, outcome: NeverLeft) -> Recorded:
        """No byte of the operation was written: another one of its kind, under the same consent, while they are few.

        A question that is asked once only is not asked again.
        """
        if case.operation.kind is OperationKind.CONFIRM_FUNDS:
            return await self._go_on(connection, case)
        now, policy, tries = self._tools.clock.now(), self._tools.policy, case.calls_of(case.operation.kind)
        if tries >= policy.submissions_max:
            never, rejected = SubmissionState.NEVER_LEFT, PaymentStatus.REJECTED
            return await self._ledger.set_standing(connection, case, never, rejected, reason=BANK_UNREACHABLE)
        recorded = Recorded(case=case)
        if case.payment.status is not PaymentStatus.AWAITING_AUTHORISATION:
            planned, queued = SubmissionState.PLANNED, PaymentStatus.QUEUED
            recorded = await self._ledger.set_standing(connection, case, planned, queued)
        case = await self._planner.plan(connection, recorded.case, case.operation.kind)
        await self._ledger.look_again(
            connection, case, resubmission_at(policy, now, tries, outcome.retry_after_seconds)
        )
        return replace(recorded, case=case)

    async def _turn(self, connection: Connection, case: Case, heard: Heard, turn: Turn) -> Recorded:
        match turn.course:
            case Course.AGAIN:
                return await self._again(connection, case, heard, turn)
            case Course.ONWARD:
                return await self._onward(connection, case, heard, turn)
            case Course.AWAIT:
                return await self._await(connection, case, heard)
            case Course.BEGUN:
                case, jobs = await self.keep(connection, case, heard.evidence)
                begun = await self._executed(connection, case, heard)
                return replace(begun, jobs=(*jobs, *begun.jobs))
            case _:
                return await self._end(connection, case, heard, turn)

    async def _again(self, connection: Connection, case: Case, heard: Heard, turn: Turn) -> Recorded:
        refused = RefusedMove(why=turn.why or "says_nothing")
        await self._ledger.note(connection, case, heard, refused)
        now, asked = self._tools.clock.now(), heard.evidence.retry_after_seconds
        at = resubmission_at(self._tools.policy, now, case.calls_of(case.operation.kind), asked)
        await self._ledger.look_again(connection, case, at)
        return Recorded(case=case, refused=refused)

    async def _onward(self, connection: Connection, case: Case, heard: Heard, turn: Turn) -> Recorded:
        await self._ledger.note(connection, case, heard, None if turn.why is None else RefusedMove(why=turn.why))
        await self._inviter.write_consent(connection, case, heard.evidence)
        case = await self._inviter.hold(connection, _identified(case, heard.evidence), heard.evidence)
        return await self._go_on(connection, case)

    async def _go_on(self, connection: Connection, case: Case) -> Recorded:
        """The next operation is planned; whoever heard this begins it, or the sweeper does."""
        case = await self._planner.plan_next(connection, case)
        grace = timedelta(seconds=self._tools.policy.planned_grace_seconds)
        await self._ledger.look_again(connection, case, self._tools.clock.now() + grace)
        return Recorded(case=case, goes_on=True)

    async def _await(self, connection: Connection, case: Case, heard: Heard) -> Recorded:
        await self._ledger.note(connection, case, heard)
        await self._inviter.write_consent(connection, case, heard.evidence)
        await self._inviter.write(connection, case)
        planned, awaiting = SubmissionState.PLANNED, PaymentStatus.AWAITING_AUTHORISATION
        recorded = await self._ledger.set_standing(connection, case, planned, awaiting)
        until = case.authorisation.expires_at if case.authorisation else None
        await self._ledger.look_again(connection, recorded.case, until)
        return recorded

    async def _end(self, connection: Connection, case: Case, heard: Heard, turn: Turn) -> Recorded:
        """It ends, and nothing was sent that can move money."""
        evidence_id = await self._ledger.note(connection, case, heard)
        status = PaymentStatus.EXPIRED if turn.course is Course.LOST else PaymentStatus.REJECTED
        iso, raw = codes_after(case.standing, heard.evidence)
        change = Change(
            state=SubmissionState.NEVER_LEFT,
            status=status,
            finality=finality_of(status),
            iso_status=iso,
            raw_status=raw,
            reason=turn.why,
        )
        recorded = await self._ledger.move(connection, case, change, heard.evidence)
        if not turn.needs_person:
            return recorded
        jobs = await self._ledger.call_person(connection, recorded.case, OperatorCode(turn.why or ""), evidence_id)
        return replace(recorded, jobs=(*recorded.jobs, *jobs))

    async def _executed(self, connection: Connection, case: Case, heard: Heard) -> Recorded:
        """The bank has gone further than it was asked to: from now on it is a payment that was sent."""
        jobs: tuple[Job, ...] = ()
        if case.submission.state is SubmissionState.PLANNED:
            in_flight, submitting = SubmissionState.IN_FLIGHT, PaymentStatus.SUBMITTING
            sent = await self._ledger.set_standing(connection, case, in_flight, submitting)
            case, jobs = sent.case, sent.jobs
        recorded = await self._ledger.hear(connection, case, heard)
        return replace(recorded, jobs=(*jobs, *recorded.jobs))


def awaits_still(case: Case, evidence: Evidence, now: datetime) -> bool:
    """Whether this "pending" leaves a payment waiting for its payer, who has not come back and has time yet.

    Some banks say it before the authorisation too, of a payment whose form alone they have checked.
    """
    row = case.authorisation
    if row is None or row.status is not AuthorisationStatus.AWAITING or evidence.verdict is not Verdict.PENDING:
        return False
    is_due = row.expires_at is not None and now >= row.expires_at
    is_awaited = case.payment.status is PaymentStatus.AWAITING_AUTHORISATION
    return is_awaited and not is_due and mismatch(case.standing, evidence) is None


def _asks_for_payer(case: Case, evidence: Evidence) -> bool:
    """Whether the bank waits for the payer of this payment: nobody is sent to authorise another."""
    return evidence.verdict is Verdict.NEEDS_AUTHORISATION and mismatch(case.standing, evidence) is None


def _identified(case: Case, evidence: Evidence) -> Case:
    """The case with the bank's ids of the consent, as the answer brought them."""
    row, submission = case.authorisation, case.submission
    reference = evidence.bank_reference or submission.bank_reference
    return replace(
        case,
        submission=replace(submission, bank_reference=reference),
        authorisation=None if row is None else replace(row, consent_id=evidence.consent_id or row.consent_id),
    )
