"""What is refused before a bank is called."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import adapters
from adapters.berlin_group.declaration import BERLIN_GROUP
from adapters.berlin_group.simulator.door.certificates import trust
from adapters.checks import field_errors, recommended_fields, required_fields, schedule_errors, setting_errors
from adapters.contract import Account, BankSettings, Creditor, Payer
from adapters.declaration import AccountScheme, CurrencyRule, Declaration, FieldLimit, OperationKind, SettingField
from adapters.open_banking_uk.declaration import OPEN_BANKING_UK
from adapters.registry import discover
from adapters.sandbox.declaration import SANDBOX
from kernel.errors import FieldError
from kernel.ids import Environment
from kernel.masked import AccountNumber, Masked, PersonName, Secret
from kernel.money import Money
from tests.support.banks import IBAN, instruction
from tests.support.open_banking_uk import settings as open_banking_uk_settings

SECRETS = {"token": Secret("t"), "notification_secret": Secret("n")}
DOMESTIC = Account(sort_code="123456", account_number=AccountNumber("12345678"))


def errors_of(
    declaration: Declaration, settings: BankSettings, environment: Environment = Environment.TEST
) -> list[FieldError]:
    return setting_errors(declaration, settings, environment)


def creditor(name: str = "Example Books Ltd", account: Account | None = None) -> Creditor:
    return Creditor(name=PersonName(name), account=account or Account(iban=AccountNumber(IBAN)))


def test_a_payment_that_fits_has_no_errors() -> None:
    """An instruction within the bank's limits passes, to an IBAN or to a domestic account."""
    assert field_errors(SANDBOX, instruction()) == []
    assert field_errors(SANDBOX, instruction(creditor=creditor(account=DOMESTIC))) == []


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"amount": Money("CHF", 1)}, "/amount/currency", "not_supported"),
        ({"amount": Money("GBP", 0)}, "/amount/value", "out_of_range"),
        ({"amount": Money("GBP", 100_000_001)}, "/amount/value", "out_of_range"),
        ({"reference": Masked("x" * 36)}, "/reference", "length"),
        ({"reference": Masked("")}, "/reference", "length"),
        ({"reference": Masked("100 €")}, "/reference", "charset"),
        ({"reference": Masked("two\nlines")}, "/reference", "charset"),
        ({"creditor": creditor("Müller")}, "/creditor/name", "charset"),
        ({"creditor": creditor("x" * 71)}, "/creditor/name", "length"),
        (
            {"creditor": creditor(account=Account(iban=AccountNumber("GB82-WEST-1234567890")))},
            "/creditor/account/iban",
            "charset",
        ),
        ({"end_to_end_id": "a_b"}, "/end_to_end_id", "charset"),
    ],
)
def test_each_limit_names_its_field(changes: dict[str, Any], pointer: str, code: str) -> None:
    """A field outside the bank's limits is named with a code."""
    assert [(each.pointer, each.code) for each in field_errors(SANDBOX, instruction(**changes))] == [(pointer, code)]


def test_every_wrong_field_is_named_and_no_value_repeated() -> None:
    """All errors come at once, and none of them repeats what was sent."""
    wrong = instruction(
        amount=Money("CHF", 1),
        reference=Masked("§secret§"),
        creditor=creditor("§name§", Account(iban=AccountNumber("§iban§"))),
    )
    errors = field_errors(SANDBOX, wrong)
    assert {each.pointer for each in errors} == {
        "/amount/currency",
        "/reference",
        "/creditor/name",
        "/creditor/account/iban",
    }
    assert not any("§" in each.message for each in errors)


def test_a_scheme_that_the_bank_does_not_pay_to_is_named() -> None:
    """A bank that pays to IBANs only refuses a sort code."""
    only_iban = replace(SANDBOX, accounts=frozenset({AccountScheme.IBAN}))
    errors = field_errors(only_iban, instruction(creditor=creditor(account=DOMESTIC)))
    assert [(each.pointer, each.code) for each in errors] == [("/creditor/account", "not_supported")]


