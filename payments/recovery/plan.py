"""What to do next with a payment, whoever asks: its own process, or the sweeper after a crash. Pure.

The one rule above all others: bytes that may have reached the bank are never sent again, unless the bank itself
declares that the same key makes them one payment, and only within the window for which it declares that.
"""

from datetime import datetime, timedelta

from adapters.declaration import Declaration, EnquiryKey, OperationKind, Recovery
from payments.recovery.reports import is_last_word, reports_until
from payments.recovery.situation import Plan, Situation, Step
from payments.recovery.unsent import WITHDRAWING, is_contradiction, payer_is_late, unsent, waiting_at_the_bank
from payments.states.names import OperationState as O
from payments.states.names import OperatorCode
from payments.states.names import PaymentStatus as P
from payments.states.names import SubmissionState as S

# An unknown payment that only a resend could clear looks this often whether its suspended bank is back.
_SUSPENDED_PAUSE = timedelta(seconds=5)
# Of these a bank has promised nothing, so its absence may be the end of them.
_UNPROMISED = frozenset({P.AWAITING_AUTHORISATION, P.SUBMITTED})


def next_step(it: Situation) -> Plan:
    """The one next step of this payment."""
    if it.operation_state is O.IN_FLIGHT and it.lease_until is not None and it.now < it.lease_until:
        return Plan(step=Step.REST, at=it.lease_until)
    if it.operation_state is O.IN_FLIGHT or it.state is S.IN_FLIGHT:
        return Plan(step=Step.TAKE_OVER)
    if it.state is S.PLANNED:
        return unsent(it)
    if it.state is S.UNKNOWN:
        return _unknown(it)
    beside = _beside_asking(it) if it.state is S.ACCEPTED else None
    return beside or watch(it)


def watch(it: Situation) -> Plan:
    """How a payment that the bank has is followed: asked about, or waited for until a person is called or all is said.

    What has ended, and what is held, rests: the latter is in a person's hands.
    """
    if it.state is not S.ACCEPTED and it.status is not P.SETTLED:
        return Plan(step=Step.REST)
    until = reports_until(it.declaration, it.status, it.updated_at, it.execute_at)
    if until is not None and it.now >= until:
        return Plan(step=Step.REST)
    if can_enquire(it):
        return Plan(step=Step.ENQUIRE)
    return Plan(step=Step.REST, at=until if why_person(it) or until else _owed_until(it))


def why_person(it: Situation) -> OperatorCode | None:
    """Why a person is to look at a payment, where asking on may never end, or nobody can be asked; None while it may.

    A bank that has forgotten a payment may have executed it before, so its absence ends nothing by itself; while the
    payer's time lasts it may be a bank's slow copy that answers. `absence_told` is to be what the bank said last.
    """
    if is_contradiction(it):
        return OperatorCode.CONTRADICTION
    if it.state is not S.ACCEPTED or is_last_word(it.declaration, it.status):
        return None
    if it.status in _UNPROMISED and it.absence_told and payer_is_late(it):
        return OperatorCode.FORGOTTEN_BY_BANK
    if not can_enquire(it) and not it.declaration.notifications:
        return OperatorCode.CANNOT_BE_ASKED
    return OperatorCode.NO_END_TOLD if it.now >= _owed_until(it) else None


def _owed_until(it: Situation) -> datetime:
    """Until when a bank may leave a payment without the word that it owes."""
    since = max(it.updated_at, it.execute_at or it.updated_at)
    return since + timedelta(seconds=it.policy.unknown_age_max_seconds)


def can_enquire(it: Situation) -> bool:
    """Whether the bank can be asked by something that we have."""
    asks = OperationKind.ENQUIRE in it.declaration.operations
    return asks and not _keys_of(it).isdisjoint(it.declaration.enquiry_keys)


def _keys_of(it: Situation) -> set[EnquiryKey]:
    keys = {EnquiryKey.END_TO_END_ID, EnquiryKey.IDEMPOTENCY_KEY}
    if it.has_bank_reference:
        keys.add(EnquiryKey.BANK_REFERENCE)
    return keys | {EnquiryKey.CONSENT} if it.has_consent else keys


