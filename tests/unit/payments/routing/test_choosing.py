"""Which bank is chosen, and which reasons are told: pure, and the same facts always choose the same."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.contract import Bank, BankSettings
from adapters.declaration import CutOff, Declaration, OperationKind, Rail
from adapters.sandbox.declaration import SANDBOX
from adapters.sandbox.mapping import SandboxAdapter
from kernel.errors import FieldError
from kernel.ids import Environment
from kernel.money import Money
from payments.banks import ConfiguredBank
from payments.banks.health import NOTHING_KNOWN, Health
from payments.routing.choosing import Candidate, after_cut_off, choose
from payments.routing.rule import Decision, Rule, Why

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
POUND = Money("GBP", 100)
WELL = Health(calls=10, failures=0)
BADLY = Health(calls=10, failures=9)
PAUSED = Health(calls=10, failures=9, shut_until=NOON)


def bank(bank_id: str, declaration: Declaration = SANDBOX, *, suspended: bool = False) -> ConfiguredBank:
    adapter = SandboxAdapter()
    adapter.declaration = declaration  # type: ignore[misc]
    settings = BankSettings(base_url="http://127.0.0.1:1")
    configured = Bank(id=bank_id, adapter="sandbox", environment=Environment.TEST, settings=settings)
    return ConfiguredBank(bank=configured, name=bank_id, adapter=adapter, suspended=suspended)


def candidate(
    bank_id: str, health: Health = NOTHING_KNOWN, errors: Sequence[FieldError] = (), **more: Any
) -> Candidate:
    return Candidate(bank=bank(bank_id, **more), health=health, errors=errors)


def chosen(candidates: Sequence[Candidate], now: datetime = NOON, **rule: Any) -> Decision:
    return choose(Rule(**rule), POUND, candidates, now)


def reasons(decision: Decision) -> dict[str, tuple[Why, ...]]:
    return {each.bank_id: each.reasons for each in decision.considered}


def test_one_bank_that_can_is_chosen_and_told() -> None:
    """Its health is its reason."""
    decision = chosen([candidate("a", WELL)])
    assert decision.chosen == "a"
    assert decision.to_json() == {
        "bank_id": "a",
        "considered": [{"bank_id": "a", "eligible": True, "reasons": ["healthy"]}],
    }


def test_a_failing_bank_comes_after_all_that_do_not_fail() -> None:
    """Healthy and unknown are alike; then failing, then paused; a bank is taken even so where there is no other."""
    four = [candidate("a", PAUSED), candidate("b", BADLY), candidate("d", WELL), candidate("c")]
    assert [each.bank_id for each in chosen(four).considered] == ["c", "d", "b", "a"]
    assert chosen(four[:2]).chosen == "b"
    assert reasons(chosen(four))["a"] == (Why.PAUSED, Why.LESS_PREFERRED)


def test_the_partners_order_counts_among_equals() -> None:
    """Named banks are the only ones, the first is preferred, and one that fails goes back all the same."""
    three = [candidate("a", WELL), candidate("b", WELL), candidate("c", WELL)]
    decision = chosen(three, banks=("c", "a"))
    assert [each.bank_id for each in decision.considered] == ["c", "a"]
    assert reasons(decision)["c"] == (Why.HEALTHY, Why.PREFERRED)
    assert chosen([candidate("a", WELL), candidate("c", BADLY)], banks=("c", "a")).chosen == "a"


def test_the_order_of_what_is_asked_changes_nothing() -> None:
    """The same facts choose the same bank, however they are listed."""
    three = [candidate("b"), candidate("a"), candidate("c")]
    assert chosen(three) == chosen(three[::-1])


@pytest.mark.parametrize(
    ("pointer", "code", "why"),
    [
        ("/amount/currency", "not_supported", Why.CURRENCY_NOT_SUPPORTED),
        ("/amount/value", "out_of_range", Why.AMOUNT_OUT_OF_RANGE),
        ("/amount/value", "too_precise", Why.AMOUNT_OUT_OF_RANGE),
        ("/creditor/account", "not_supported", Why.ACCOUNT_NOT_SUPPORTED),
        ("/return_url", "required", Why.RETURN_URL_NEEDED),
        ("/reference", "length", Why.FIELD_NOT_ACCEPTED),
    ],
)
def test_a_bank_that_would_refuse_the_payment_is_excluded_with_the_reason(pointer: str, code: str, why: Why) -> None:
    """Each field that it would not take is one reason; without another bank there is none."""
    decision = chosen([candidate("a", errors=[FieldError(pointer=pointer, code=code, message="no")])])
    assert decision.chosen is None
    assert reasons(decision) == {"a": (why,)}
    assert f"a: {why}" in decision.sentence()
    named = (pointer,) if why is Why.FIELD_NOT_ACCEPTED else ()
    assert decision.considered[0].fields == named
    assert (f"{why} ({pointer})" in decision.sentence()) is bool(named)


def test_what_the_rule_wants_excludes() -> None:
    """Rail, operations and suspension; all reasons are told at once."""
    never = replace(SANDBOX, operations=frozenset({OperationKind.SUBMIT}), rails=frozenset({Rail.SEPA_INSTANT}))
    two = [candidate("a", declaration=never, suspended=True), candidate("b")]
    decision = chosen(two, rail=Rail.SANDBOX, needs=frozenset({OperationKind.CANCEL}))
    assert decision.chosen == "b"
    assert reasons(decision)["a"] == (Why.SUSPENDED, Why.RAIL_NOT_SUPPORTED, Why.OPERATION_NOT_SUPPORTED)


def test_a_cut_off_that_passed_excludes_or_puts_back() -> None:
    """Where the same day is wanted the bank is left out; else it comes after those that still pay today."""
    early = replace(SANDBOX, cut_offs=(CutOff(currency="GBP", at="11:30", time_zone="Europe/London"),))
    two = [candidate("a", declaration=early), candidate("b")]
    assert reasons(chosen(two))["a"] == (Why.NOT_KNOWN_TO_FAIL, Why.AFTER_CUT_OFF, Why.LESS_PREFERRED)
    assert reasons(chosen(two, same_day=True))["a"] == (Why.AFTER_CUT_OFF_EXCLUDED,)
    assert chosen(two[:1]).chosen == "a"


@pytest.mark.parametrize(
    ("hour", "currency", "passed"), [(14, "EUR", False), (15, "EUR", True), (16, "EUR", True), (16, "USD", False)]
)
def test_a_cut_off_is_read_in_its_own_zone(hour: int, currency: str, *, passed: bool) -> None:
    """16:00 in Berlin is 15:00 UTC in winter; a currency without one has none."""
    cut_offs = (CutOff(currency="EUR", at="16:00", time_zone="Europe/Berlin"),)
    assert after_cut_off(cut_offs, currency, NOON.replace(hour=hour)) is passed


def test_a_rail_may_depend_on_the_banks_option() -> None:
    """The option's rail stands instead of the others."""
    declared = replace(SANDBOX, rail_by_option={("product", "fast"): Rail.SEPA_INSTANT})
    assert declared.rails_at({}) == {Rail.SANDBOX}
    assert declared.rails_at({"product": "fast"}) == {Rail.SEPA_INSTANT}
