"""Reads the sandbox bank's JSON strictly. What is not exactly as documented is Unreadable, and so proves nothing."""

import re
from decimal import Decimal
from typing import Any

from adapters.contract import Evidence, Reason, Verdict
from adapters.reading.strict import Unreadable, as_object, code_of, time_of
from adapters.sandbox.tables import REASONS, STATUSES
from kernel.money import Money

_AMOUNT = re.compile(r"[0-9]{1,13}(\.[0-9]{1,4})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_BANK_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_REFERENCE_LENGTH_MAX = 35


def error_of(body: dict[str, Any]) -> dict[str, Any] | None:
    """The bank's error object, if the body holds one."""
    error = body.get("error")
    return error if isinstance(error, dict) else None


def payment_evidence(payment: dict[str, Any]) -> Evidence:
    """What a payment object says. Raises Unreadable where a needed part is missing or malformed, or a word unknown."""
    raw_code = code_of(payment.get("status"))
    if raw_code not in STATUSES:
        raise Unreadable
    verdict, iso_code = STATUSES[raw_code]
    return Evidence(
        verdict=verdict,
        raw_code=raw_code,
        iso_code=iso_code,
        reason=_reason(payment, verdict),
        bank_reference=_text(payment, "id", _BANK_REFERENCE),
        amount=_money(as_object(payment.get("amount"))),
        reference=_reference(payment),
        at=time_of(payment.get("updated_at")),
    )


def reason_of(code: object) -> Reason:
    """Our reason for one of the bank's reason codes."""
    return REASONS.get(code, Reason.UNSPECIFIED) if isinstance(code, str) else Reason.UNSPECIFIED


def _reason(payment: dict[str, Any], verdict: Verdict) -> Reason | None:
    if verdict not in {Verdict.REJECTED, Verdict.RETURNED}:
        return None
    return reason_of(payment.get("reason_code"))


def _text(payment: dict[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = payment.get(name)
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise Unreadable
    return value


def _reference(payment: dict[str, Any]) -> str:
    value = payment.get("end_to_end_id")
    if not isinstance(value, str) or len(value) > _REFERENCE_LENGTH_MAX:
        raise Unreadable
    return value


def _money(amount: dict[str, Any]) -> Money:
    value, currency = _text(amount, "value", _AMOUNT), _text(amount, "currency", _CURRENCY)
    try:
        return Money.from_decimal(currency, Decimal(value))
    except ValueError:
        raise Unreadable from None
