"""What we send to an Open Banking UK bank, judged by the official file of its version."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from adapters.contract import Account, Creditor, Payer
from adapters.declaration import OperationKind
from adapters.open_banking_uk.declaration import OPEN_BANKING_UK
from adapters.open_banking_uk.dialect import PAYMENT_CONTEXTS
from adapters.open_banking_uk.mapping import adapter
from adapters.wire import Credential, Host, WireRequest
from kernel.masked import AccountNumber, Masked, PersonName
from kernel.money import Money
from tests.support.open_banking_uk import KINDS, VERSIONS, fresh, instruction, payments_api, settings

UK = adapter()
DIGITS = st.text("0123456789", min_size=14, max_size=14)
ACCOUNTS = st.one_of(
    DIGITS.map(lambda text: Account(sort_code=text[:6], account_number=AccountNumber(text[6:]))),
    st.just(Account(iban=AccountNumber("GB33BUKB20201555555555"))),
)
PAYERS = st.builds(
    Payer,
    ip_address=st.none() | st.ip_addresses().map(lambda address: Masked(str(address))),
    user_agent=st.none() | st.text(max_size=60).map(Masked),
)
MONEY = st.sampled_from(sorted(OPEN_BANKING_UK.currencies)).flatmap(
    lambda code: st.integers(1, OPEN_BANKING_UK.currencies[code].value_max).map(lambda value: Money(code, value))
)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "payment_context": st.sampled_from(PAYMENT_CONTEXTS),
        "merchant_category_code": st.from_regex(r"[0-9]{4}", fullmatch=True),
        "contract_present": st.sampled_from(["yes", "no"]),
        "local_instrument": st.sampled_from(["UK.OBIE.FPS", "UK.OBIE.CHAPS"]),
        "enquiry": st.sampled_from(["payment", "payment_details"]),
    },
)


def text_of(pointer: str) -> st.SearchStrategy[str]:
    limit = OPEN_BANKING_UK.fields[pointer]
    pattern = f"[{limit.charset}]{{{limit.min_length},{limit.max_length}}}"
    return st.from_regex(pattern, fullmatch=True)


@st.composite
def instructions(draw: Any, version: str) -> Any:
    """Any payment that the declaration lets through, at a bank with any options."""
    creditor = Creditor(name=PersonName(draw(text_of("/creditor/name"))), account=draw(ACCOUNTS))
    return instruction(
        version,
        amount=draw(MONEY),
        creditor=creditor,
        reference=Masked(draw(text_of("/reference"))),
        debtor=draw(st.none() | ACCOUNTS),
        payer=draw(st.none() | PAYERS),
        execute_at=draw(st.none() | st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))),  # noqa: DTZ001 - the strategy adds the zone
        bank_reference=draw(st.none() | st.from_regex(r"[A-Za-z0-9/?%-]{1,40}", fullmatch=True)),
        settings=settings(version, **draw(OPTIONS)),
    )


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_request_is_as_the_official_file_says(version: str, kind: OperationKind) -> None:
    """With every combination of optional parts, path, headers and body are what the version's own file describes."""
    api = payments_api(version)

    @hypothesis_settings(max_examples=60)
    @given(instructions(version))
    def judge(any_instruction: Any) -> None:
        is_now = kind is OperationKind.CONFIRM_FUNDS
        request = UK.build(kind, replace(any_instruction, execute_at=None) if is_now else any_instruction)
        assert api.problems_of_request(request, fresh(request)) == []

    judge()


@pytest.mark.parametrize("version", VERSIONS)
def test_the_judge_sees_what_the_other_version_says(version: str) -> None:
    """A request in one version is not valid in the other: the judge is no formality."""
    other = next(each for each in VERSIONS if each != version)
    request = UK.build(OperationKind.CONSENT, instruction(version))
    path = request.path.replace("v4.0", "v?").replace("v3.1", "v4.0").replace("v?", "v3.1")
    assert payments_api(other).problems_of_request(replace(request, path=path), fresh(request))


@pytest.mark.parametrize("version", VERSIONS)
def test_consent_and_payment_say_the_same(version: str) -> None:
    """Initiation and Risk are equal in both, whatever the options: a bank refuses a payment that differs."""
    options = {"payment_context": "TransferToThirdParty", "contract_present": "yes", "merchant_category_code": "5942"}
    told = instruction(version, settings=settings(version, **options))
    consent, payment = (body(UK.build(kind, told)) for kind in (OperationKind.CONSENT, OperationKind.SUBMIT))
    assert consent["Data"]["Initiation"] == payment["Data"]["Initiation"]
    assert consent["Risk"] == payment["Risk"]
    assert payment["Data"]["ConsentId"] == "pdc-1"


def test_the_refund_account_is_asked_for_with_the_consent() -> None:
    """It can be asked for only then; without it nobody would know where a refund goes."""
    assert body(UK.build(OperationKind.CONSENT, instruction()))["Data"]["ReadRefundAccount"] == "Yes"


