"""The faults of the matrix, and the plan of those that a simulator is to show next."""

from dataclasses import dataclass
from enum import StrEnum

from adapters.contract.accounts import ReadingKind
from adapters.declaration import OperationKind

StruckKind = OperationKind | ReadingKind


class Fault(StrEnum):
    """How a bank can misbehave. Those on the wire strike one request; the others change a payment's fate or news."""

    REFUSE = "refuse"  # An explicit refusal: no payment.
    TOO_MANY = "too_many"  # 429 with Retry-After: no payment.
    TIMEOUT_BEFORE = "timeout_before"  # No answer, and nothing in the books.
    TIMEOUT_AFTER = "timeout_after"  # No answer, although it is in the books.
    RESET_BEFORE = "reset_before"  # The connection breaks, and nothing is in the books.
    RESET_AFTER = "reset_after"  # The connection breaks, although it is in the books.
    COMMIT_LATE = "commit_late"  # No answer; enquiries say "not found"; later it is in the books.
    ANSWER_LATE = "answer_late"  # In the books at once; the answer comes late, within the deadline.
    ERROR_500 = "error_500"  # In the books, but the answer is 500 with an error body.
    ERROR_IN_200 = "error_in_200"  # In the books, but the answer is 200 with an error body.
    WRONG_AMOUNT = "wrong_amount"  # The answer speaks of another amount.
    WRONG_EXPONENT = "wrong_exponent"  # The answer's amount is a hundred times too large.
    WRONG_REFERENCE = "wrong_reference"  # The answer speaks of another payment or consent.
    TRUNCATED = "truncated"  # The answer's body breaks off.
    SLOW_DRIP = "slow_drip"  # The answer comes a byte at a time, longer than any deadline.
    TOO_LARGE = "too_large"  # The answer's body does not end.
    GARBAGE = "garbage"  # 200 with a page that is not of this protocol.
    STALE = "stale"  # In the books without an answer; enquiries are served from a replica that hears of it late.
    REJECT_LATER = "reject_later"  # Accepted, then rejected before it is settled.
    RETURN = "return"  # Settled, then returned.
    STAY_PENDING = "stay_pending"  # Received, and accepted only later.
    NOTIFY_FIRST = "notify_first"  # The notification comes before the answer.
    NOTIFY_TWICE = "notify_twice"  # Each notification comes twice.
    NOTIFY_FORGED = "notify_forged"  # Notifications carry a wrong signature.


# A bank whose answer is lost is silent altogether: otherwise its notification would tell before anyone had to ask.
SILENT = frozenset({Fault.TIMEOUT_AFTER, Fault.RESET_AFTER, Fault.COMMIT_LATE, Fault.STALE})


def struck_kind(name: str) -> StruckKind:
    """The kind of that name. Raises ValueError."""
    return OperationKind(name) if name in set(OperationKind) else ReadingKind(name)


@dataclass(slots=True, kw_only=True)
class _Planned:
    fault: Fault
    kind: StruckKind
    times: int


class FaultPlan:
    """Faults by command: each strikes the next requests of its kind, in the order in which they were planned.

    Kinds of payments' and of account calls that have one name are one: the next consent is struck, of whichever.
    """

    def __init__(self) -> None:
        self._planned: list[_Planned] = []

    def add(self, fault: Fault, kind: StruckKind = OperationKind.SUBMIT, times: int = 1) -> None:
        """Let the next `times` requests of this kind meet the fault."""
        self._planned.append(_Planned(fault=fault, kind=kind, times=times))

    def take(self, kind: StruckKind) -> Fault | None:
        """The fault that this request meets, if one is planned."""
        planned = next((each for each in self._planned if each.kind == kind), None)
        if planned is None:
            return None
        planned.times -= 1
        if planned.times <= 0:
            self._planned.remove(planned)
        return planned.fault

    def clear(self) -> None:
        """Plan nothing."""
        self._planned.clear()
