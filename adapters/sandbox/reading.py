"""Reads the sandbox bank's JSON strictly. What is not exactly as documented is Unreadable, and so proves nothing."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from adapters.contract import Evidence, Reason, Verdict
from adapters.sandbox.tables import REASONS, STATUSES
from kernel.money import Money

_AMOUNT = re.compile(r"[0-9]{1,13}(\.[0-9]{1,4})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_BANK_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_REFERENCE_LENGTH_MAX = 35


class Unreadable(ValueError):
    """The bytes are not what the bank documents."""


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body. Raises Unreadable."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Unreadable from None
    return as_object(value)


def as_object(value: object) -> dict[str, Any]:
    """A JSON object. Raises Unreadable."""
    if not isinstance(value, dict):
        raise Unreadable
    return value


def error_of(body: dict[str, Any]) -> dict[str, Any] | None:
    """The bank's error object, if the body holds one."""
    error = body.get("error")
    return error if isinstance(error, dict) else None


def code_of(value: object) -> str | None:
    """A code that may stand in a plain column, or None for anything that is not a code."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else None


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
        at=_time(payment.get("updated_at")),
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


def _time(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None
