"""What the sandbox bank takes as a payment order, checked as a bank checks it: independently of our own mapping."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from adapters.reading.iban import is_iban
from kernel.money import Money

_CURRENCIES = frozenset({"CLF", "EUR", "GBP", "JPY", "KWD", "USD"})
_VALUE_MAX = 100_000_000
_TEXT = re.compile(r"[A-Za-z0-9/?:().,'+& -]{1,70}")


class WrongOrder(Exception):
    """The order has wrong fields; `fields` names them."""

    def __init__(self, *fields: str) -> None:
        super().__init__("the order has wrong fields")
        self.fields = fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A checked payment order."""

    end_to_end_id: str
    reference: str
    amount: Money


def read_order(body: bytes) -> Order:
    """The order of a request body. Raises WrongOrder with every wrong field."""
    raw = _object(body)
    amount = _amount(raw.get("amount"))
    wrong = [name for name, right in _checks(raw).items() if not right]
    if amount is None or wrong:
        raise WrongOrder(*wrong, *(["amount"] if amount is None else []))
    return Order(end_to_end_id=raw["end_to_end_id"], reference=raw["reference"], amount=amount)


def _object(body: bytes) -> dict[str, Any]:
    try:
        raw = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise WrongOrder("body") from None
    if not isinstance(raw, dict):
        raise WrongOrder("body")
    return raw


def _checks(raw: dict[str, Any]) -> dict[str, bool]:
    creditor = raw.get("creditor")
    creditor = creditor if isinstance(creditor, dict) else {}
    return {
        "end_to_end_id": _matches(raw.get("end_to_end_id"), r"[A-Za-z0-9-]{1,35}"),
        "reference": _text(raw.get("reference")) and len(raw["reference"]) <= 35,
        "creditor.name": _text(creditor.get("name")),
        "creditor.account": _account(creditor),
    }


def _account(creditor: dict[str, Any]) -> bool:
    if "iban" in creditor:
        return is_iban(creditor["iban"])
    number = creditor.get("account_number")
    if "routing_number" in creditor:
        return _routing(creditor["routing_number"]) and _matches(number, r"[0-9]{8,17}")
    return _matches(creditor.get("sort_code"), r"[0-9]{6}") and _matches(number, r"[0-9]{8}")


def _routing(value: object) -> bool:
    """The check digit of ABA routing numbers: digits weighted 3, 7, 1 sum up to a multiple of ten."""
    if not isinstance(value, str) or re.fullmatch(r"[0-9]{9}", value) is None:
        return False
    return sum(int(digit) * (3, 7, 1)[place % 3] for place, digit in enumerate(value)) % 10 == 0


def _amount(raw: object) -> Money | None:
    if not isinstance(raw, dict) or raw.get("currency") not in _CURRENCIES:
        return None
    if not _matches(raw.get("value"), r"[0-9]{1,13}(\.[0-9]{1,4})?"):
        return None
    try:
        amount = Money.from_decimal(raw["currency"], Decimal(raw["value"]))
    except ValueError:
        return None
    return amount if 0 < amount.value <= _VALUE_MAX else None


def _text(value: object) -> bool:
    return isinstance(value, str) and _TEXT.fullmatch(value) is not None


def _matches(value: object, pattern: str) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None
