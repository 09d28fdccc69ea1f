"""Which call or change a consent needs next. Pure: a row, what the bank's protocol can do, and the time."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from accounts.consents.rows import ConsentRow
from accounts.consents.states import ConsentState
from adapters.contract.accounts import ReadingKind
from adapters.declaration import Declaration, OperationKind


class Step(StrEnum):
    """What to do now."""

    ASK = "ask"  # Ask the bank for a consent.
    BEGIN = "begin"  # Begin the authorisation of a consent that the bank has.
    EXCHANGE = "exchange"  # Exchange the code that the holder brought.
    CHECK = "check"  # Ask how the consent stands.
    END = "end"  # Tell the bank that it is over.
    EXPIRE = "expire"  # Its time is over.
    BURN = "burn"  # The code was sent and nobody knows the answer; it is good once only.
    WAIT = "wait"  # Nothing, before `next_check_at`.


CALLS: dict[Step, ReadingKind] = {
    Step.ASK: ReadingKind.CONSENT,
    Step.BEGIN: ReadingKind.AUTHORISE,
    Step.EXCHANGE: ReadingKind.AUTHORISE,
    Step.CHECK: ReadingKind.CONSENT_STATUS,
    Step.END: ReadingKind.CONSENT_END,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """What a bank's protocol can do about consents.

    Where the holder brings a code, it is exchanged; else the authorisation may have to be begun, and the bank is asked
    how the consent stands.
    """

    exchanges: bool
    begins: bool
    checks: bool
    ends: bool

    @classmethod
    def of(cls, declaration: Declaration) -> Self:
        """As the protocol declares."""
        exchanges = declaration.after_return is OperationKind.AUTHORISE
        return cls(
            exchanges=exchanges,
            begins=not exchanges and ReadingKind.AUTHORISE in declaration.reads,
            checks=ReadingKind.CONSENT_STATUS in declaration.reads,
            ends=ReadingKind.CONSENT_END in declaration.reads,
        )


def next_step(consent: ConsentRow, journey: Journey, now: datetime) -> Step:
    """The next step. While a call is leased there is none; a lease that ended is that of a process that went away."""
    if consent.lease_until is not None and consent.lease_until > now:
        return Step.WAIT
    if consent.is_final:
        return _after_the_end(consent, journey, now)
    if now >= consent.valid_until:
        return Step.EXPIRE
    match consent.status:
        case ConsentState.CREATED:
            return _before_authorisation(consent, now)
        case ConsentState.AWAITING_AUTHORISATION:
            return _while_awaited(consent, journey, now)
        case _:
            return _while_authorised(consent, journey)


def _after_the_end(consent: ConsentRow, journey: Journey, now: datetime) -> Step:
    """A bank that has not heard of the end is told until the consent would have ended by itself."""
    needs_word = consent.must_end and journey.ends and now < consent.valid_until
    return Step.END if needs_word else Step.WAIT


def _before_authorisation(consent: ConsentRow, now: datetime) -> Step:
    if now >= consent.authorise_by:
        return Step.EXPIRE
    return Step.ASK if consent.bank_consent_id is None else Step.BEGIN


def _while_awaited(consent: ConsentRow, journey: Journey, now: datetime) -> Step:
    if consent.exchange_sent:
        return Step.BURN
    if consent.sealed_code is not None and journey.exchanges:
        return Step.EXCHANGE
    if now >= consent.authorise_by:
        return Step.EXPIRE
    return Step.CHECK if journey.checks and not journey.exchanges else Step.WAIT


def _while_authorised(consent: ConsentRow, journey: Journey) -> Step:
    if not consent.is_doubted:
        return Step.WAIT
    return Step.CHECK if journey.checks else Step.EXPIRE
