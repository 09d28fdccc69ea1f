"""Account information of NextGenPSD2: what is asked for, and what the answers bring to the last digit."""

import json
from datetime import UTC, date, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.berlin_group.information.tables import BALANCES, CONSENT_STATUSES
from adapters.berlin_group.mapping import accounts
from adapters.berlin_group.tables import ERRORS
from adapters.contract import BankSettings, Payer
from adapters.contract.accounts import (
    BalanceKind,
    BookingStatus,
    ConsentStatus,
    Inquiry,
    Reading,
    ReadingKind,
    Trouble,
)
from adapters.wire import WireReply, WireRequest
from kernel.money import Money
from tests.support.berlin_group import inquiry, links, refusal, reply

KINDS = sorted(set(ReadingKind) - {ReadingKind.REFRESH})
READS = [ReadingKind.ACCOUNTS, ReadingKind.BALANCES, ReadingKind.TRANSACTIONS]


def build(kind: ReadingKind, **changes: Any) -> WireRequest:
    return accounts().build(kind, inquiry(**changes))


def read(kind: ReadingKind, answer: WireReply) -> Reading:
    return accounts().parse(kind, answer)


def options(**given: str) -> BankSettings:
    return BankSettings(base_url="https://bank.example", options=given)


@pytest.mark.parametrize(
    ("given", "access"),
    [
        ({}, {"accounts": [], "balances": [], "transactions": []}),
        ({"account_choice": "all_accounts"}, {"allPsd2": "allAccounts"}),
    ],
)
def test_a_consent_is_asked_for_as_the_bank_offers_it(given: dict[str, str], access: dict[str, Any]) -> None:
    """The holder chooses accounts at the bank, or opens all of them; it lasts until its day, with four reads a day."""
    request = build(ReadingKind.CONSENT, settings=options(**given))
    assert (request.method, request.path) == ("POST", "/v1/consents")
    assert orjson.loads(request.body) == {
        "access": access,
        "recurringIndicator": True,
        "validUntil": "2027-01-31",
        "frequencyPerDay": 4,
        "combinedServiceIndicator": False,
    }
    assert {"PSU-IP-Address", "TPP-Redirect-URI", "TPP-Nok-Redirect-URI"} <= set(dict(request.headers))


@pytest.mark.parametrize(
    ("kind", "method", "path"),
    [
        (ReadingKind.AUTHORISE, "POST", "/v1/consents/a-consent/authorisations"),
        (ReadingKind.CONSENT_STATUS, "GET", "/v1/consents/a-consent"),
        (ReadingKind.CONSENT_END, "DELETE", "/v1/consents/a-consent"),
        (ReadingKind.ACCOUNTS, "GET", "/v1/accounts"),
        (ReadingKind.BALANCES, "GET", "/v1/accounts/an-account/balances"),
        (
            ReadingKind.TRANSACTIONS,
            "GET",
            "/v1/accounts/an-account/transactions?bookingStatus=booked&dateFrom=2026-08-04",
        ),
    ],
)
def test_each_call_has_its_place(kind: ReadingKind, method: str, path: str) -> None:
    """Every call stands where the standard has it, and is signed."""
    request = build(kind)
    assert (request.method, request.path, request.signed) == (method, path, True)


@pytest.mark.parametrize("kind", READS)
def test_the_holders_address_is_sent_only_while_they_are_there(kind: ReadingKind) -> None:
    """A read names its consent; with the holder's address it is attended, without it one of the day's few."""
    assert dict(build(kind).headers)["Consent-ID"] == "a-consent"
    assert "PSU-IP-Address" in dict(build(kind).headers)
    assert not [name for name, _ in build(kind, payer=None).headers if name.startswith("PSU-")]


def test_transactions_are_asked_for_by_days_and_status() -> None:
    """The days are the partner's, the status the bank's option."""
    request = build(
        ReadingKind.TRANSACTIONS,
        booked_from=date(2026, 10, 1),
        booked_to=date(2026, 10, 31),
        settings=options(transactions="both"),
    )
    assert request.path.endswith("/transactions?bookingStatus=both&dateFrom=2026-10-01&dateTo=2026-10-31")