def test_a_bank_with_fewer_digits_takes_only_whole_units() -> None:
    """Where a bank keeps fewer digits than ISO 4217, amounts that it would round are refused."""
    rough = replace(SANDBOX, currencies={"GBP": CurrencyRule(exponent=0)})
    assert field_errors(rough, instruction(amount=Money("GBP", 1200))) == []
    assert [each.code for each in field_errors(rough, instruction(amount=Money("GBP", 1234)))] == ["too_precise"]


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        (BankSettings(base_url="https://bank.example", secrets=SECRETS), []),
        (BankSettings(base_url="https://bank.example/api/v1", secrets=SECRETS), []),
        (BankSettings(base_url="ftp://bank.example", secrets=SECRETS), ["/base_url"]),
        (BankSettings(base_url="https://us:pw@bank.example", secrets=SECRETS), ["/base_url"]),
        (BankSettings(base_url="https://bank.example?a=b", secrets=SECRETS), ["/base_url"]),
        (
            BankSettings(base_url="https://bank.example"),
            ["/secrets/notification_secret", "/secrets/token"],
        ),
        (BankSettings(base_url="https://b.example", secrets=SECRETS, options={"colour": "red"}), ["/options/colour"]),
        (
            BankSettings(
                base_url="https://b.example",
                secrets=SECRETS | {"tls_certificate": Secret("c"), "tls_key": Secret("k")},
                options={"tls_ca": "pem"},
            ),
            ["/options/tls_ca", "/secrets/tls_certificate", "/secrets/tls_key"],
        ),
    ],
)
def test_settings_are_held_to_the_declaration(settings: BankSettings, wrong: list[str]) -> None:
    """A missing, unknown or malformed setting is named; TLS settings fit every bank."""
    assert [each.pointer for each in errors_of(SANDBOX, settings)] == wrong


def test_settings_survive_sealing() -> None:
    """Settings come back from their bytes, and show no secret themselves."""
    settings = BankSettings(base_url="https://bank.example", secrets={"token": Secret("s3cret")}, options={"a": "b"})
    assert BankSettings.from_json(settings.to_json()) == settings
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"sort_code": "123456"},
        {"routing_number": "021000021"},
        {"routing_number": "021000021", "sort_code": "123456", "account_number": AccountNumber("12345678")},
        {"account_number": AccountNumber("12345678")},
        {"iban": AccountNumber(IBAN), "sort_code": "123456"},
        {"iban": AccountNumber(IBAN), "sort_code": "123456", "account_number": AccountNumber("12345678")},
    ],
)
def test_an_account_is_one_of_three_forms(parts: dict[str, Any]) -> None:
    """None, half or two of the forms raise ValueError."""
    with pytest.raises(ValueError, match="an account is"):
        Account(**parts)


def test_a_field_that_this_bank_needs_is_named_where_it_is_missing() -> None:
    """The public payment may leave out the payer and the debtor; a bank that needs them says so, and their limits."""
    needed = {
        "/debtor/account/iban": FieldLimit(max_length=34, charset="A-Z0-9", required=True),
        "/payer/ip_address": FieldLimit(max_length=15, charset=r"0-9.", required=True),
    }
    declared = replace(SANDBOX, fields={**SANDBOX.fields, **needed})
    errors = field_errors(declared, instruction())
    assert [(each.pointer, each.code) for each in errors] == [(name, "required") for name in needed]
    debtor, payer = Account(iban=AccountNumber(IBAN)), Payer(ip_address=Masked("203.0.113.7"))
    assert field_errors(declared, instruction(debtor=debtor, payer=payer)) == []
    errors = field_errors(declared, instruction(debtor=debtor, payer=Payer(ip_address=Masked("2001:db8::1"))))
    assert [(each.pointer, each.code) for each in errors] == [("/payer/ip_address", "charset")]


def test_an_account_to_pay_from_is_never_passed_over() -> None:
    """A bank that does not take it would pay from another one, so it is refused by name."""
    debtor = Account(iban=AccountNumber(IBAN))
    errors = field_errors(SANDBOX, instruction(debtor=debtor))
    assert [(each.pointer, each.code) for each in errors] == [("/debtor/account", "not_supported")]
    ibans = replace(
        SANDBOX, fields={**SANDBOX.fields, "/debtor/account/iban": FieldLimit(max_length=34, charset="A-Z0-9")}
    )
    assert field_errors(ibans, instruction(debtor=debtor)) == []
    assert [each.code for each in field_errors(ibans, instruction(debtor=DOMESTIC))] == ["not_supported"]


