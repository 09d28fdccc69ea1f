"""What the answers of account information bring. Never raises: what is not understood brings nothing."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from adapters.berlin_group.answers import authorisation_of
from adapters.berlin_group.information.entries import account_of, balance_of, is_readable, number_of, transactions_of
from adapters.berlin_group.information.tables import CONSENT_STATUSES, OURS, TROUBLES
from adapters.berlin_group.reading import as_list, error_code, links_of
from adapters.berlin_group.tables import ERRORS, SCA_STATUSES
from adapters.contract import Verdict
from adapters.contract.accounts import ConsentStatus, Reading, ReadingKind, Trouble
from adapters.reading.retry_after import retry_after_seconds
from adapters.reading.strict import Unreadable, as_object, code_of, id_of, read_object
from adapters.wire import WireReply

_BASE = "/v1/"


def read(kind: ReadingKind, reply: WireReply) -> Reading:
    """What one answer brings."""
    try:
        return _failure(reply) if reply.status >= 300 else _success(kind, reply)
    except Unreadable as wrong:
        seconds = retry_after_seconds(reply.headers)
        trouble = Trouble.TOO_MANY_READS if reply.status == 429 else Trouble.UNREADABLE
        return Reading(trouble=trouble, raw_code=wrong.raw_code, retry_after_seconds=seconds)


def _success(kind: ReadingKind, reply: WireReply) -> Reading:
    if (kind, reply.status) == (ReadingKind.CONSENT_END, 204):
        return Reading(consent_status=ConsentStatus.REVOKED)
    if kind not in _READERS or reply.status != _READERS[kind][0]:
        raise Unreadable
    return _READERS[kind][1](reply, read_object(reply.body))


def _asked(reply: WireReply, body: dict[str, Any]) -> Reading:
    status, links = _status(body), links_of(body)
    authorisation = None
    if status is ConsentStatus.AWAITING_AUTHORISATION:
        authorisation = authorisation_of(reply, links)
        if authorisation is None and "startAuthorisation" not in links:
            raise Unreadable("sca_not_supported")
    return Reading(consent_status=status, consent_id=id_of(body.get("consentId")), authorisation=authorisation)


def _begun(reply: WireReply, body: dict[str, Any]) -> Reading:
    id_of(body.get("authorisationId"))
    status = code_of(body.get("scaStatus"))
    if status not in SCA_STATUSES:
        raise Unreadable(status)
    authorisation = authorisation_of(reply, links_of(body))
    if authorisation is None and SCA_STATUSES[status] is Verdict.NEEDS_AUTHORISATION:
        raise Unreadable("sca_not_supported")
    return Reading(raw_code=status, authorisation=authorisation)


def _standing(_reply: WireReply, body: dict[str, Any]) -> Reading:
    """How a consent stands, and its end: the bank may have made it shorter. It holds for the whole of its last day."""
    status, told = _status(body), body.get("validUntil")
    try:
        last = date.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        last = None
    expires_at = _midnight_after(last) if last is not None else None
    return Reading(consent_status=status, expires_at=expires_at)


def _midnight_after(day: date) -> datetime | None:
    try:
        return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    except OverflowError:
        return None  # 9999-12-31 is how the standard says "as long as possible".


def _page(_reply: WireReply, body: dict[str, Any]) -> Reading:
    report = as_object(body.get("transactions"))
    return Reading(transactions=transactions_of(report), iban=number_of(body), next_page=_next(report))


def _accounts(_reply: WireReply, body: dict[str, Any]) -> Reading:
    listed = as_list(body.get("accounts"), needed=True)
    return Reading(accounts=tuple(account_of(each) for each in listed if is_readable(each)))


def _balances(_reply: WireReply, body: dict[str, Any]) -> Reading:
    listed = as_list(body.get("balances"), needed=True)
    return Reading(balances=tuple(balance_of(each) for each in listed), iban=number_of(body))


def _next(report: dict[str, Any]) -> str | None:
    """The path of the link to the next page: it may be a whole address, and is followed at the known server only."""
    href = links_of(report).get("next")
    if href is None:
        return None
    before, base, rest = href.partition(_BASE)
    if not base or "?" in before:
        raise Unreadable
    return base + rest


def _status(body: dict[str, Any]) -> ConsentStatus:
    code = code_of(body.get("consentStatus"))
    if code not in CONSENT_STATUSES:
        raise Unreadable(code)
    return CONSENT_STATUSES[code]


def _failure(reply: WireReply) -> Reading:
    code = error_code(reply, read_object(reply.body))
    seconds = retry_after_seconds(reply.headers)
    if reply.status == 429:
        return Reading(trouble=Trouble.TOO_MANY_READS, raw_code=code, retry_after_seconds=seconds)
    if reply.status >= 500 or code not in ERRORS or code in OURS:
        return Reading(trouble=Trouble.UNREADABLE, raw_code=code, retry_after_seconds=seconds)
    return Reading(trouble=TROUBLES.get(code, Trouble.REFUSED), raw_code=code, retry_after_seconds=seconds)


_Reader = Callable[[WireReply, dict[str, Any]], Reading]
_READERS: dict[ReadingKind, tuple[int, _Reader]] = {
    ReadingKind.CONSENT: (201, _asked),
    ReadingKind.AUTHORISE: (201, _begun),
    ReadingKind.CONSENT_STATUS: (200, _standing),
    ReadingKind.ACCOUNTS: (200, _accounts),
    ReadingKind.BALANCES: (200, _balances),
    ReadingKind.TRANSACTIONS: (200, _page),
}
