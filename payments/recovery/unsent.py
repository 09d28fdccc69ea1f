"""What to do with a payment of which nothing was sent that can move money, and with a payer who does not come. Pure.

Here a lost answer costs another try, or the consent: never a payment. Only the exchange of the payer's code is made
once, for a code that may have been used is worth nothing.
"""

from datetime import datetime, timedelta

from adapters.declaration import OperationKind
from payments.recovery.situation import Plan, Situation, Step
from payments.states.names import AuthorisationStatus as A
from payments.states.names import OperationState as O
from payments.states.names import PaymentStatus as P
from payments.states.names import SubmissionState as S

BANK_UNREACHABLE = "bank_unreachable"
AUTHORISATION_EXPIRED = "authorisation_expired"
AUTHORISATION_LOST = "authorisation_lost"
AUTHORISATION_REFUSED = "authorisation_refused"
# How often the start of an authorisation is asked for, where none of the answers told where the payer is to go.
STARTS_MAX = 3
# What asks that a payment be withdrawn.
WITHDRAWING = frozenset({OperationKind.CANCEL, OperationKind.AUTHORISE_CANCEL})


def unsent(it: Situation) -> Plan:
    """The next step while nothing was sent that can move money."""
    if is_contradiction(it):
        return Plan(step=Step.REST)
    if it.operation_state is O.ANSWERED:
        return _wait_for_payer(it)
    reason = _lost(it)
    if reason is not None or it.now >= _begins(it) + timedelta(seconds=it.policy.unsent_age_max_seconds):
        return Plan(step=Step.EXPIRE, reason=reason)
    if it.now < _begins(it):
        return Plan(step=Step.REST, at=_begins(it))
    if it.blocked:
        return Plan(step=Step.QUEUE)
    return Plan(step=Step.SEND) if it.operation_state is O.PLANNED else _once_more(it)


def is_contradiction(it: Situation) -> bool:
    """Whether the arming operation was sent of a submission of which nothing was.

    No row is like this; were one, a person would have to look, and nothing would be sent of it.
    """
    sent = it.operation_state in {O.UNKNOWN, O.ANSWERED, O.NEVER_LEFT}
    return it.state is S.PLANNED and sent and it.declaration.is_armed_by(it.operation_kind)


def waiting_at_the_bank(it: Situation) -> Plan | None:
    """What to do for a payer whose bank waits for them, beside asking the bank how it stands; None for nothing."""
    authorisation = it.authorisation
    if authorisation is None or it.status is not P.AWAITING_AUTHORISATION:
        return None
    if authorisation.status is A.PLANNED and _may_start_again(it):
        # The bank has one payment and executes it once at most: only its answer, with where to go, is missing.
        return Plan(step=Step.AGAIN, kind=OperationKind.AUTHORISE)
    return Plan(step=Step.AGAIN, kind=OperationKind.CANCEL) if _is_to_be_withdrawn(it) else None


def payer_is_late(it: Situation) -> bool:
    """Whether the time is over in which a payer was to come."""
    return it.authorisation is not None and it.now >= _payer_until(it)


def _wait_for_payer(it: Situation) -> Plan:
    until = _payer_until(it)
    if it.now < until:
        return Plan(step=Step.REST, at=until)
    return Plan(step=Step.EXPIRE, reason=AUTHORISATION_EXPIRED)


def _lost(it: Situation) -> str | None:
    """Why it cannot go on, if so."""
    held = it.authorisation
    if it.operation_kind is it.declaration.after_return and it.operation_state is not O.PLANNED:
        return AUTHORISATION_LOST
    if held is not None and held.status is A.GRANTED and held.expires_at is not None and it.now >= held.expires_at:
        return AUTHORISATION_EXPIRED
    if it.operation_state is O.UNKNOWN and _is_spent(it, it.operation_kind):
        return BANK_UNREACHABLE
    return None


def _is_spent(it: Situation, kind: OperationKind) -> bool:
    return it.tries_of(kind).calls >= it.policy.submissions_max


def _may_start_again(it: Situation) -> bool:
    """What never left us was no start."""
    kind = OperationKind.AUTHORISE
    return not it.blocked and it.tries_of(kind).left < STARTS_MAX and not _is_spent(it, kind)


def _once_more(it: Situation) -> Plan:
    """By the declared recovery where that is a resend, else by a new operation; what is asked once only is let go."""
    if it.operation_kind is OperationKind.CONFIRM_FUNDS:
        return Plan(step=Step.ONWARD, kind=it.declaration.follows(it.operation_kind))
    sent = it.first_sent_at
    if sent is not None and it.declaration.resend_allowed(it.operation_kind, it.seconds_since(sent)):
        return Plan(step=Step.RESEND)
    return Plan(step=Step.AGAIN, kind=it.operation_kind)


def _is_to_be_withdrawn(it: Situation) -> bool:
    """Nobody came in time, and the bank can be told so; one that was told, and answered, is only asked.

    One that said "pending" last is asked too: its payer may have approved in the app, and is not to be thwarted.
    """
    asked = it.operation_kind is OperationKind.CANCEL and it.operation_state is O.ANSWERED
    told = asked or it.operation_kind is OperationKind.AUTHORISE_CANCEL
    can = OperationKind.CANCEL in it.declaration.operations and not _is_spent(it, OperationKind.CANCEL)
    return can and not told and not it.pending_told and it.now >= _payer_until(it)


def _payer_until(it: Situation) -> datetime:
    known = it.authorisation.expires_at if it.authorisation else None
    return known or it.updated_at + timedelta(seconds=it.policy.authorisation_seconds)


def _begins(it: Situation) -> datetime:
    """A bank that schedules is told at once."""
    return max(it.created_at, it.execute_at or it.created_at) if not it.declaration.schedules else it.created_at