def _would_tell_outcome(it: Situation) -> bool:
    """Whether an enquiry would tell what became of the payment.

    A consent tells only whether it was used. So while the bank makes one payment of a repeat, repeating tells more.
    """
    return can_enquire(it) and not set(it.declaration.enquiry_keys).isdisjoint(_keys_of(it) - {EnquiryKey.CONSENT})


def cleared_by_machine(declaration: Declaration) -> bool:
    """Whether an unknown submission always ends without persons: by a resend, or by an enquiry that proves absence."""
    if declaration.recovery_of(OperationKind.SUBMIT) is Recovery.RESEND:
        return declaration.idempotency is not None
    ours = {EnquiryKey.END_TO_END_ID, EnquiryKey.IDEMPOTENCY_KEY}
    can_ask = OperationKind.ENQUIRE in declaration.operations and not ours.isdisjoint(declaration.enquiry_keys)
    held = declaration.recovery_of(OperationKind.SUBMIT) is Recovery.HOLD
    return can_ask and not held and declaration.absence_proven_after_seconds is not None


def may_lease_at_once(declaration: Declaration) -> bool:
    """Whether a payment's first lease may be taken with its intent, by the process that sends right afterwards.

    A death in between leaves an outcome that is unknown, although no byte left: where only persons could clear that,
    intent and lease stay two commits. So they do where a quota may refuse the call at this moment, and where a payer
    is sent out: such a payment takes more than one call, and more than one word of the bank.
    """
    limited = any(OperationKind.SUBMIT in quota.kinds for quota in declaration.quotas)
    return cleared_by_machine(declaration) and not limited and not declaration.sends_payers


def absence_proven(it: Situation) -> bool:
    """Whether "not found" said now is proof: the declared time has passed since the last byte may have left."""
    return it.last_sent_at is not None and it.declaration.absence_proven(it.seconds_since(it.last_sent_at))


def _beside_asking(it: Situation) -> Plan | None:
    """What is to be done for a payment that the bank has, other than to ask how it stands."""
    if it.operation_state is O.PLANNED and it.operation_kind in WITHDRAWING:
        return Plan(step=Step.SEND)
    return waiting_at_the_bank(it)


def _unknown(it: Situation) -> Plan:
    if it.declaration.recovery_of(it.declaration.arms) is Recovery.HOLD or _too_long(it):
        return Plan(step=Step.HOLD)
    if _resend_allowed(it) and (it.absence_told or not _would_tell_outcome(it)):
        return _resend(it)
    return Plan(step=Step.ENQUIRE if can_enquire(it) else Step.HOLD)


def _resend(it: Situation) -> Plan:
    """A resend waits for the bank's shortest time between two sends, and for whoever is suspended."""
    pause = it.declaration.idempotency.min_resend_seconds if it.declaration.idempotency else 0
    earliest = (it.last_sent_at or it.now) + timedelta(seconds=pause)
    if it.now < earliest:
        return Plan(step=Step.REST, at=earliest)
    if not it.blocked:
        return Plan(step=Step.RESEND)
    if _would_tell_outcome(it):
        return Plan(step=Step.ENQUIRE)
    return Plan(step=Step.REST, at=it.now + _SUSPENDED_PAUSE)


def _resend_allowed(it: Situation) -> bool:
    """Within the bank's window, and as the payer only while their access lasts: its refusal would prove nothing."""
    since, held = it.first_sent_at, it.authorisation
    if held is not None and held.expires_at is not None and it.now >= held.expires_at:
        return False
    return since is not None and it.declaration.resend_allowed(it.declaration.arms, it.seconds_since(since))


def _too_long(it: Situation) -> bool:
    since = it.last_sent_at or it.created_at
    return it.now >= since + timedelta(seconds=it.policy.unknown_age_max_seconds)
