"""What an answer of a bank, or none, changes of a consent. Pure."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from accounts.consents.plan import Journey, Step
from accounts.consents.rows import ConsentRow
from accounts.consents.states import ConsentState
from adapters.contract import Answered, Authorisation, AuthorisationMethod, Exchange, Grant, NeverLeft, Outcome
from adapters.contract.accounts import AccountAdapter, ConsentStatus, Reading, ReadingKind, Trouble

_LOST = Reading(trouble=Trouble.UNREADABLE)
_OVER = {
    ConsentStatus.REJECTED: (ConsentState.REJECTED, "bank_rejected"),
    ConsentStatus.EXPIRED: (ConsentState.EXPIRED, "bank_expired"),
    ConsentStatus.REVOKED: (ConsentState.REVOKED, "holder_revoked"),
}
_GONE = frozenset({Trouble.CONSENT_NOT_USABLE, Trouble.NOT_FOUND})
_REFUSALS = _GONE | {Trouble.REFUSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One answer: what was read, and whether the call may have reached the bank at all.

    `exchange` is what is kept of the call; None where none was made.
    """

    reading: Reading = _LOST
    left: bool = True
    retry_after_seconds: float | None = None
    exchange: Exchange | None = field(default=None, repr=False)

    @classmethod
    def refusal(cls) -> Self:
        """As if the bank had refused: there is nothing to ask it with."""
        return cls(reading=Reading(trouble=Trouble.REFUSED), left=False)

    @property
    def asked_wait(self) -> float | None:
        """For how long the bank, or what guards it, wants to be left alone."""
        told = self.reading.retry_after_seconds
        return self.retry_after_seconds if told is None else float(told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What becomes of a consent; what is None or False stays as it is. `again` asks for a later try."""

    status: ConsentState | None = None
    reason: str | None = None
    bank_consent_id: str | None = None
    authorisation: Authorisation | None = field(default=None, repr=False)
    valid_until: datetime | None = None
    grant: Grant | None = field(default=None, repr=False)
    must_end: bool | None = None
    trusted: bool = False
    forget_code: bool = False
    exchange_unsent: bool = False
    again: bool = False


def heard_of(adapter: AccountAdapter, kind: ReadingKind, outcome: Outcome) -> Heard:
    """What a call brought."""
    if isinstance(outcome, Answered):
        return Heard(reading=adapter.parse(kind, outcome.reply), exchange=outcome.exchange)
    if isinstance(outcome, NeverLeft):
        return Heard(left=False, retry_after_seconds=outcome.retry_after_seconds, exchange=outcome.exchange)
    return Heard(exchange=outcome.exchange)


def change_by(step: Step, consent: ConsentRow, journey: Journey, heard: Heard) -> Change:
    """What the answer to a step's call changes."""
    if heard.reading.trouble is Trouble.UNREADABLE or _is_anothers(step, consent, heard.reading):
        heard = replace(heard, reading=_LOST)  # Whatever else stands there is not believed.
    if step is Step.END:
        return _end(heard)
    if consent.is_final:
        return _too_late(step, consent, heard.reading)
    match step:
        case Step.ASK:
            return _ask(journey, heard.reading)
        case Step.BEGIN:
            return _begin(heard.reading)
        case Step.EXCHANGE:
            return _exchange(heard)
        case _:
            return _check(consent, heard.reading)


def _is_anothers(step: Step, consent: ConsentRow, reading: Reading) -> bool:
    """Whether the bank answers about another consent than it was asked about."""
    return step is not Step.ASK and reading.consent_id not in {None, consent.bank_consent_id}


def expiry(consent: ConsentRow) -> Change:
    """Its time is over, or the bank gives nothing under it any more."""
    reason = "not_authorised_in_time"
    if consent.status is ConsentState.AUTHORISED:
        reason = "access_lost" if consent.is_doubted else "validity_ended"
    return _over(ConsentState.EXPIRED, reason)


def burnt() -> Change:
    """The code was sent once, and the answer is lost: nobody gets access by it any more."""
    return _over(ConsentState.EXPIRED, "code_burnt")


def refreshed(heard: Heard) -> Change:
    """What the answer to a request for new access changes."""
    if heard.reading.grant is not None:
        return Change(grant=heard.reading.grant)
    if heard.reading.trouble in _REFUSALS:
        return _over(ConsentState.EXPIRED, "access_lost")
    return Change(again=True)


def _over(status: ConsentState, reason: str) -> Change:
    """The bank has to hear of it, if it has the consent (accounts/consents/ledger.py knows)."""
    return Change(status=status, reason=reason, must_end=True, forget_code=True)


def _too_late(step: Step, consent: ConsentRow, reading: Reading) -> Change:
    """It ended while the call was under way: what the bank has made by it is ended there too."""
    made = reading.consent_id if step is Step.ASK else consent.bank_consent_id
    return Change(bank_consent_id=made, must_end=True if made else None, forget_code=True)


def _ask(journey: Journey, reading: Reading) -> Change:
    """An answer that cannot be believed costs another consent; the one that it may have made is never authorised."""
    if over := _ended_there(reading):
        return over
    if reading.trouble is Trouble.REFUSED:
        return Change(status=ConsentState.REJECTED, reason="bank_refused")
    if reading.trouble is not None or not reading.consent_id:
        return Change(again=True)
    return _made(journey, reading)


def _made(journey: Journey, reading: Reading) -> Change:
    """The bank has the consent; what comes next for its holder."""
    made = Change(bank_consent_id=reading.consent_id, valid_until=reading.expires_at)
    if reading.consent_status is ConsentStatus.AUTHORISED and not journey.exchanges:
        return _with(made, status=ConsentState.AUTHORISED)
    if reading.authorisation is not None and reading.authorisation.leads_somewhere:
        return _with(made, status=ConsentState.AWAITING_AUTHORISATION, authorisation=reading.authorisation)
    if journey.begins:
        return made
    return _with(made, status=ConsentState.AWAITING_AUTHORISATION, authorisation=Authorisation())


def _begin(reading: Reading) -> Change:
    if over := _ended_there(reading):
        return over
    if reading.trouble in _REFUSALS:
        return _over(ConsentState.REJECTED, "bank_refused")
    if reading.trouble is not None:
        return Change(again=True)
    # A bank that needs nothing of the holder tells so when it is asked how the consent stands.
    given = reading.authorisation or Authorisation(method=AuthorisationMethod.DECOUPLED)
    return Change(status=ConsentState.AWAITING_AUTHORISATION, authorisation=given)


def _exchange(heard: Heard) -> Change:
    """A code is good once: whatever is no access, and may have arrived, has burnt it."""
    if heard.reading.grant is not None:
        return Change(status=ConsentState.AUTHORISED, grant=heard.reading.grant, forget_code=True)
    if not heard.left:
        return Change(exchange_unsent=True, again=True)
    return _over(ConsentState.EXPIRED, "code_refused") if heard.reading.trouble in _REFUSALS else burnt()


def _check(consent: ConsentRow, reading: Reading) -> Change:
    if over := _ended_there(reading):
        return over
    if reading.trouble in _GONE:
        return Change(status=ConsentState.EXPIRED, reason="bank_expired", forget_code=True)
    if reading.consent_status is ConsentStatus.AUTHORISED:
        return Change(status=ConsentState.AUTHORISED, valid_until=reading.expires_at, trusted=True)
    if reading.consent_status is ConsentStatus.AWAITING_AUTHORISATION and consent.is_doubted:
        return _over(ConsentState.EXPIRED, "access_lost")
    return Change(again=True)


def _end(heard: Heard) -> Change:
    """Heard of is what the bank confirms, and what it does not know any more."""
    if heard.left and (heard.reading.trouble is None or heard.reading.trouble in _GONE):
        return Change(must_end=False)
    return Change(again=True)


def _ended_there(reading: Reading) -> Change | None:
    """The consent's end as the bank tells it; there is nothing left to end there."""
    found = _OVER.get(reading.consent_status) if reading.consent_status is not None else None
    if found is None:
        return None
    return Change(status=found[0], reason=found[1], bank_consent_id=reading.consent_id, forget_code=True)


def _with(change: Change, *, status: ConsentState | None = None, authorisation: Authorisation | None = None) -> Change:
    return Change(
        bank_consent_id=change.bank_consent_id,
        valid_until=change.valid_until,
        status=status,
        authorisation=authorisation,
    )
