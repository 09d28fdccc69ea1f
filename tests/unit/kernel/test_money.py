from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.money import VALUE_MAX, Money, exponent_of

CURRENCIES = {"GBP": 2, "EUR": 2, "JPY": 0, "KWD": 3, "CLF": 4}


@pytest.mark.parametrize(("currency", "exponent"), CURRENCIES.items())
def test_exponents_are_those_of_iso_4217(currency: str, exponent: int) -> None:
    """Each currency has its own number of digits."""
    assert exponent_of(currency) == exponent


@pytest.mark.parametrize("currency", ["XAU", "ABC", "gbp", "", "GBPX", "£"])
def test_what_is_no_payable_currency_is_refused(currency: str) -> None:
    """Gold, codes in small letters and inventions are no currencies to pay in."""
    with pytest.raises(ValueError):  # noqa: PT011 - the library's words differ
        Money(currency, 1)


@pytest.mark.parametrize("value", [-1, VALUE_MAX + 1, 1.0, True, "1", None, Decimal(1)])
def test_a_value_is_a_whole_number_of_minor_units(value: Any) -> None:
    """No fraction, no sign, no truth value and nothing that JSON readers lose digits of."""
    with pytest.raises(ValueError, match="whole number"):
        Money("GBP", value)


@given(st.sampled_from(sorted(CURRENCIES)), st.integers(min_value=0, max_value=VALUE_MAX))
def test_decimals_lose_nothing(currency: str, value: int) -> None:
    """Every amount survives the way to a bank's decimal and back."""
    money = Money(currency, value)
    assert Money.from_decimal(currency, money.to_decimal()) == money
    assert Money.from_decimal(currency, Decimal(str(money.to_decimal()))) == money


@pytest.mark.parametrize(
    ("currency", "amount"),
    [("GBP", "1.001"), ("JPY", "0.5"), ("GBP", "NaN"), ("GBP", "Infinity"), ("GBP", "-1"), ("KWD", "1e16")],
)
def test_an_amount_that_would_change_is_refused(currency: str, amount: str) -> None:
    """Too many digits, no number, a sign and a size that cannot be kept are refused, never rounded."""
    with pytest.raises(ValueError):  # noqa: PT011 - several reasons
        Money.from_decimal(currency, Decimal(amount))


def test_the_decimal_has_the_digits_of_its_currency() -> None:
    """A bank reads 12.30, not 12.3."""
    assert str(Money("GBP", 1230).to_decimal()) == "12.30"
    assert str(Money("JPY", 1230).to_decimal()) == "1230"
