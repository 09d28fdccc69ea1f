from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from adapters.declaration import AccountScheme
from gateway.http.bodies import parse, validated
from gateway.schemas.admin import BankChange, BankSettingsIn
from gateway.schemas.oauth.clients import ClientIn
from gateway.schemas.pages import PageQuery
from gateway.schemas.payments import AccountIn, PaymentIn
from gateway.schemas.types import MoneyIn, Time
from gateway.schemas.webhooks.endpoints.bodies import EndpointChange
from gateway.schemas.webhooks.events import EventIn, FeedQueryIn
from kernel.errors import Invalid

PAYMENT: dict[str, Any] = {
    "merchant_id": "mer_x",
    "bank_id": "sandbox",
    "amount": {"currency": "GBP", "value": 1},
    "creditor": {"name": "Example Books Ltd", "account": {"iban": "GB82 WEST 1234 5698 7654 32"}},
    "reference": "Invoice 42",
}


@pytest.mark.parametrize("value", [1.0, True, "1", None, 0, -1, 2**53, 10**30])
def test_amounts_are_whole_positive_numbers_and_nothing_else(value: Any) -> None:
    """No floats, booleans, texts, zero, negatives, or numbers that JSON readers round."""
    with pytest.raises(ValidationError):
        MoneyIn.model_validate({"currency": "GBP", "value": value})


@pytest.mark.parametrize(
    "value", [b"9007199254740992", b"18446744073709551615", b"18446744073709551616", b"1" + b"0" * 40]
)
def test_an_amount_that_is_too_large_is_told_so(value: bytes) -> None:
    """Also beyond 64 bits, where the JSON parser makes a fraction of it."""
    with pytest.raises(Invalid) as refused:
        validated(MoneyIn, parse(b'{"currency": "GBP", "value": %b}' % value))
    assert [(error.pointer, error.code) for error in refused.value.errors] == [("/value", "too_large")]
    assert value.decode() not in refused.value.errors[0].message


@pytest.mark.parametrize("currency", ["gbp", "XXX", "XAU", "", "GBPP", 826])
def test_currencies_are_those_of_iso_4217_with_a_minor_unit(currency: Any) -> None:
    """Lower case, tests, metals and numbers are refused."""
    with pytest.raises(ValidationError):
        MoneyIn.model_validate({"currency": currency, "value": 1})


@pytest.mark.parametrize(
    "account",
    [
        {},
        {"iban": "GB82WEST12345698765433"},
        {"iban": "DE89"},
        {"iban": ""},
        {"sort_code": "123456"},
        {"account_number": "12345678"},
        {"iban": "GB82WEST12345698765432", "sort_code": "123456", "account_number": "12345678"},
        {"sort_code": "12345", "account_number": "12345678"},
        {"sort_code": "123456", "account_number": "12345"},
        {"sort_code": "123456", "account_number": "1234567A"},
        {"routing_number": "021000021"},
        {"routing_number": "021000022", "account_number": "12345678"},
        {"routing_number": "131000021", "account_number": "12345678"},
        {"routing_number": "02100002", "account_number": "12345678"},
        {"routing_number": "021000021", "account_number": "123456789012345678"},
        {"routing_number": "021000021", "account_number": "1234-5678"},
        {"routing_number": "021000021", "account_number": ""},
        {"routing_number": "021000021", "sort_code": "123456", "account_number": "12345678"},
        {"sort_code": "123456", "account_number": "1234567890"},
    ],
)
def test_accounts_that_are_none(account: dict[str, str]) -> None:
    """An IBAN with its check digits, or a number with its sort code or routing number; never half of one, or two."""
    with pytest.raises(ValidationError):
        AccountIn.model_validate(account)


