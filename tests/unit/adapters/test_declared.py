"""A declaration that contradicts itself stops the start, with every problem said."""

from dataclasses import replace
from typing import Any

import pytest

from adapters.declaration import (
    AuthProfile,
    CurrencyRule,
    CutOff,
    Deadlines,
    FieldLimit,
    Idempotency,
    OperationKind,
    Recovery,
    Variant,
)
from adapters.declared import declaration_problems
from adapters.registry import InconsistentDeclaration, Registry, UnknownAdapter, discover
from adapters.sandbox.declaration import SANDBOX
from adapters.sandbox.mapping import SandboxAdapter
from tests.support.banks import instruction

SHORT_KEYS = Idempotency(header="K", max_length=10, charset="a-z", window_seconds=3600)
BRIEF_KEYS = Idempotency(header="K", max_length=64, charset="a-z0-9", window_seconds=5)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "Sand-Box"}, "name: the name must"),
        ({"title": ""}, "title: must"),
        ({"recovery": {OperationKind.SUBMIT: Recovery.HOLD}}, "recovery: cancel has no recovery"),
        ({"recovery": {**SANDBOX.recovery, OperationKind.REFUND: Recovery.HOLD}}, "declared for refund"),
        ({"enquiry_keys": ()}, "enquiry_keys: the operation enquire"),
        (
            {"operations": frozenset({OperationKind.SUBMIT}), "recovery": {OperationKind.SUBMIT: Recovery.ENQUIRE}},
            "needs the operation enquire",
        ),
        ({"idempotency": None}, "resend needs idempotency"),
        ({"idempotency": SHORT_KEYS}, "idempotency: keys must be able to hold 26"),
        ({"idempotency": BRIEF_KEYS}, "window must be longer"),
        ({"currencies": {}}, "currencies: payments need"),
        ({"accounts": frozenset()}, "accounts: payments need"),
        ({"rails": frozenset()}, "rails: payments need"),
        ({"paths": ("v1/",)}, "paths: each begins"),
        ({"cut_offs": (CutOff(currency="CHF", at="16:00", time_zone="UTC"),)}, "does not pay"),
        ({"cut_offs": (CutOff(currency="GBP", at="4 pm", time_zone="UTC"),)}, "HH:MM"),
        ({"cut_offs": (CutOff(currency="GBP", at="16:00", time_zone="+01:00"),)}, "HH:MM"),
        ({"currencies": {"ZZZ": CurrencyRule(exponent=2)}}, "ZZZ is not ISO 4217"),
        ({"currencies": {"GBP": CurrencyRule(exponent=2, value_min=5, value_max=4)}}, "cannot be met"),
        ({"fields": {}}, "/end_to_end_id must"),
        ({"fields": {"/end_to_end_id": FieldLimit(max_length=18, charset="A-Z0-9")}}, "/end_to_end_id must"),
        ({"fields": {**SANDBOX.fields, "/reference": FieldLimit(max_length=9, charset="z-a")}}, "/reference cannot"),
        ({"deadlines": Deadlines(connect_seconds=20)}, "connect deadline"),
        ({"deadlines": Deadlines(first_byte_seconds=20)}, "first-byte deadline"),
        ({"poll_seconds": ()}, "poll_seconds: must"),
        ({"absence_proven_after_seconds": 1}, "absence_proven_after_seconds: a call"),
        (
            {"variants": (Variant(option="wild", value="yes", arms=OperationKind.SUBMIT, recovery={}),)},
            "settings: a variant needs the option wild",
        ),
        (
            {"variants": (Variant(option="wild", value="yes", arms=OperationKind.SUBMIT, recovery={}),)},
            "recovery: submit has no recovery (with wild=yes)",
        ),
        ({"fresh_headers": ("x-moon",)}, "fresh_headers: can be"),
        ({"signing": "seal"}, "signing: the profiles are"),
        (
            {"auth": AuthProfile.OAUTH_CLIENT_CREDENTIALS},
            "settings: the auth profile oauth_client_credentials needs the setting client_id",
        ),
    ],
)
def test_each_contradiction_is_said(changes: dict[str, Any], sentence: str) -> None:
    """One contradiction is one sentence that names the field and what is wrong."""
    assert any(sentence in problem for problem in declaration_problems(replace(SANDBOX, **changes)))


