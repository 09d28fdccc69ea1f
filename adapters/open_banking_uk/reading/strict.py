"""The parts that every answer is read with."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from adapters.contract import Account
from adapters.reading.strict import Unreadable, as_object, read_object
from kernel.masked import AccountNumber
from kernel.money import Money

IBAN = "UK.OBIE.IBAN"
SORT_CODE = "UK.OBIE.SortCodeAccountNumber"

_AMOUNT = re.compile(r"[0-9]{1,13}(\.[0-9]{1,5})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_SORT_CODE = re.compile(r"([0-9]{6})([0-9]{8})")


def data_of(body: bytes) -> dict[str, Any]:
    """The member `Data` of an answer's object. Raises Unreadable."""
    return as_object(read_object(body).get("Data"))


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
