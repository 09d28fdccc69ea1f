"""Answers that say that they are about another account or consent are not believed."""

import pytest

from accounts.reading.believing import is_anothers
from adapters.contract.accounts import BankAccount, Reading
from kernel.masked import AccountNumber

IBAN = "DE89370400440532013000"
OURS = BankAccount(id="a-1", currency="EUR", iban=AccountNumber(IBAN))
UNNAMED = BankAccount(id="a-1", currency="EUR")


@pytest.mark.parametrize(
    ("account", "told", "expected"),
    [
        (OURS, Reading(), False),
        (OURS, Reading(account_id="a-1"), False),
        (OURS, Reading(account_id="a-2"), True),
        (OURS, Reading(account_id="A-1"), True),
        (OURS, Reading(iban=AccountNumber("de89 3704 0044 0532 0130 00")), False),
        (OURS, Reading(iban=AccountNumber("DE02100100100006820101")), True),
        (OURS, Reading(account_id="a-1", iban=AccountNumber("DE02100100100006820101")), True),
        (UNNAMED, Reading(iban=AccountNumber("DE02100100100006820101")), False),
    ],
)
def test_an_answer_is_held_against_the_account(account: BankAccount, told: Reading, *, expected: bool) -> None:
    """By the bank's own id and by the number, however it is written; what is not said, or not known, says nothing."""
    assert is_anothers(account, told) is expected
