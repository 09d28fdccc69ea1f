"""What a bank says of its payer beside what it says of a payment, and what the two mean together. Pure.

Some banks say "pending" of a payment that nobody has approved, and many say "rejected" of one that its payer refused
and do not say why. How the payer's authorisations stand tells; it never ends a payment by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from adapters.contract import Authorisation, Evidence, Reason, Verdict
from payments.states.names import AuthorisationStatus as A


class Attitude(StrEnum):
    """How it stands with the payer, by the bank's word."""

    NOT_ASKED = "not_asked"  # No authorisation was begun.
    AWAITED = "awaited"  # One at least waits for the payer.
    APPROVED = "approved"  # They approved, or need not.
    REFUSED = "refused"  # They said no, or could not prove who they are.


@dataclass(frozen=True, slots=True, kw_only=True)
class PayersWord:
    """The attitude, and how the payer approves where the bank told it once more."""

    attitude: Attitude
    authorisation: Authorisation | None = None


_UNTOLD = frozenset({None, Reason.UNSPECIFIED})


def is_unclear(payer: A | None, evidence: Evidence) -> bool:
    """Whether this word about a payment is clear only beside one about its payer.

    `payer` is how the authorisation stands here. A start whose answer was lost may have been made or not; "pending" may
    be said before the approval; a bare rejection may be the payer's.
    """
    match evidence.verdict:
        case Verdict.NEEDS_AUTHORISATION:
            return payer is A.PLANNED
        case Verdict.PENDING:
            return payer in {A.PLANNED, A.AWAITING, A.REFUSED}
        case Verdict.REJECTED:
            return payer in {A.PLANNED, A.AWAITING, A.RETURNED} and evidence.reason in _UNTOLD
        case _:
            return False


def word_of(told: Sequence[Evidence]) -> PayersWord | None:
    """What the answers about all authorisations of a payment say together; None while one of them is not understood.

    An approval is one whatever the others say. A payer who refused one and is still asked by another is awaited.
    """
    if any(each.verdict is Verdict.PENDING for each in told):
        return PayersWord(attitude=Attitude.APPROVED)
    refused = [each.reason is Reason.AUTHORISATION_REFUSED for each in told]
    waiting = [each for each in told if each.verdict is Verdict.NEEDS_AUTHORISATION]
    if len(waiting) + sum(refused) < len(told):
        return None
    if waiting:
        return PayersWord(attitude=Attitude.AWAITED, authorisation=waiting[-1].authorisation)
    return PayersWord(attitude=Attitude.REFUSED if told else Attitude.NOT_ASKED)


def beside(evidence: Evidence, word: PayersWord | None, payer: A | None) -> Evidence:
    """What the bank's word about a payment means beside that about its payer."""
    refused = payer is A.REFUSED or (word is not None and word.attitude is Attitude.REFUSED)
    if evidence.verdict is Verdict.REJECTED:
        return replace(evidence, reason=_reason(evidence, refused=refused))
    if evidence.verdict not in {Verdict.PENDING, Verdict.NEEDS_AUTHORISATION} or not _waits(word, payer):
        return evidence
    told = word.authorisation if word is not None and payer is A.PLANNED else None
    return replace(evidence, verdict=Verdict.NEEDS_AUTHORISATION, authorisation=told or evidence.authorisation)


def _waits(word: PayersWord | None, payer: A | None) -> bool:
    """A bank that lists none, where one was begun for certain, lists them wrongly."""
    if word is None or word.attitude is Attitude.APPROVED:
        return False
    return word.attitude is not Attitude.NOT_ASKED or payer is A.PLANNED


def _reason(evidence: Evidence, *, refused: bool) -> Reason | None:
    """Only a reason that the bank left open is the payer's."""
    return Reason.AUTHORISATION_REFUSED if refused and evidence.reason in _UNTOLD else evidence.reason