def test_the_misspelt_field_is_misspelt_where_the_standard_misspells_it() -> None:
    """Version 3.1.11 says ContractPresentInidicator; version 4.0 does not."""
    risks = {}
    for version in VERSIONS:
        told = instruction(version, settings=settings(version, contract_present="no"))
        risks[version] = body(UK.build(OperationKind.CONSENT, told))["Risk"]
    assert risks == {"4.0": {"ContractPresentIndicator": False}, "3.1.11": {"ContractPresentInidicator": False}}


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money("JPY", 1234), "1234"),
        (Money("EUR", 1), "0.01"),
        (Money("GBP", 10**15 - 1), "9999999999999.99"),
        (Money("KWD", 1234), "1.234"),
        (Money("CLF", 12345), "1.2345"),
    ],
)
def test_amounts_go_out_exactly(money: Money, text: str) -> None:
    """Each with exactly its currency's digits: none is lost, none is added, and no exponent is ever written."""
    told = body(UK.build(OperationKind.CONSENT, instruction(amount=money)))["Data"]["Initiation"]["InstructedAmount"]
    assert told == {"Amount": text, "Currency": money.currency}


def test_keys_and_signatures_stand_only_where_they_are_allowed() -> None:
    """POSTs of payments bear the key and are signed; a GET bears neither, and its answer must be signed."""
    consent, funds, payment, enquiry = (UK.build(kind, instruction()) for kind in KINDS)
    for post in (consent, payment):
        assert dict(post.headers)["x-idempotency-key"] == instruction().idempotency_key
        assert (post.signed, post.signed_answer) == (True, True)
    for read in (funds, enquiry):
        assert "x-idempotency-key" not in dict(read.headers)
        assert (read.signed, read.signed_answer) == (False, True)
    assert {each.fresh for each in (consent, funds, payment, enquiry)} == {("x-fapi-interaction-id",)}


def test_each_call_has_the_access_that_the_standard_wants() -> None:
    """Consent and enquiries with ours for payments, funds and payment with the payer's, the code with an assertion."""
    made = {kind: UK.build(kind, instruction()) for kind in (*KINDS, OperationKind.AUTHORISE)}
    assert {kind: each.credential for kind, each in made.items()} == {
        OperationKind.CONSENT: Credential.BANK,
        OperationKind.CONFIRM_FUNDS: Credential.PAYER,
        OperationKind.SUBMIT: Credential.PAYER,
        OperationKind.ENQUIRE: Credential.BANK,
        OperationKind.AUTHORISE: Credential.CLIENT,
    }
    assert {made[kind].scope for kind in KINDS} == {"payments"}
    assert made[OperationKind.AUTHORISE].host is Host.TOKEN


def test_funds_are_confirmed_for_a_payment_that_is_made_now() -> None:
    """The standard asks it under the consent to such a payment only."""
    for missing in ({"consent_id": None}, {"execute_at": datetime(2027, 1, 1, tzinfo=UTC)}):
        with pytest.raises(ValueError, match="funds are confirmed"):
            UK.build(OperationKind.CONFIRM_FUNDS, instruction(**missing))


def test_the_payers_headers_say_that_the_payer_is_there() -> None:
    """They are told as the partner saw them; what cannot stand in a header is replaced, and without a payer is none."""
    payer = Payer(ip_address=Masked("203.0.113.7"), user_agent=Masked("Bröwser/1.0"))
    headers = dict(UK.build(OperationKind.CONSENT, instruction(payer=payer)).headers)
    assert headers["x-fapi-customer-ip-address"] == "203.0.113.7"
    assert headers["x-customer-user-agent"] == "Br?wser/1.0"
    assert not [name for name in dict(UK.build(OperationKind.CONSENT, instruction()).headers) if "customer" in name]


def test_an_enquiry_asks_by_the_payment_or_else_by_the_consent() -> None:
    """The consent is all that there is while the answer that told the payment's id is lost."""
    told = instruction(bank_reference="pmt/1 ?")
    assert UK.build(OperationKind.ENQUIRE, told).path.endswith("/domestic-payments/pmt%2F1%20%3F")
    details = replace(told, settings=settings(enquiry="payment_details"))
    assert UK.build(OperationKind.ENQUIRE, details).path.endswith("/domestic-payments/pmt%2F1%20%3F/payment-details")
    assert UK.build(OperationKind.ENQUIRE, instruction()).path.endswith("/domestic-payment-consents/pdc-1")
    with pytest.raises(ValueError, match="consent"):
        UK.build(OperationKind.ENQUIRE, instruction(consent_id=None))


def test_what_the_journey_has_not_brought_is_not_sent() -> None:
    """No payment without a consent, no exchange without a code, and nothing in a version that is not spoken."""
    with pytest.raises(ValueError, match="consent"):
        UK.build(OperationKind.SUBMIT, instruction(consent_id=None))
    with pytest.raises(ValueError, match="code"):
        UK.build(OperationKind.AUTHORISE, instruction(handshake=None))
    with pytest.raises(ValueError, match="not spoken"):
        UK.build(OperationKind.CONSENT, instruction(settings=settings("2.0")))


def body(request: WireRequest) -> Any:
    return json.loads(request.body)
