"""What an answer changes while nothing was sent that can move money. Pure.

A bank's word about a payment is decided in decide.py. Here it is about a payer's consent, and whatever it says, no
money has moved: so what is not understood costs another try, and what is lost costs the consent.
"""

from dataclasses import dataclass
from enum import StrEnum

from adapters.contract import Evidence, Verdict
from adapters.declaration import Declaration, OperationKind
from payments.states.decide import Standing, mismatch
from payments.states.names import OperatorCode


class Course(StrEnum):
    """How a journey goes on."""

    ONWARD = "onward"  # The next operation is planned.
    AWAIT = "await"  # The payer is sent to the bank.
    AGAIN = "again"  # Nothing was learnt: another try.
    LOST = "lost"  # The payer's code is used up and brought nothing of ours: nobody can pay with this consent.
    BEGUN = "begun"  # The bank began the authorisation by itself: what was to arm the payment is done already.
    REFUSED = "refused"  # The bank will not have it, or speaks of other terms.
    EXECUTED = "executed"  # The bank did more than was asked of it: its word counts as about a payment that was sent.


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A course, and why; `needs_person` where the bank's answer contradicts what it was asked."""

    course: Course
    why: str | None = None
    needs_person: bool = False


_SILENT = frozenset({Verdict.UNKNOWN, Verdict.NOT_FOUND})
_REFUSALS = frozenset({Verdict.REJECTED, Verdict.CANCELLED})


def turn_of(declaration: Declaration, kind: OperationKind, standing: Standing, evidence: Evidence) -> Turn:
    """What the answer to an operation before the arming one changes."""
    if kind is declaration.after_return:
        return _exchanged(standing, evidence)
    if kind is OperationKind.CONFIRM_FUNDS:
        return _confirmed(evidence)
    if evidence.verdict in _SILENT:
        return Turn(course=Course.AGAIN, why="says_nothing")
    if evidence.verdict in _REFUSALS:
        return Turn(course=Course.REFUSED, why=evidence.reason.value if evidence.reason else None)
    if evidence.verdict is Verdict.NEEDS_AUTHORISATION:
        return _prepared(declaration, kind, standing, evidence)
    return Turn(course=Course.EXECUTED)


def _exchanged(standing: Standing, evidence: Evidence) -> Turn:
    """Access, or a code that is used up; access to what another consent allows is not ours to use."""
    if evidence.verdict is not Verdict.ACCEPTED or evidence.grant is None:
        return Turn(course=Course.LOST, why="authorisation_lost")
    if evidence.consent_id not in {None, standing.consent_id}:
        return Turn(course=Course.LOST, why=OperatorCode.CONSENT_MISMATCH, needs_person=True)
    return Turn(course=Course.ONWARD)


def _confirmed(evidence: Evidence) -> Turn:
    """Only a plain "no" ends the payment; whatever else is said, the bank decides when it is told to pay."""
    if evidence.verdict is Verdict.REJECTED:
        return Turn(course=Course.REFUSED, why=evidence.reason.value if evidence.reason else None)
    return Turn(course=Course.ONWARD, why="says_nothing" if evidence.verdict in _SILENT else None)


def _prepared(declaration: Declaration, kind: OperationKind, standing: Standing, evidence: Evidence) -> Turn:
    """The bank waits for the payer; never for one of another payment."""
    wrong = mismatch(standing, evidence)
    if wrong is not None:
        return Turn(course=Course.REFUSED, why=wrong, needs_person=True)
    if evidence.consent_id is None and evidence.bank_reference is None:
        return Turn(course=Course.AGAIN, why="names_no_consent")
    if declaration.after_return is None and evidence.authorisation is not None:
        return Turn(course=Course.BEGUN)
    waits = declaration.follows(kind) is declaration.after_return
    return Turn(course=Course.AWAIT if waits else Course.ONWARD)