@pytest.mark.parametrize(
    "href",
    [
        "/v1/accounts/an-account/transactions?bookingStatus=booked&pageIndex=2",
        "https://bank.example/psd2/v1/accounts/an-account/transactions?bookingStatus=booked&pageIndex=2",
    ],
)
def test_the_next_page_is_followed_at_the_known_server(href: str) -> None:
    """The bank's link may be whole or only a path; what is followed is its path below the bank's own address."""
    report = {"booked": [], "_links": {"account": {"href": "/v1/accounts/an-account"}, "next": {"href": href}}}
    page = read(ReadingKind.TRANSACTIONS, reply(200, {"transactions": report})).next_page
    assert page == "/v1/accounts/an-account/transactions?bookingStatus=booked&pageIndex=2"
    assert build(ReadingKind.TRANSACTIONS, page=page).path == page


@pytest.mark.parametrize(
    "page",
    ["/v1/accounts/another/transactions?x=1", "/v1/consents/c?x=1", "/v1/accounts/an-account/transactions?a b", "x"],
)
def test_a_page_of_something_else_is_not_followed(page: str) -> None:
    """A link that leaves the account's transactions is no page."""
    with pytest.raises(ValueError, match="no page"):
        build(ReadingKind.TRANSACTIONS, page=page)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (ReadingKind.CONSENT, {"payer": None}),
        (ReadingKind.CONSENT, {"payer": Payer()}),
        (ReadingKind.CONSENT, {"valid_until": None}),
        (ReadingKind.CONSENT_STATUS, {"consent_id": None}),
        (ReadingKind.ACCOUNTS, {"consent_id": None}),
        (ReadingKind.BALANCES, {"account_id": None}),
        (ReadingKind.REFRESH, {}),
    ],
)
def test_what_is_missing_is_never_guessed(kind: ReadingKind, changes: dict[str, Any]) -> None:
    """A request that would lack something raises ValueError instead; so does a page of ours for the holder."""
    with pytest.raises(ValueError, match=r"."):
        build(kind, **changes)
    with pytest.raises(ValueError, match="brings"):
        accounts().authorisation_url(inquiry(), datetime(2026, 11, 2, tzinfo=UTC))


@pytest.mark.parametrize("status", sorted(CONSENT_STATUSES))
def test_a_consent_stands_as_the_bank_says(status: str) -> None:
    """Every consentStatus is read by its table, when it is asked for and when it is enquired."""
    body = {"consentStatus": status, "consentId": "c", "_links": links("scaRedirect")}
    asked = read(ReadingKind.CONSENT, reply(201, body))
    assert (asked.trouble, asked.consent_status, asked.consent_id) == (None, CONSENT_STATUSES[status], "c")
    assert (asked.authorisation is not None) is (asked.consent_status is ConsentStatus.AWAITING_AUTHORISATION)
    told = read(ReadingKind.CONSENT_STATUS, reply(200, {"consentStatus": status, "validUntil": "2027-01-31"}))
    assert told.consent_status is CONSENT_STATUSES[status]
    assert told.expires_at == datetime(2027, 2, 1, tzinfo=UTC)


def test_a_consent_without_end_has_none() -> None:
    """9999-12-31 is the standard's word for as long as the bank allows, and no date is none."""
    for last in ("9999-12-31", "soon", None):
        told = read(ReadingKind.CONSENT_STATUS, reply(200, {"consentStatus": "valid", "validUntil": last}))
        assert (told.trouble, told.expires_at) == (None, None)