def test_a_payer_is_sent_out_now_or_not_at_all() -> None:
    """A payment for later needs a bank that keeps it where a payer must authorise it; elsewhere we wait."""
    later = datetime(2026, 12, 1, tzinfo=UTC)
    journey = (OperationKind.CONSENT, OperationKind.AUTHORISE, OperationKind.SUBMIT)
    sending = replace(SANDBOX, journey=journey)
    assert [each.pointer for each in schedule_errors(sending, later)] == ["/execute_at"]
    for declaration, at in ((sending, None), (replace(sending, schedules=True), later), (SANDBOX, later)):
        assert schedule_errors(declaration, at) == []


def test_an_option_outside_its_choices_is_named() -> None:
    """A setting with choices takes one of them, or may be missing where it is not required."""
    setting = SettingField(name="speed", sentence="How fast.", required=False, choices=("slow", "fast"))
    declared = replace(SANDBOX, settings=(*SANDBOX.settings, setting))
    settings = BankSettings(base_url="https://bank.example.com", secrets=SECRETS)
    assert errors_of(declared, settings) == errors_of(declared, replace(settings, options={"speed": "fast"}))
    errors = errors_of(declared, replace(settings, options={"speed": "slowly"}))
    assert [(each.pointer, each.code) for each in errors] == [("/options/speed", "invalid")]


def test_keys_are_read_when_a_bank_is_configured() -> None:
    """What is no key or certificate is named then, and not repeated; half a pair is too, and a whole one is taken."""
    pair = trust().client
    whole = {"tls_certificate": Secret(pair.certificate_pem), "tls_key": Secret(pair.key_pem)}
    good = BankSettings(
        base_url="https://bank.example",
        secrets=whole | {"signing_key": Secret(pair.key_pem)},
        options={"signing_certificate": pair.certificate_pem, "tls_ca": pair.certificate_pem},
    )
    assert errors_of(BERLIN_GROUP, good) == []
    marked = replace(good, secrets=whole | {"signing_key": Secret("MARKED")}, options={"signing_certificate": "MARKED"})
    errors = errors_of(BERLIN_GROUP, marked)
    assert {each.pointer for each in errors} == {"/secrets/signing_key", "/options/signing_certificate"}
    assert "MARKED" not in repr(errors)
    half = replace(good, secrets={"tls_key": whole["tls_key"]}, options={})
    assert [each.pointer for each in errors_of(BERLIN_GROUP, half)] == ["/secrets/tls_certificate"]


def test_settings_that_cannot_sign_are_refused() -> None:
    """A key without its certificate would leave every payment waiting, so it is told at once."""
    alone = BankSettings(base_url="https://bank.example", secrets={"signing_key": Secret(trust().client.key_pem)})
    assert [each.message for each in errors_of(BERLIN_GROUP, alone)] == [
        "signing needs both signing_key and signing_certificate"
    ]


def test_a_banks_key_set_is_the_set_and_not_its_address() -> None:
    """An address, an empty set and keys without a name verify nothing."""
    whole = open_banking_uk_settings()
    assert errors_of(OPEN_BANKING_UK, whole) == []
    for wrong in ("https://bank.example/jwks", '{"keys": []}', '{"keys": [{"kty": "RSA"}]}', "[]"):
        settings = replace(whole, options=whole.options | {"bank_jwks": wrong})
        assert [each.pointer for each in errors_of(OPEN_BANKING_UK, settings)] == ["/options/bank_jwks"]


@pytest.mark.parametrize(
    ("declaration", "path", "found"),
    [
        (BERLIN_GROUP, "/v1", "/v1"),
        (BERLIN_GROUP, "/xs2a/v1/", "/v1"),
        (OPEN_BANKING_UK, "/open-banking", "/open-banking"),
        (OPEN_BANKING_UK, "/bank/open-banking/v4.0/", "/open-banking/v4.0"),
        (OPEN_BANKING_UK, "/open-banking/v3.1", "/open-banking/v3.1"),
    ],
)
def test_a_base_url_with_the_protocols_own_path_is_named(declaration: Declaration, path: str, found: str) -> None:
    """Every call would have that path twice, and the bank would know none of them."""
    errors = errors_of(declaration, BankSettings(base_url=f"https://bank.example{path}"))
    assert [each.message for each in errors if each.pointer == "/base_url"] == [
        f"must end before {found}: every call adds {declaration.paths[path.rstrip('/').endswith('v3.1')]}"
    ]


