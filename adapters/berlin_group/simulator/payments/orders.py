"""What the bank takes as a payment, checked as a bank checks it: independently of our own mapping."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import orjson

from adapters.berlin_group.simulator.messages import Refused
from adapters.reading.iban import is_iban
from kernel.money import Money

PRODUCTS: Final = frozenset({"sepa-credit-transfers", "instant-sepa-credit-transfers"})
_TEXT = re.compile(r"[A-Za-z0-9/?:().,'+ -]*")
_AMOUNT = re.compile(r"[0-9]{1,11}\.[0-9]{2}")
_REQUIRED = frozenset({"debtorAccount", "instructedAmount", "creditorAccount", "creditorName"})
_LENGTHS = {"endToEndIdentification": 35, "creditorName": 70, "remittanceInformationUnstructured": 140}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A checked payment; `told` is what the client sent, as the bank gives it back."""

    end_to_end_id: str
    amount: Money
    creditor_name: str
    told: dict[str, Any]


def read_order(body: bytes) -> Order:
    """The payment in a request's body. Raises Refused with the first wrong field."""
    raw = _object(body)
    for name in sorted(_REQUIRED - set(raw)):
        raise Refused(400, "FORMAT_ERROR", name)
    for name in sorted(set(raw) - _REQUIRED - set(_LENGTHS)):
        raise Refused(400, "PARAMETER_NOT_SUPPORTED", name)
    for name, length in _LENGTHS.items():
        _check_text(raw, name, length)
    for name in ("debtorAccount", "creditorAccount"):
        _check_account(raw, name)
    amount = _amount(raw["instructedAmount"])
    reference = raw.get("endToEndIdentification", "NOTPROVIDED")
    return Order(end_to_end_id=reference, amount=amount, creditor_name=raw["creditorName"], told=raw)


def _object(body: bytes) -> dict[str, Any]:
    try:
        raw = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refused(400, "FORMAT_ERROR") from None
    if not isinstance(raw, dict):
        raise Refused(400, "FORMAT_ERROR")
    return raw


def _check_text(raw: dict[str, Any], name: str, length: int) -> None:
    value = raw.get(name, "-")
    if not isinstance(value, str) or not 1 <= len(value) <= length or _TEXT.fullmatch(value) is None:
        raise Refused(400, "FORMAT_ERROR", name)


def _check_account(raw: dict[str, Any], name: str) -> None:
    account = raw[name]
    if not isinstance(account, dict) or set(account) - {"iban", "currency"} or not is_iban(account.get("iban")):
        raise Refused(400, "FORMAT_ERROR", name)


def _amount(raw: object) -> Money:
    """SEPA moves euros and cents."""
    told = raw if isinstance(raw, dict) else {}
    text = told.get("amount")
    if told.get("currency") != "EUR" or not isinstance(text, str) or _AMOUNT.fullmatch(text) is None:
        raise Refused(400, "FORMAT_ERROR", "instructedAmount")
    amount = Money.from_decimal("EUR", Decimal(text))
    if amount.value == 0:
        raise Refused(400, "FORMAT_ERROR", "instructedAmount")
    return amount