def test_the_registry_finds_protocols_and_refuses_contradictions() -> None:
    """Folders are found by themselves; a contradiction, or another folder's name, is an error that lists all."""
    found = discover()
    assert found.adapter_for("sandbox").declaration is SANDBOX
    assert found.declarations["sandbox"] is SANDBOX
    with pytest.raises(UnknownAdapter):
        found.adapter_for("engine")
    adapter = SandboxAdapter()
    adapter.declaration = replace(SANDBOX, poll_seconds=(), signing="seal")  # type: ignore[misc]
    with pytest.raises(
        InconsistentDeclaration,
        match=r"adapters/other/declaration\.py: poll_seconds: .*signing: .*name: .* not sandbox",
    ):
        Registry({"other": adapter})


def test_what_is_not_declared_is_held() -> None:
    """An operation without a declared recovery is held, and absence is proven only where it is declared."""
    assert SANDBOX.recovery_of(OperationKind.REFUND) is Recovery.HOLD
    never = replace(SANDBOX, absence_proven_after_seconds=None)
    assert not never.absence_proven(10**9)
    assert SANDBOX.absence_proven(60)
    assert not SANDBOX.absence_proven(59.9)


def test_a_resend_is_allowed_only_inside_the_window() -> None:
    """The bytes may go again only where the declaration says so and while the bank still remembers the key."""
    window = 24 * 3600
    assert SANDBOX.resend_allowed(OperationKind.SUBMIT, 60)
    assert not SANDBOX.resend_allowed(OperationKind.SUBMIT, window - SANDBOX.lease_seconds)
    assert not SANDBOX.resend_allowed(OperationKind.CANCEL, 0)
    assert not replace(SANDBOX, idempotency=None).resend_allowed(OperationKind.SUBMIT, 0)


def test_enquiries_follow_the_declared_rhythm() -> None:
    """The last delay repeats."""
    paced = replace(SANDBOX, poll_seconds=(1, 2, 30))
    assert [paced.poll_delay_seconds(checks) for checks in range(5)] == [1, 2, 30, 30, 30]


def test_a_cancellation_needs_the_banks_reference() -> None:
    """The sandbox bank is asked to cancel by its own reference only."""
    with pytest.raises(ValueError, match="cannot be asked"):
        SandboxAdapter().build(OperationKind.CANCEL, instruction())


def test_what_a_bank_may_be_asked_is_asked_where_its_journey_says_so() -> None:
    """A question of funds stands just before what arms a payment, moves no money, and needs no recovery."""
    funds, submit, consent = OperationKind.CONFIRM_FUNDS, OperationKind.SUBMIT, OperationKind.CONSENT
    asking = Variant(option="ask", value="yes", journey=(consent, funds, submit))
    operations = SANDBOX.operations | {consent, funds}
    declared = replace(SANDBOX, operations=operations, journey=(consent, submit), variants=(asking,))
    assert funds in declared.at({"ask": "yes"}).operations
    assert funds not in declared.at({}).operations
    for options in ({}, {"ask": "yes"}):
        at = declared.at(options)
        assert at.arms is submit
        assert (at.is_armed_by(funds), at.is_armed_by(submit), at.follows(funds)) == (False, True, submit)
    early = replace(declared, journey=(funds, consent, submit), variants=())
    assert declaration_problems(early) == ["journey: funds are confirmed just before what arms a payment"]


def test_a_variant_holds_for_the_banks_with_its_option() -> None:
    """An option's value changes what arms a payment and how it is recovered; every other bank keeps the promise."""
    journey = (OperationKind.CONSENT, OperationKind.SUBMIT)
    held = {OperationKind.CONSENT: Recovery.HOLD}
    variant = Variant(option="hasty", value="yes", arms=OperationKind.CONSENT, recovery=held)
    declared = replace(SANDBOX, journey=journey, variants=(variant,))
    assert declared.at({"hasty": "no"}).arms is declared.at({}).arms is OperationKind.SUBMIT
    assert declared.at({"hasty": "yes"}).arms is OperationKind.CONSENT
    assert declared.at({"hasty": "yes"}).recovery_of(OperationKind.CONSENT) is Recovery.HOLD