def test_a_bank_that_waits_for_the_start_brings_no_page_yet() -> None:
    """With a link to start the authorisation the consent is there, and the next call begins it."""
    body = {"consentStatus": "received", "consentId": "c", "_links": links("startAuthorisation")}
    asked = read(ReadingKind.CONSENT, reply(201, body))
    assert (asked.trouble, asked.authorisation) == (None, None)
    started = {"scaStatus": "received", "authorisationId": "a", "_links": links("scaRedirect")}
    begun = read(ReadingKind.AUTHORISE, reply(201, started))
    assert begun.authorisation is not None
    assert read(ReadingKind.AUTHORISE, reply(201, {**started, "_links": {}})).trouble is Trouble.UNREADABLE
    assert read(ReadingKind.CONSENT, reply(201, {**body, "_links": {}})).trouble is Trouble.UNREADABLE


def test_accounts_are_read_with_what_names_them() -> None:
    """An account has the bank's id, its IBAN and currency; one that cannot be addressed is left out."""
    listed = [
        {"resourceId": "r1", "iban": "DE89370400440532013000", "currency": "EUR", "name": "Household", "product": "P"},
        {"resourceId": "r2", "currency": "XXX"},
        {"iban": "DE02120300000000202051", "currency": "EUR"},
    ]
    found = read(ReadingKind.ACCOUNTS, reply(200, {"accounts": listed})).accounts
    assert [(each.id, each.currency, each.product) for each in found] == [("r1", "EUR", "P"), ("r2", "XXX", None)]
    assert found[0].iban is not None
    assert found[0].iban.reveal() == "DE89370400440532013000"


@pytest.mark.parametrize("kind", [*sorted(BALANCES), "somethingNew"])
def test_balances_keep_their_sign_and_kind(kind: str) -> None:
    """Each balanceType is read by its table; an unknown one is information, with the bank's word beside it."""
    told = {
        "balanceType": kind,
        "balanceAmount": {"currency": "EUR", "amount": "-12.34"},
        "referenceDate": "2026-11-02",
    }
    (balance,) = read(ReadingKind.BALANCES, reply(200, {"balances": [told]})).balances
    assert (balance.value, balance.currency, balance.raw_kind) == (-1234, "EUR", kind)
    assert balance.kind is BALANCES.get(kind, BalanceKind.INFORMATION)
    assert balance.at == datetime(2026, 11, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("currency", "told", "value"),
    [("JPY", "1234", 1234), ("EUR", "12.34", 1234), ("KWD", "1.234", 1234), ("CLF", "0.1234", 1234)],
)
@pytest.mark.parametrize("sign", ["", "-"])
def test_entries_are_read_to_the_last_digit(sign: str, currency: str, told: str, value: int) -> None:
    """A debit is negative at the bank; ours has a direction, and names whoever stands on the other side."""
    entry = {
        "transactionId": "t1",
        "transactionAmount": {"currency": currency, "amount": f"{sign}{told}"},
        "bookingDate": "2026-11-01",
        "creditorName": "Example Grocer",
        "debtorName": "Example Works Ltd",
        "remittanceInformationUnstructured": "Invoice 42",
        "endToEndId": "E2E",
        "bankTransactionCode": "PMNT-ICDT-ESCT",
    }
    report = {"booked": [entry], "pending": [entry], "_links": {}}
    found = read(ReadingKind.TRANSACTIONS, reply(200, {"transactions": report})).transactions
    assert [each.status for each in found] == [BookingStatus.BOOKED, BookingStatus.PENDING]
    assert {(each.amount, each.is_credit) for each in found} == {(Money(currency, value), not sign)}
    assert found[0].counterparty is not None
    assert found[0].counterparty.reveal() == ("Example Grocer" if sign else "Example Works Ltd")
    assert found[0].booked_at == datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"remittanceInformationUnstructuredArray": ["Invoice", "42"]}, "Invoice 42"),
        ({"remittanceInformationStructured": {"reference": "RF18"}}, "RF18"),
        ({"remittanceInformationUnstructured": ""}, None),
        ({}, None),
    ],
)
def test_an_entrys_text_is_found_in_all_its_places(entry: dict[str, Any], text: str | None) -> None:
    """Banks put the remittance information in three places; an entry without id or text is an entry all the same."""
    whole = {"transactionAmount": {"currency": "EUR", "amount": "1"}, **entry}
    report = {"information": [whole], "_links": {}}
    (found,) = read(ReadingKind.TRANSACTIONS, reply(200, {"transactions": report})).transactions
    assert (found.text.reveal() if found.text else None) == text
    assert found.id is None