def test_accounts_are_normalised_and_masked() -> None:
    """Spaces and dashes that people write are taken away; nothing prints the number."""
    request = PaymentIn.model_validate(PAYMENT)
    account = request.creditor.account
    assert account.iban is not None
    assert account.iban.reveal() == "GB82WEST12345698765432"
    assert "12345698765432" not in repr(request)
    assert "Example Books" not in repr(request)
    domestic = AccountIn.model_validate({"sort_code": "12-34-56", "account_number": "12345678"})
    assert domestic.sort_code == "123456"


@pytest.mark.parametrize("number", ["021000021", "011401533", "091000019", "322271627", "611111113", "800000006"])
def test_routing_numbers_of_every_range_are_taken(number: str) -> None:
    """Banks, thrifts, electronic and traveller's cheques, each with its check digit (ABA)."""
    account = AccountIn.model_validate({"routing_number": number, "account_number": "A1234567890123456"})
    assert account.to_account().scheme is AccountScheme.ROUTING_NUMBER


@pytest.mark.parametrize("reference", ["", "   ", "x" * 36, "a_b", "ünïcode", "line\nbreak", 'quote"', 5])
def test_references_that_banks_would_refuse(reference: Any) -> None:
    """Up to 35 characters of the basic Latin set."""
    with pytest.raises(ValidationError):
        PaymentIn.model_validate({**PAYMENT, "reference": reference})


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example/paid",
        "ftp://shop.example/",
        "https://",
        "https://user:secret@shop.example/",
        "https://shop.example/#paid",
        "https://shop.example/a b",
        'https://shop.example/"onload=x',
        "https://shop.example/<script>",
        "https://shop.example/\r\nSet-Cookie: a=b",
        "https://shop.example:99999/",
        "https://[::1/",
        "javascript:alert(1)",
        "https://shop.example/" + "x" * 2_000,
        42,
    ],
)
def test_return_urls_that_no_payer_is_sent_to(url: Any) -> None:
    """Only a plain web address is: no credentials, no fragment, nothing that ends a header or an attribute."""
    with pytest.raises(ValidationError):
        PaymentIn.model_validate({**PAYMENT, "return_url": url})


def test_who_pays_is_optional_and_masked() -> None:
    """The account to pay from, and what banks look for fraud with; an address is written in one way."""
    who = {
        "debtor": {"account": {"iban": "GB82 WEST 1234 5698 7654 32"}},
        "payer": {"ip_address": "2001:DB8::0:1", "user_agent": "Mozilla/5.0"},
        "return_url": "https://shop.example/paid?order=17",
    }
    request = PaymentIn.model_validate({**PAYMENT, **who})
    assert request.debtor is not None
    assert request.payer is not None
    payer = request.payer.to_payer()
    assert payer.ip_address is not None
    assert payer.ip_address.reveal() == "2001:db8::1"
    assert "WEST" not in repr(request)
    assert "Mozilla" not in repr(request)


def test_an_ipv4_address_inside_an_ipv6_one_is_told_as_itself() -> None:
    """So a server that listens for both kinds of connections may pass on what it sees."""
    request = PaymentIn.model_validate({**PAYMENT, "payer": {"ip_address": "::ffff:203.0.113.7"}})
    address = request.payer.to_payer().ip_address if request.payer else None
    assert address is not None
    assert address.reveal() == "203.0.113.7"


@pytest.mark.parametrize(
    "payer", [{"ip_address": "300.1.1.1"}, {"user_agent": ""}, {"user_agent": "a\n"}, {"name": "x"}]
)
def test_payers_that_are_none(payer: dict[str, str]) -> None:
    """No address, no browser, or something that we do not know."""
    with pytest.raises(ValidationError):
        PaymentIn.model_validate({**PAYMENT, "payer": payer})


@pytest.mark.parametrize(
    "text", ["2026-01-31", "2026-01-31T09:30:00", "2026-02-30T09:30:00Z", "now", 5, "9999-12-31T23:59:59-23:59"]
)
def test_times_that_are_none(text: Any) -> None:
    """RFC 3339 with an offset, and a day that exists."""
    with pytest.raises(ValidationError):
        TypeAdapter(Time).validate_python(text)