@pytest.mark.parametrize("path", ["", "/", "/v1/psd2", "/xs2a-v1", "/apiv1", "/my-open-banking", "/open-banking-uk"])
def test_other_paths_are_the_banks_own(path: str) -> None:
    """A bank may keep its API where it likes; only whole segments at the end count."""
    for declaration in (BERLIN_GROUP, OPEN_BANKING_UK):
        errors = errors_of(declaration, BankSettings(base_url=f"https://bank.example{path}"))
        assert "/base_url" not in {each.pointer for each in errors}


@pytest.mark.parametrize(
    "base_url",
    [
        "http://bank.example",
        "http://127.0.0.1:8080",
        "https://localhost",
        "https://bank.localhost/api",
        "https://127.8.0.1:8443",
        "https://[::1]:8443",
        "https://0.0.0.0",
    ],
)
def test_a_live_bank_is_called_by_https_and_elsewhere(base_url: str) -> None:
    """Real money is ordered where nobody reads along, and of no simulator; both are for the test environment."""
    settings = BankSettings(base_url=base_url, secrets=SECRETS)
    assert errors_of(SANDBOX, settings, Environment.TEST) == []
    assert [each.pointer for each in errors_of(SANDBOX, settings, Environment.LIVE)] == ["/base_url"]
    assert errors_of(SANDBOX, replace(settings, base_url="https://bank.example:8443/api"), Environment.LIVE) == []


def test_the_other_addresses_of_a_live_bank_are_held_to_the_same() -> None:
    """Tokens and payers go to the bank too; an address that is none is named in either environment."""
    whole = open_banking_uk_settings()
    assert errors_of(OPEN_BANKING_UK, whole, Environment.LIVE) == []
    for name in ("token_url", "authorization_url"):
        plain = replace(whole, options=whole.options | {name: "http://auth.bank.example/x?y=z"})
        assert errors_of(OPEN_BANKING_UK, plain) == []
        assert [each.pointer for each in errors_of(OPEN_BANKING_UK, plain, Environment.LIVE)] == [f"/options/{name}"]
        for wrong in ("bank.example/token", "https://us:pw@bank.example", "https://bank.example#x", "https://b:99999"):
            none = replace(whole, options=whole.options | {name: wrong})
            assert [each.pointer for each in errors_of(OPEN_BANKING_UK, none)] == [f"/options/{name}"]


@pytest.mark.parametrize("base_url", ["https://bank.example:99999", "https://[::1", "https://:443", "https://b/a b"])
def test_an_address_that_nobody_can_call_is_named(base_url: str) -> None:
    """Also where it only looks like one."""
    settings = BankSettings(base_url=base_url, secrets=SECRETS)
    for environment in Environment:
        assert [each.pointer for each in errors_of(SANDBOX, settings, environment)] == ["/base_url"]


def test_every_protocols_paths_are_those_of_its_calls() -> None:
    """What a base_url must not end with is what the recorded requests really begin with."""
    for name, declaration in discover().declarations.items():
        folder = Path(adapters.__path__[0], name, "recordings/build")
        built = [json.loads(each.read_text()) for each in folder.rglob("*.json")]
        for path in [each["path"] for each in built if each.get("host", "api") == "api"]:
            assert not declaration.paths or path.startswith(tuple(f"{each}/" for each in declaration.paths))


def test_what_a_bank_needs_is_told_by_request() -> None:
    """From the declaration by which payments and consents are refused, and what is better sent too: a way back."""
    assert required_fields(SANDBOX) == {}
    assert required_fields(OPEN_BANKING_UK) == {}
    assert recommended_fields(SANDBOX) == {}
    assert recommended_fields(OPEN_BANKING_UK) == recommended_fields(BERLIN_GROUP) == {"/return_url": ("payments",)}
    assert required_fields(BERLIN_GROUP) == {
        "/debtor/account/iban": ("payments",),
        "/payer/ip_address": ("payments", "consents"),
    }
    unread = replace(BERLIN_GROUP, reads=frozenset())
    assert required_fields(unread)["/payer/ip_address"] == ("payments",)