@pytest.mark.parametrize(
    ("status", "code", "trouble"),
    [
        (401, "CONSENT_INVALID", Trouble.CONSENT_NOT_USABLE),
        (401, "CONSENT_EXPIRED", Trouble.CONSENT_NOT_USABLE),
        (403, "CONSENT_UNKNOWN", Trouble.CONSENT_NOT_USABLE),
        (404, "RESOURCE_UNKNOWN", Trouble.NOT_FOUND),
        (429, "ACCESS_EXCEEDED", Trouble.TOO_MANY_READS),
        (429, "SOMETHING_NEW", Trouble.TOO_MANY_READS),
        (400, "PERIOD_INVALID", Trouble.REFUSED),
        (401, "SIGNATURE_INVALID", Trouble.UNREADABLE),
        (500, "CONSENT_INVALID", Trouble.UNREADABLE),
        (400, "SOMETHING_NEW", Trouble.UNREADABLE),
    ],
)
def test_trouble_is_told_by_its_code(status: int, code: str, trouble: Trouble) -> None:
    """Each error is one of five; what is our own fault, or unknown, says nothing of the consent."""
    for kind in KINDS:
        assert read(kind, refusal(status, code)).trouble is trouble


def test_every_code_of_the_standard_is_some_trouble() -> None:
    """No error is taken for an answer."""
    assert all(read(kind, refusal(400, code)).trouble is not None for code in ERRORS for kind in KINDS)


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (ReadingKind.ACCOUNTS, reply(200, {})),
        (ReadingKind.BALANCES, reply(200, {})),
        (ReadingKind.TRANSACTIONS, reply(200, {})),
        (ReadingKind.TRANSACTIONS, reply(200, {"transactions": {"booked": {}, "_links": {}}})),
        (ReadingKind.TRANSACTIONS, reply(200, {"transactions": {"booked": [{}], "_links": {}}})),
        (ReadingKind.TRANSACTIONS, reply(200, {"transactions": {"_links": {"next": {"href": "/elsewhere"}}}})),
        (ReadingKind.ACCOUNTS, reply(200, {"accounts": [{"resourceId": "r"}]})),
        (ReadingKind.BALANCES, reply(200, {"balances": [{"balanceAmount": {"currency": "EUR", "amount": "1.234"}}]})),
        (ReadingKind.CONSENT, reply(200, {"consentStatus": "valid", "consentId": "c"})),
        (ReadingKind.CONSENT_STATUS, reply(200, {"consentStatus": "new"})),
        (ReadingKind.CONSENT_END, reply(200, {})),
    ],
)
def test_an_answer_that_is_not_as_documented_brings_nothing(kind: ReadingKind, answer: WireReply) -> None:
    """What lacks a needed part, or has it wrong, is unreadable as a whole."""
    assert read(kind, answer).trouble is Trouble.UNREADABLE


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
BODIES = st.binary() | JSON.map(lambda value: json.dumps(value).encode(errors="replace"))


@given(kind=st.sampled_from(sorted(ReadingKind)), status=st.integers(100, 599), body=BODIES)
def test_garbage_brings_nothing(kind: ReadingKind, status: int, body: bytes) -> None:
    """Whatever a bank sends, reading never raises, and what is not of the protocol brings nothing."""
    reading = read(kind, WireReply(status=status, headers={}, body=body))
    assert reading.trouble is not None or (kind, status) == (ReadingKind.CONSENT_END, 204)


def test_inquiries_are_not_repeated_by_their_secrets() -> None:
    """What binds the holder's return is in no representation of an inquiry."""
    assert "a-state" not in repr(Inquiry(**{name: getattr(inquiry(), name) for name in Inquiry.__dataclass_fields__}))
