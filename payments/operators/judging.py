"""Whether what one person saw in a bank's books counts now. Pure.

It is about the payment as it stood when they looked: what has moved since then, by the bank's word or by ours, is to be
looked at again. That the bank has it not, or refused it, was seen too early while our last call could still arrive.
"""

from dataclasses import replace

from adapters.contract import Evidence, Verdict
from kernel.errors import Conflict
from payments.calls.cases import Case
from payments.calls.operations import lease_length
from payments.operators.proposals import Proposed
from payments.states.decide import Change, Hearing, RefusedMove, decide
from payments.states.names import EvidenceSource

# What a person can learn at a bank.
VERDICTS = (
    Verdict.ACCEPTED,
    Verdict.SETTLED,
    Verdict.COMPLETED,
    Verdict.RETURNED,
    Verdict.REJECTED,
    Verdict.CANCELLED,
    Verdict.NOT_FOUND,
)
_NO_MONEY = frozenset({Verdict.REJECTED, Verdict.CANCELLED, Verdict.NOT_FOUND})
# The payment says what the person saw already: with that, what is open about it can be closed.
_AGREEING = frozenset({"nothing_new", "already_ended"})


def objection(case: Case, proposed: Proposed) -> Conflict | None:
    """Why this does not count for the payment as it stands; None where it does.

    Codes: `evidence_outdated`, `evidence_too_early`, `bank_reference_mismatch`, and `evidence_refused` where the tables
    of moves do not let even two persons do it.
    """
    if proposed.payment_version != case.payment.version:
        return Conflict("the payment has changed since this was proposed", code="evidence_outdated")
    if _is_too_early(case, proposed):
        return Conflict("a call may still have reached the bank after this was seen", code="evidence_too_early")
    known = case.submission.bank_reference
    if None not in {known, proposed.bank_reference} and known != proposed.bank_reference:
        return Conflict("the bank gave this payment another reference", code="bank_reference_mismatch")
    if isinstance(_decided(case, proposed), Change) or agrees(case, proposed):
        return None
    return Conflict(_allowed_instead(case, proposed), code="evidence_refused")


def agrees(case: Case, proposed: Proposed) -> bool:
    """Whether the payment is already what the person saw, so that nothing of it moves."""
    decided = _decided(case, proposed)
    return isinstance(decided, RefusedMove) and decided.why in _AGREEING


def _allowed_instead(case: Case, proposed: Proposed) -> str:
    others = [replace(proposed, verdict=each) for each in VERDICTS]
    allowed = [each.verdict.value for each in others if isinstance(_decided(case, each), Change) or agrees(case, each)]
    told = f"the verdicts that count now: {', '.join(allowed)}" if allowed else "no verdict counts now"
    status = case.payment.status.value.replace("_", " ")
    return f"the payment is {status}, which does not allow {proposed.verdict.value}; {told}"


def _decided(case: Case, proposed: Proposed) -> Change | RefusedMove:
    evidence = Evidence(verdict=proposed.verdict)
    return decide(case.standing, evidence, Hearing(source=EvidenceSource.OPERATOR, absence_proven=True))


def _is_too_early(case: Case, proposed: Proposed) -> bool:
    sent_at = case.operation.last_sent_at
    if proposed.verdict not in _NO_MONEY or sent_at is None:
        return False
    return proposed.proposed_at < sent_at + lease_length(case.background.bank.declaration)
