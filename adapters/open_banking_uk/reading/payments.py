"""What answers about payments and their consents prove."""

from collections.abc import Mapping
from typing import Any, TypeVar

from adapters.contract import Account, Authorisation, Evidence, Reason, Verdict
from adapters.declaration import OperationKind
from adapters.open_banking_uk.reading.strict import account_of, data_of, money
from adapters.open_banking_uk.tables.errors import CONSENT_REFUSALS, ERRORS, PAYMENT_REFUSALS
from adapters.open_banking_uk.tables.reasons import REASONS
from adapters.open_banking_uk.tables.statuses import CONSENT_ASKED, CONSENT_MADE, DETAIL_STATUSES, PAYMENT_STATUSES
from adapters.reading.retry_after import retry_after_seconds
from adapters.reading.strict import Unreadable, as_object, as_objects, code_of, id_of, read_object, time_of
from adapters.wire import WireReply
from kernel.money import Money

Meaning = TypeVar("Meaning")

_PAYMENT_IDS = ("DomesticPaymentId", "DomesticScheduledPaymentId")
_REFERENCE_LENGTH_MAX = 35
_BAD_REQUEST = 400


def consent_made(reply: WireReply) -> Evidence:
    """What the answer to a new consent proves. Raises Unreadable."""
    data = _success(reply, 201)
    raw_code, verdict = _status(data, CONSENT_MADE)
    waiting = verdict is Verdict.NEEDS_AUTHORISATION
    return Evidence(
        verdict=verdict,
        raw_code=raw_code,
        reason=None if waiting else _reason(data, verdict),
        amount=_amount(data),
        reference=_reference(data),
        at=time_of(data.get("StatusUpdateDateTime")),
        consent_id=id_of(data.get("ConsentId")),
        authorisation=Authorisation() if waiting else None,
    )


def payment_made(reply: WireReply) -> Evidence:
    """What the answer to a payment proves. Raises Unreadable."""
    return _payment(_success(reply, 201))


def enquiry_answered(reply: WireReply) -> Evidence:
    """What an enquiry proves: by the payment, by its details, or by its consent. Raises Unreadable."""
    data = _success(reply, 200)
    if "PaymentStatus" in data:
        return _details(as_objects(data["PaymentStatus"]))
    return _payment(data) if any(name in data for name in _PAYMENT_IDS) else _consent(data)


def failure(kind: OperationKind, reply: WireReply) -> Evidence:
    """What an error answer proves. Never raises."""
    codes = error_codes(reply)
    refusals = CONSENT_REFUSALS if kind is OperationKind.CONSENT else PAYMENT_REFUSALS
    refused = kind is not OperationKind.ENQUIRE and reply.status == _BAD_REQUEST and codes and set(codes) <= refusals
    code = codes[0] if codes else _unknown_status(reply)
    return Evidence(
        verdict=Verdict.REJECTED if refused else Verdict.UNKNOWN,
        raw_code=code,
        iso_code="RJCT" if refused else None,
        reason=ERRORS.get(code or ""),
        retry_after_seconds=retry_after_seconds(reply.headers),
    )


def error_codes(reply: WireReply) -> list[str]:
    """The codes of an error body as far as they are codes; an unreadable one among them stands as an empty text."""
    try:
        errors = as_objects(read_object(reply.body).get("Errors"))
    except Unreadable:
        return []
    return [code_of(each.get("ErrorCode")) or "" for each in errors]


def _success(reply: WireReply, status: int) -> dict[str, Any]:
    if reply.status != status:
        raise Unreadable
    return data_of(reply.body)


def _payment(data: dict[str, Any]) -> Evidence:
    raw_code, (verdict, iso_code) = _status(data, PAYMENT_STATUSES)
    return Evidence(
        verdict=verdict,
        raw_code=raw_code,
        iso_code=iso_code,
        reason=_reason(data, verdict),
        bank_reference=_payment_id(data),
        amount=_amount(data),
        reference=_reference(data),
        at=time_of(data.get("StatusUpdateDateTime")),
        consent_id=id_of(data.get("ConsentId")),
        refund_account=_refund_account(data),
    )


def _consent(data: dict[str, Any]) -> Evidence:
    raw_code, verdict = _status(data, CONSENT_ASKED)
    return Evidence(
        verdict=verdict,
        raw_code=raw_code,
        amount=_amount(data),
        reference=_reference(data),
        at=time_of(data.get("StatusUpdateDateTime")),
        consent_id=id_of(data.get("ConsentId")),
    )


def _details(entries: list[dict[str, Any]]) -> Evidence:
    """The latest of the payment's statuses; of two at one time the later in the list."""
    known = [(time_of(each.get("StatusUpdateDateTime")), each) for each in entries]
    dated = [(at, each) for at, each in known if at is not None]
    if not dated:
        raise Unreadable
    at, latest = max(reversed(dated), key=lambda pair: pair[0])
    raw_code, (verdict, iso_code) = _status(latest, DETAIL_STATUSES)
    detail = latest.get("StatusDetail")
    code = detail.get("StatusReason") if isinstance(detail, dict) else None
    return Evidence(verdict=verdict, raw_code=raw_code, iso_code=iso_code, reason=_reason_of(code, verdict), at=at)


def _status(data: dict[str, Any], table: Mapping[str, Meaning]) -> tuple[str, Meaning]:
    raw_code = data.get("Status")
    if not isinstance(raw_code, str) or raw_code not in table:
        raise Unreadable
    return raw_code, table[raw_code]


def _reason(data: dict[str, Any], verdict: Verdict) -> Reason | None:
    told = data.get("StatusReason")
    first = told[0] if isinstance(told, list) and told else None
    return _reason_of(first.get("StatusReasonCode") if isinstance(first, dict) else None, verdict)


def _reason_of(code: object, verdict: Verdict) -> Reason | None:
    if verdict not in {Verdict.REJECTED, Verdict.CANCELLED}:
        return None
    known = REASONS.get(code) or ERRORS.get(code) if isinstance(code, str) else None
    return known or Reason.UNSPECIFIED


def _payment_id(data: dict[str, Any]) -> str:
    return id_of(next((data[name] for name in _PAYMENT_IDS if name in data), None))


def _amount(data: dict[str, Any]) -> Money:
    return money(as_object(data.get("Initiation")).get("InstructedAmount"))


def _reference(data: dict[str, Any]) -> str:
    value = as_object(data.get("Initiation")).get("InstructionIdentification")
    if not isinstance(value, str) or not 1 <= len(value) <= _REFERENCE_LENGTH_MAX:
        raise Unreadable
    return value


def _refund_account(data: dict[str, Any]) -> Account | None:
    refund = data.get("Refund")
    account = refund.get("Account") if isinstance(refund, dict) else None
    return account_of(account) if isinstance(account, dict) else None


def _unknown_status(reply: WireReply) -> str | None:
    """The status of an answer that could not be read, so that it is on record: it may be a word of a later version."""
    try:
        return code_of(data_of(reply.body).get("Status"))
    except Unreadable:
        return None
