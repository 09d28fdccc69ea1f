"""Amounts go out and come back exactly, whatever a currency's number of digits; a wrong echo is not believed."""

from dataclasses import replace

import orjson
import pytest

from adapters.checks import field_errors
from adapters.contract import Verdict
from adapters.declaration import OperationKind
from adapters.simulation.faults import Fault
from adapters.wire import WireReply
from kernel.money import Money, exponent_of
from tests.contracts.adapters.kit.harness import ADAPTERS, ENQUIRING, PAYING, protocol_of, running
from tests.support import banks

# 0, 2, 3 and 4 digits after the point.
DIGITS = {"JPY": 0, "EUR": 2, "KWD": 3, "CLF": 4}
# Their standard knows every currency, although no payment in one that is not declared gets as far as the bank.
_OF_ALL = {"open_banking_uk"}
CASES = [
    pytest.param(name, Money(currency, value), id=f"{name}-{currency}-{value}")
    for name in PAYING
    for currency in DIGITS
    if currency in ADAPTERS[name].declaration.currencies or protocol_of(name) in _OF_ALL
    for value in (1, 12_345, 1_000_000)
]
UNDECLARED = [(name, code) for name in PAYING for code in DIGITS if code not in ADAPTERS[name].declaration.currencies]
WRONG_ECHOES = (Fault.WRONG_AMOUNT, Fault.WRONG_EXPONENT, Fault.WRONG_REFERENCE)


def test_the_currencies_have_these_digits() -> None:
    """The cases are what they are taken for, and one bank at least pays in all of them."""
    assert {currency: exponent_of(currency) for currency in DIGITS} == DIGITS
    assert any(DIGITS.keys() <= ADAPTERS[name].declaration.currencies.keys() for name in PAYING)


@pytest.mark.parametrize(("name", "amount"), CASES)
async def test_an_amount_goes_out_and_comes_back_exactly(name: str, amount: Money) -> None:
    """The bank books the amount that was sent, and what it tells of it is the same again."""
    async with running(name) as house:
        instruction, _ = await house.submitted(replace(house.instruction(), amount=amount))
        assert [each.amount for each in house.booked()] == [amount]
        _, evidence = await house.send(OperationKind.ENQUIRE, instruction)
        assert evidence.amount in {amount, None}
        assert evidence.verdict is not Verdict.UNKNOWN


@pytest.mark.parametrize(("name", "currency"), UNDECLARED)
def test_a_currency_that_is_not_declared_is_refused_by_its_field(name: str, currency: str) -> None:
    """Before anything is written or sent."""
    declared = ADAPTERS[name].declaration
    wrong = field_errors(declared, replace(banks.fitting(declared), amount=Money(currency, 1)))
    assert [(each.pointer, each.code) for each in wrong] == [("/amount/currency", "not_supported")]


@pytest.mark.parametrize("currency", DIGITS)
def test_the_berlin_group_mapping_gives_back_what_it_was_given(currency: str) -> None:
    """Its simulated bank knows SEPA alone; its words carry every number of digits exactly."""
    adapter = ADAPTERS["berlin_group"]
    for value in (1, 12_345, 1_000_000):
        told = replace(banks.fitting(adapter.declaration), amount=Money(currency, value))
        sent = orjson.loads(adapter.build(OperationKind.CONSENT, told).body)
        answer = WireReply(status=200, body=orjson.dumps({**sent, "transactionStatus": "ACSP"}))
        assert adapter.parse(OperationKind.ENQUIRE, answer).amount == told.amount


@pytest.mark.parametrize("fault", WRONG_ECHOES)
@pytest.mark.parametrize("name", ENQUIRING)
async def test_a_wrong_echo_is_not_believed(name: str, fault: Fault) -> None:
    """An answer that tells another amount, or another payment, proves nothing about ours."""
    async with running(name) as house:
        instruction, _ = await house.submitted(house.instruction())
        house.plan(fault, OperationKind.ENQUIRE)
        _, evidence = await house.send(OperationKind.ENQUIRE, instruction)
        assert evidence.verdict is Verdict.UNKNOWN
        _, evidence = await house.send(OperationKind.ENQUIRE, instruction)
        assert evidence.verdict is not Verdict.UNKNOWN
