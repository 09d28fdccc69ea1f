"""What a NextGenPSD2 bank is sent: exactly what was asked, and what a bank would not take is named before."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from adapters.berlin_group.declaration import BERLIN_GROUP
from adapters.berlin_group.mapping import adapter
from adapters.checks import field_errors, setting_errors
from adapters.contract import Account, BankSettings, Creditor, Payer
from adapters.declaration import OperationKind, Recovery
from adapters.declared import declaration_problems
from kernel.ids import Environment
from kernel.masked import AccountNumber, Masked, PersonName
from kernel.money import Money
from tests.support.banks import IBAN
from tests.support.berlin_group import PAYMENT_ID, instruction

KINDS = sorted(BERLIN_GROUP.operations)
SORT_CODE = Account(sort_code="202015", account_number=AccountNumber("31926819"))


def settings(**options: str) -> BankSettings:
    return BankSettings(base_url="https://bank.example", options=options)


def headers(kind: OperationKind, **changes: Any) -> dict[str, str]:
    own = {"bank_reference": PAYMENT_ID, **changes}
    return dict(adapter().build(kind, instruction(**own)).headers)


def test_the_declaration_agrees_with_itself() -> None:
    """Nothing in the declaration contradicts anything else in it."""
    assert declaration_problems(BERLIN_GROUP) == []


def test_an_initiation_says_what_is_to_be_paid() -> None:
    """Amount, accounts, names and references stand where the standard wants them, and nothing else."""
    request = adapter().build(OperationKind.CONSENT, instruction())
    assert (request.method, request.path) == ("POST", "/v1/payments/sepa-credit-transfers")
    assert orjson.loads(request.body) == {
        "endToEndIdentification": "TN01K9C8W2E4F6G8H0J2K4M6N8P0",
        "debtorAccount": {"iban": "DE89370400440532013000"},
        "instructedAmount": {"currency": "EUR", "amount": "12.34"},
        "creditorAccount": {"iban": IBAN},
        "creditorName": "Example Books Ltd",
        "remittanceInformationUnstructured": "Invoice 42",
    }


def test_authorisations_are_asked_for_as_a_list_and_one_by_one() -> None:
    """Without the id of one the bank is asked which there are; an id is one segment of the path."""
    asked = [
        adapter().build(
            OperationKind.ENQUIRE_AUTHORISATION, instruction(bank_reference=PAYMENT_ID, authorisation_id=each)
        )
        for each in (None, "123auth456", "1/2")
    ]
    start = f"/v1/payments/sepa-credit-transfers/{PAYMENT_ID}/authorisations"
    assert [(each.method, each.path) for each in asked] == [
        ("GET", start),
        ("GET", f"{start}/123auth456"),
        ("GET", f"{start}/1%2F2"),
    ]


def test_an_initiation_asks_for_nothing_to_happen_yet() -> None:
    """The initiation asks for an explicit authorisation and tells of the payer and of our own pages."""
    told = headers(OperationKind.CONSENT)
    assert told["TPP-Explicit-Authorisation-Preferred"] == "true"
    assert (told["PSU-IP-Address"], told["PSU-User-Agent"]) == ("203.0.113.7", "Example/1.0")
    page = "https://gateway.example.com/banks/example-bank/callback?state=a-state"
    assert told["TPP-Redirect-URI"] == page
    assert told["TPP-Nok-Redirect-URI"] == f"{page}&refused=1"
    assert told["TPP-Redirect-Preferred"] == "true"


def test_the_start_of_an_authorisation_brings_the_payer_and_our_pages() -> None:
    """The authorisation is begun on the payment's own resource, with the same pages."""
    request = adapter().build(OperationKind.AUTHORISE, instruction(bank_reference=PAYMENT_ID))
    assert request.path == f"/v1/payments/sepa-credit-transfers/{PAYMENT_ID}/authorisations"
    assert request.body == b"{}"
    assert "TPP-Redirect-URI" in dict(request.headers)
    assert "TPP-Explicit-Authorisation-Preferred" not in dict(request.headers)


@pytest.mark.parametrize("kind", [OperationKind.ENQUIRE, OperationKind.CANCEL])
def test_a_call_without_the_payer_says_nothing_of_one(kind: OperationKind) -> None:
    """An enquiry or a cancellation of ours carries no PSU header: the payer is not there."""
    assert not [name for name in headers(kind) if name.startswith(("PSU-", "TPP-Redirect", "TPP-Nok"))]


@pytest.mark.parametrize("kind", KINDS)
def test_every_request_is_signed_and_has_a_new_id(kind: OperationKind) -> None:
    """Each call is signed under a fresh X-Request-ID, and a fresh Date only where the bank wants it signed."""
    plain = adapter().build(kind, instruction(bank_reference=PAYMENT_ID))
    dated = adapter().build(kind, instruction(bank_reference=PAYMENT_ID, settings=settings(signature_covers="date")))
    assert plain.signed
    assert plain.fresh == ("x-request-id",)
    assert set(dated.fresh) == {"x-request-id", "date"}


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({}, f"/v1/payments/sepa-credit-transfers/{PAYMENT_ID}"),
        ({"enquiry": "status"}, f"/v1/payments/sepa-credit-transfers/{PAYMENT_ID}/status"),
        (
            {"payment_product": "instant-sepa-credit-transfers"},
            f"/v1/payments/instant-sepa-credit-transfers/{PAYMENT_ID}",
        ),
    ],
)
def test_options_choose_the_product_and_what_is_enquired(options: dict[str, str], path: str) -> None:
    """The product stands in every path; an enquiry reads the payment with its amount, or its status only."""
    built = adapter().build(OperationKind.ENQUIRE, instruction(bank_reference=PAYMENT_ID, settings=settings(**options)))
    assert built.path == path


