"""What one piece of evidence changes. Pure, so that every pair of state and evidence can be tested.

The rules, in the order in which they are asked:

1. Evidence whose amount, currency or reference is not ours is about something else: never believed, a person looks,
   and the bank is asked on.
2. A submission that was not sent, or has ended, is not revived by a bank's word: a person looks. Once a payment has
   gone on with another submission, nothing that is said of the one before moves it.
3. "Unknown" and "not found" prove nothing. Only an enquiry, made when the bank's declared time has passed since the
   last byte, turns "not found" into the proof that the payment never arrived; and two persons who looked
   late enough do.
4. The bank's word moves a payment forward or ends it, along the table of moves. Backward is stale, not wrong.
"""

from dataclasses import dataclass

from adapters.contract import Evidence, Reason, Verdict
from kernel.money import Money
from payments.states.derive import STATUSES_OF, derive_status
from payments.states.moves import payment_may_move, rank, submission_may_move
from payments.states.names import ENDED_SUBMISSIONS, EvidenceSource, Finality, OperatorCode
from payments.states.names import PaymentStatus as P
from payments.states.names import SubmissionState as S

ABSENT = "absent_at_bank"

_TARGETS: dict[Verdict, tuple[S, P]] = {
    Verdict.NEEDS_AUTHORISATION: (S.ACCEPTED, P.AWAITING_AUTHORISATION),
    Verdict.PENDING: (S.ACCEPTED, P.SUBMITTED),
    Verdict.ACCEPTED: (S.ACCEPTED, P.ACCEPTED),
    Verdict.SETTLED: (S.SETTLED, P.SETTLED),
    Verdict.COMPLETED: (S.SETTLED, P.COMPLETED),
    Verdict.RETURNED: (S.SETTLED, P.RETURNED),
    Verdict.REJECTED: (S.REJECTED, P.REJECTED),
    Verdict.CANCELLED: (S.REJECTED, P.CANCELLED),
}
_SILENT = frozenset({Verdict.UNKNOWN, Verdict.NOT_FOUND})
_REFUSALS = frozenset({Verdict.REJECTED, Verdict.CANCELLED})
# What refuses a call for when it came, or because there was another, says nothing of that other one.
_OF_ONE_CALL = frozenset({Reason.DUPLICATE, Reason.RATE_LIMITED, Reason.TECHNICAL})
_FINALITY = {P.SETTLED: Finality.DEBTOR_SETTLED, P.COMPLETED: Finality.CREDITOR_CREDITED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A payment and one of its submissions under the lock; `consent_id` is the bank's, once it is known."""

    status: P
    state: S
    amount: Money
    end_to_end_id: str
    consent_id: str | None = None
    iso_status: str | None = None
    raw_status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """How evidence was heard. `absence_proven`: "not found" was said late enough to be proof (the declaration says).

    `resent`: it answers one of several sends of the same bytes.
    """

    source: EvidenceSource
    absence_proven: bool = False
    resent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What evidence changes; where state and status stay, only the bank's codes are news."""

    state: S
    status: P
    finality: Finality
    iso_status: str | None
    raw_status: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedMove:
    """Evidence that is not believed: stored with `why`, an OperatorCode where `needs_person` opens an exception.

    `doubts`: the answer to what was sent cannot be believed, so that its outcome is unknown from now on.
    """

    why: str
    needs_person: bool = False
    doubts: bool = False


def decide(standing: Standing, evidence: Evidence, hearing: Hearing) -> Change | RefusedMove:
    """What this evidence changes, or why it changes nothing."""
    if evidence.verdict in _SILENT:
        return _hear_silence(standing, evidence, hearing)
    wrong = mismatch(standing, evidence)
    if wrong is not None:
        is_answer = hearing.source is EvidenceSource.RESPONSE
        return RefusedMove(why=wrong, needs_person=True, doubts=is_answer and standing.state is S.IN_FLIGHT)
    if standing.state is S.PLANNED:
        return RefusedMove(why=OperatorCode.EVIDENCE_BEFORE_SENDING, needs_person=True)
    if hearing.resent and evidence.verdict in _REFUSALS and evidence.reason in _OF_ONE_CALL:
        return RefusedMove(why="another_send_not_refused")
    return _move(standing, evidence, hearing)


def mismatch(standing: Standing, evidence: Evidence) -> OperatorCode | None:
    """Which of amount, currency and reference the bank gave differently; what it does not echo is no mismatch."""
    if evidence.reference is not None and evidence.reference != standing.end_to_end_id:
        return OperatorCode.REFERENCE_MISMATCH
    if evidence.amount is None or evidence.amount == standing.amount:
        return None
    same = evidence.amount.currency == standing.amount.currency
    return OperatorCode.AMOUNT_MISMATCH if same else OperatorCode.CURRENCY_MISMATCH


def finality_of(status: P) -> Finality:
    """How far a status can no longer be undone."""
    return _FINALITY.get(status, Finality.NONE)


def _hear_silence(standing: Standing, evidence: Evidence, hearing: Hearing) -> Change | RefusedMove:
    if standing.state is S.IN_FLIGHT and hearing.source is EvidenceSource.RESPONSE:
        return _change(standing, S.UNKNOWN, P.OUTCOME_UNKNOWN, evidence)
    if evidence.verdict is Verdict.UNKNOWN:
        return RefusedMove(why="says_nothing")
    by_operator = hearing.source is EvidenceSource.OPERATOR
    if standing.state is not S.UNKNOWN and not (by_operator and standing.state is S.HELD):
        return RefusedMove(why="absence_contradicted_by_state")
    if hearing.absence_proven and hearing.source in {EvidenceSource.POLL, EvidenceSource.OPERATOR}:
        return _change(standing, S.REJECTED, P.REJECTED, evidence, reason=ABSENT)
    return RefusedMove(why="absence_not_proven")


def _move(standing: Standing, evidence: Evidence, hearing: Hearing) -> Change | RefusedMove:
    state, told = _TARGETS[evidence.verdict]
    status = derive_status(state, told)
    if (standing.state, standing.status) == (state, status) and _codes_known(standing, evidence):
        return RefusedMove(why="nothing_new")
    by_operator = hearing.source is EvidenceSource.OPERATOR
    state_may = submission_may_move(standing.state, state, by_operator=by_operator)
    if state_may and not _has_gone_on(standing) and payment_may_move(standing.status, status):
        return _change(standing, state, status, evidence)
    return _refuse(standing, status, evidence)


def _has_gone_on(standing: Standing) -> bool:
    """Whether the payment is another submission's by now."""
    return standing.state in ENDED_SUBMISSIONS and standing.status not in STATUSES_OF[standing.state]


def _refuse(standing: Standing, status: P, evidence: Evidence) -> RefusedMove:
    if standing.state in ENDED_SUBMISSIONS:
        contradicts = evidence.verdict not in _REFUSALS
        why = OperatorCode.LATE_ACCEPTANCE if contradicts else "already_ended"
        return RefusedMove(why=why, needs_person=contradicts)
    if evidence.verdict in _REFUSALS:
        return RefusedMove(why=OperatorCode.REFUSED_AFTER_SETTLEMENT, needs_person=True)
    stale = rank(status) <= rank(standing.status)
    return RefusedMove(why="stale" if stale else OperatorCode.MOVE_NOT_ALLOWED, needs_person=not stale)


def _change(standing: Standing, state: S, status: P, evidence: Evidence, *, reason: str | None = None) -> Change:
    told = reason or (evidence.reason.value if evidence.reason else None)
    iso, raw = codes_after(standing, evidence)
    return Change(
        state=state,
        status=status,
        finality=finality_of(status),
        iso_status=iso,
        raw_status=raw,
        reason=told,
    )


def codes_after(standing: Standing, evidence: Evidence) -> tuple[str | None, str | None]:
    """The ISO code and the bank's own, both of the last word that had any."""
    if evidence.iso_code is None and evidence.raw_code is None:
        return standing.iso_status, standing.raw_status
    return evidence.iso_code, evidence.raw_code


def _codes_known(standing: Standing, evidence: Evidence) -> bool:
    return codes_after(standing, evidence) == (standing.iso_status, standing.raw_status)
