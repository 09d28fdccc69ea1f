"""Money is an integer of minor units and an ISO 4217 currency. Decimals exist only inside an adapter's mapping."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from iso4217 import Currency

# The largest amount that every store and JSON reader of ours keeps exactly (2^53 - 1, RFC 8259 §6).
VALUE_MAX = 2**53 - 1


def exponent_of(currency: str) -> int:
    """Digits after the point of an ISO 4217 code: GBP 2, JPY 0, KWD 3.

    Raises ValueError for a code that ISO 4217 does not list, or that has no minor unit (XAU).
    """
    exponent = Currency(currency).exponent
    if exponent is None:
        raise ValueError("this currency has no minor unit")
    return int(exponent)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units: Money("GBP", 1234) is £12.34. Never negative."""

    currency: str
    value: int

    def __post_init__(self) -> None:
        """Raises ValueError for an unknown currency, a fraction, a negative or an inexactly stored amount."""
        exponent_of(self.currency)
        if type(self.value) is not int or not 0 <= self.value <= VALUE_MAX:
            raise ValueError("value must be a whole number of minor units")

    def to_decimal(self) -> Decimal:
        """The amount in major units with exactly the currency's digits: 12.34."""
        return Decimal(self.value).scaleb(-exponent_of(self.currency))

    @classmethod
    def from_decimal(cls, currency: str, amount: Decimal) -> Self:
        """Minor units of a decimal in major units. Raises ValueError where digits would be lost."""
        if not amount.is_finite():
            raise ValueError("amount must be finite")
        value = amount.scaleb(exponent_of(currency))
        if value != value.to_integral_value():
            raise ValueError("amount has more digits than its currency")
        return cls(currency, int(value))