def test_a_bank_that_asks_in_its_app_is_told_so() -> None:
    """Where payers approve in the bank's app no page of ours is named."""
    told = headers(OperationKind.CONSENT, settings=settings(sca_preference="decoupled"))
    assert (told["TPP-Redirect-Preferred"], told["TPP-Decoupled-Preferred"]) == ("false", "true")
    assert "TPP-Redirect-URI" not in told


def test_a_banks_id_is_one_segment_of_the_path() -> None:
    """Whatever the bank's id holds, it cannot reach another resource."""
    built = adapter().build(OperationKind.ENQUIRE, instruction(bank_reference="../a?b#c"))
    assert built.path == "/v1/payments/sepa-credit-transfers/..%2Fa%3Fb%23c"


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (OperationKind.CONSENT, {"payer": None}),
        (OperationKind.CONSENT, {"payer": Payer()}),
        (OperationKind.CONSENT, {"debtor": None}),
        (OperationKind.CONSENT, {"debtor": SORT_CODE}),
        (OperationKind.CONSENT, {"creditor": Creditor(name=PersonName("A"), account=SORT_CODE)}),
        (OperationKind.AUTHORISE, {}),
        (OperationKind.ENQUIRE, {}),
        (OperationKind.CANCEL, {}),
        (OperationKind.SUBMIT, {"bank_reference": PAYMENT_ID}),
        (OperationKind.REFUND, {"bank_reference": PAYMENT_ID}),
    ],
)
def test_what_is_missing_is_never_guessed(kind: OperationKind, changes: dict[str, Any]) -> None:
    """A request that would lack something raises ValueError instead."""
    with pytest.raises(ValueError, match=r"."):
        adapter().build(kind, instruction(**changes))


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"payer": None}, "/payer/ip_address", "required"),
        ({"payer": Payer(ip_address=Masked("2001:db8::7"))}, "/payer/ip_address", "charset"),
        ({"debtor": None}, "/debtor/account/iban", "required"),
        ({"amount": Money("GBP", 100)}, "/amount/currency", "not_supported"),
        ({"amount": Money("EUR", 100_000_000_000)}, "/amount/value", "out_of_range"),
        ({"reference": Masked("Rechnung für März")}, "/reference", "charset"),
        ({"reference": Masked("x" * 141)}, "/reference", "length"),
        ({"creditor": Creditor(name=PersonName("A"), account=SORT_CODE)}, "/creditor/account", "not_supported"),
    ],
)
def test_what_this_bank_would_not_take_is_named(changes: dict[str, Any], pointer: str, code: str) -> None:
    """Each field outside the standard's limits is named before anything is sent."""
    errors = field_errors(BERLIN_GROUP, instruction(**changes))
    assert (pointer, code) in [(each.pointer, each.code) for each in errors]
    assert field_errors(BERLIN_GROUP, instruction()) == []


def test_a_bank_that_executes_at_once_is_recovered_by_persons() -> None:
    """At such a bank the initiation itself may pay: its lost answer is held, and everything else stays as it was."""
    hasty = BERLIN_GROUP.at({"executes_without_authorisation": "yes"})
    assert hasty.arms is OperationKind.CONSENT
    assert hasty.recovery_of(OperationKind.CONSENT) is Recovery.HOLD
    assert replace(hasty, arms=BERLIN_GROUP.arms, recovery=BERLIN_GROUP.recovery, variants=BERLIN_GROUP.variants) == (
        BERLIN_GROUP
    )
    assert BERLIN_GROUP.at({"executes_without_authorisation": "no"}) is BERLIN_GROUP


def test_a_payers_address_is_of_the_kind_that_the_bank_takes() -> None:
    """The standard has IPv4 only: another address is named before anything is sent, unless this bank takes it."""
    told = instruction(payer=Payer(ip_address=Masked("2001:db8::7")))
    assert {each.pointer for each in field_errors(BERLIN_GROUP, told)} == {"/payer/ip_address"}
    with pytest.raises(ValueError, match="address"):
        adapter().build(OperationKind.CONSENT, told)
    both = settings(payer_addresses="ipv4_and_ipv6")
    assert field_errors(BERLIN_GROUP.at(both.options), told) == []
    sent = dict(adapter().build(OperationKind.CONSENT, replace(told, settings=both)).headers)
    assert sent["PSU-IP-Address"] == "2001:db8::7"


def test_a_bank_may_differ_in_more_than_one_way() -> None:
    """What executes at once and what takes other addresses hold together."""
    varied = BERLIN_GROUP.at({"executes_without_authorisation": "yes", "payer_addresses": "ipv4_and_ipv6"})
    assert varied.arms is OperationKind.CONSENT
    assert varied.fields["/payer/ip_address"].max_length == 45
    assert varied.fields["/creditor/name"] == BERLIN_GROUP.fields["/creditor/name"]


def test_wrong_options_are_named() -> None:
    """An option outside its choices is an error that names it; a bank without any option is whole."""
    assert setting_errors(BERLIN_GROUP, settings(), Environment.TEST) == []
    wrong = settings(payment_product="target-2-payments", enquiry="both")
    errors = setting_errors(BERLIN_GROUP, wrong, Environment.TEST)
    assert {each.pointer for each in errors} == {"/options/payment_product", "/options/enquiry"}