def test_times_are_taken_in_any_offset() -> None:
    """And kept in UTC."""
    time = TypeAdapter(Time).validate_python("2026-01-31T09:30:00.5+02:00")
    assert time.isoformat() == "2026-01-31T07:30:00.500000+00:00"


@pytest.mark.parametrize(
    "metadata", [{"k" * 41: "v"}, {"key": "v" * 501}, {"key": 1}, {f"k{n}": "v" for n in range(21)}, [], {"a b": "v"}]
)
def test_metadata_is_small(metadata: Any) -> None:
    """Twenty short texts at most."""
    with pytest.raises(ValidationError):
        PaymentIn.model_validate({**PAYMENT, "metadata": metadata})


@pytest.mark.parametrize("event_type", ["", "a..b", "a b", "payment.settled", "webhook_endpoint.test", "a" * 129, 1])
def test_event_types_that_partners_may_not_use(event_type: Any) -> None:
    """Dotted identifiers, and not those of our own events."""
    with pytest.raises(ValidationError):
        EventIn.model_validate({"type": event_type, "data": {}})


def test_queries_read_numbers_from_text() -> None:
    """A query string has nothing but text."""
    assert PageQuery.model_validate({"limit": "7"}).limit == 7
    assert FeedQueryIn.model_validate({"types": "a.*,b.c"}).types == ("a.*", "b.c")


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"cursor": ""}, {"cursor": "\n"}, {"x": "1"}]
)
def test_queries_that_are_refused(query: dict[str, str]) -> None:
    """Out of range, unreadable and unknown parameters are errors, not ignored."""
    with pytest.raises(ValidationError):
        PageQuery.model_validate(query)


def test_clients_have_known_scopes_only() -> None:
    """A scope that does not exist is refused when the client is made."""
    body = {"name": "shop", "environment": "test", "scopes": ["payments:read", "everything"]}
    with pytest.raises(ValidationError):
        ClientIn.model_validate(body)


def test_an_unknown_member_is_told_which_are_known() -> None:
    """Each by its own pointer if its name can only be a name, the members once for an object, beside other errors."""
    amount = {"currency": "GBP", "value": 0, "GB33MARKED": 1}
    sent = {**PAYMENT, "colour": 1, "size-of-it": 2, "GB33MARKED": 1, "amount": amount, "creditor": "GB33MARKED"}
    with pytest.raises(Invalid) as refused:
        validated(PaymentIn, sent)
    told = {(error.pointer, error.code): error.message for error in refused.value.errors}
    assert told["/amount", "unknown_field"] == "Members here: currency, value."
    assert told["/colour", "unknown_field"].startswith("Members here: merchant_id, bank_id, amount,")
    others = [told["/size-of-it", "unknown_field"], told["", "unknown_field"]]
    assert others == ["There is no such member."] * 2
    assert told["/creditor", "type"] == "Expected an object."
    assert ("/amount/value", "too_small") in told
    assert "MARKED" not in repr(told)


@pytest.mark.parametrize(("model", "field"), [(EndpointChange, "url"), (EndpointChange, "state"), (BankChange, "name")])
def test_null_is_no_change(model: type[EndpointChange | BankChange], field: str) -> None:
    """It is refused, not ignored; leaving a field out keeps it."""
    model.model_validate({})
    with pytest.raises(ValidationError):
        model.model_validate({field: None})


def test_a_banks_options_hold_certificates_and_nothing_endless() -> None:
    """A certificate with its chain fits into an option; what is longer, or no text, is refused without being shown."""
    whole = {"base_url": "https://bank.example", "options": {"tls_ca": "x" * 20_000}}
    assert BankSettingsIn.model_validate(whole).options == whole["options"]
    for options in ({"tls_ca": "secret" * 4_000}, {"tls_ca": 7}, ["tls_ca"]):
        with pytest.raises(ValidationError) as refused:
            BankSettingsIn.model_validate({**whole, "options": options})
        assert [each["loc"] for each in refused.value.errors()] == [("options",)]
