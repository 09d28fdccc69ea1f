"""The parts that every answer is read with."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from adapters.contract import Account
from kernel.masked import AccountNumber
from kernel.money import Money

IBAN = "UK.OBIE.IBAN"
SORT_CODE = "UK.OBIE.SortCodeAccountNumber"

_AMOUNT = re.compile(r"[0-9]{1,13}(\.[0-9]{1,5})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_ID = re.compile(r"[!-~]{1,128}")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_SORT_CODE = re.compile(r"([0-9]{6})([0-9]{8})")


class Unreadable(ValueError):
    """The bytes are not what the standard says."""


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


def as_objects(value: object) -> list[dict[str, Any]]:
    """A list of JSON objects. Raises Unreadable."""
    if not isinstance(value, list):
        raise Unreadable
    return [as_object(each) for each in value]


def data_of(body: bytes) -> dict[str, Any]:
    """The member `Data` of an answer's object. Raises Unreadable."""
    return as_object(read_object(body).get("Data"))


def identifier(value: object) -> str:
    """An id of the bank's, which can stand in a path once it is quoted. Raises Unreadable."""
    if not isinstance(value, str) or _ID.fullmatch(value) is None:
        raise Unreadable
    return value


def code_of(value: object) -> str | None:
    """A code that may stand in a plain column, or None for anything that is not a code."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else None


def money(value: object) -> Money:
    """An amount object. Digits after the currency's own may be zeros only. Raises Unreadable."""
    raw = as_object(value)
    amount, currency = raw.get("Amount"), raw.get("Currency")
    if not isinstance(amount, str) or _AMOUNT.fullmatch(amount) is None:
        raise Unreadable
    if not isinstance(currency, str) or _CURRENCY.fullmatch(currency) is None:
        raise Unreadable
    try:
        return Money.from_decimal(currency, Decimal(amount))
    except ValueError:
        raise Unreadable from None


def time_of(value: object) -> datetime | None:
    """A time with its zone, or None for anything else."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None


def account_of(raw: Mapping[str, Any]) -> Account | None:
    """An account by scheme and identification; None for schemes that we do not pay by, and for what is malformed."""
    scheme, identification = raw.get("SchemeName"), raw.get("Identification")
    if not isinstance(identification, str):
        return None
    if scheme == IBAN and _IBAN.fullmatch(identification):
        return Account(iban=AccountNumber(identification))
    match = _SORT_CODE.fullmatch(identification)
    if scheme == SORT_CODE and match is not None:
        return Account(sort_code=match[1], account_number=AccountNumber(match[2]))
    return None
