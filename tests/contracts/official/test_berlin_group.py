"""NextGenPSD2 1.3.11 by its own file: everything that we send, everything that the simulated bank answers."""

import asyncio
import itertools
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.berlin_group.declaration import BERLIN_GROUP
from adapters.berlin_group.information.tables import BALANCES, CONSENT_STATUSES
from adapters.berlin_group.mapping import accounts, adapter
from adapters.berlin_group.simulator import Habits
from adapters.berlin_group.simulator.door.certificates import trust
from adapters.berlin_group.tables import SCA_STATUSES, STATUSES
from adapters.checks import field_errors
from adapters.contract import Account, BankSettings, Creditor, Instruction, Payer, Verdict
from adapters.contract.accounts import ConsentStatus, Inquiry, ReadingKind, Trouble
from adapters.declaration import OperationKind
from adapters.signing.http_signature import HttpSignature
from adapters.signing.profile import Signable
from adapters.wire import WireRequest
from kernel.masked import AccountNumber, Masked, PersonName, Secret
from kernel.money import Money
from tests.support.berlin_group import DEBTOR_IBAN, HANDSHAKE, PAYMENT_ID, inquiry, instruction, reply
from tests.support.berlin_group_house import House, running
from tests.support.official import OfficialApi, official
from tests.support.official_values import values_of

KINDS = sorted(BERLIN_GROUP.operations)
CHOICES = {each.name: each.choices for each in BERLIN_GROUP.settings if each.choices}
NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def api() -> OfficialApi:
    return official("berlin-group/psd2-api_v1.3.11.yaml")


def text(pointer: str) -> st.SearchStrategy[str]:
    """Every text that the declaration allows in a field."""
    limit = BERLIN_GROUP.fields[pointer]
    return st.from_regex(f"[{limit.charset}]{{{limit.min_length},{limit.max_length}}}", fullmatch=True)


ADDRESSES = st.ip_addresses(v=4).map(lambda address: Masked(str(address)))
AGENTS = st.none() | text("/payer/user_agent").map(Masked)
OPTIONS = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in CHOICES.items()})
INSTRUCTIONS = st.builds(
    instruction,
    amount=st.integers(1, BERLIN_GROUP.currencies["EUR"].value_max).map(lambda value: Money("EUR", value)),
    creditor=st.builds(
        Creditor,
        name=text("/creditor/name").map(PersonName),
        account=st.just(Account(iban=AccountNumber(DEBTOR_IBAN))),
    ),
    reference=text("/reference").map(Masked),
    payer=st.builds(Payer, ip_address=ADDRESSES, user_agent=AGENTS),
    handshake=st.sampled_from([None, HANDSHAKE]),
    settings=OPTIONS.map(lambda options: BankSettings(base_url="https://bank.example", options=options)),
)


def leaving(request: WireRequest) -> dict[str, str]:
    """The headers that the engine adds: those made anew, and the signature's."""
    fresh = {"x-request-id": str(uuid4()), "date": "Mon, 02 Nov 2026 12:00:00 GMT"}
    added = {name: fresh[name] for name in request.fresh}
    pair = trust().client
    own = BankSettings(
        base_url="",
        secrets={"signing_key": Secret(pair.key_pem)},
        options={"signing_certificate": pair.certificate_pem},
    )
    call = Signable(method=request.method, path=request.path, headers=dict(request.headers) | added, body=request.body)
    return added | HttpSignature().headers(call, own, NOW)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60)
@given(told=INSTRUCTIONS)
def test_every_request_is_the_standards(api: OfficialApi, kind: OperationKind, told: Instruction) -> None:
    """Whatever the declaration lets through is sent as the official file has it: path, headers and body."""
    assert field_errors(BERLIN_GROUP, told) == []
    known = None if kind is OperationKind.CONSENT else PAYMENT_ID
    for one in (None, "123auth456"):
        request = adapter().build(kind, replace(told, bank_reference=known, authorisation_id=one))
        assert api.problems_of_request(request, leaving(request)) == []


def test_every_combination_of_options_is_the_standards(api: OfficialApi) -> None:
    """All options that change a request, in all combinations."""
    names = ("payment_product", "sca_preference", "payer_addresses", "enquiry", "signature_covers")
    for values in itertools.product(*(CHOICES[name] for name in names)):
        own = BankSettings(base_url="https://bank.example", options=dict(zip(names, values, strict=True)))
        for kind in KINDS:
            request = adapter().build(kind, instruction(settings=own, bank_reference=PAYMENT_ID))
            assert api.problems_of_request(request, leaving(request)) == []


@pytest.mark.parametrize(
    ("schema", "table"),
    [
        ("transactionStatus", STATUSES),
        ("scaStatus", SCA_STATUSES),
        ("consentStatus", CONSENT_STATUSES),
        ("balanceType", BALANCES),
    ],
)
def test_the_tables_are_total(api: OfficialApi, schema: str, table: dict[str, Any]) -> None:
    """Every code of the official file stands in our table, and ours has no others."""
    assert set(table) == api.enum_of(schema)


def test_the_judge_sees_what_is_wrong(api: OfficialApi) -> None:
    """A misspelt field, a wrong type, a missing or unknown header and a wrong path are problems."""
    request = adapter().build(OperationKind.CONSENT, instruction())
    headers = leaving(request)
    assert api.problems_of_request(request, headers) == []
    wrong = [
        replace(request, body=request.body.replace(b"remittanceInformationUnstructured", b"remittanceInformation")),
        replace(request, body=request.body.replace(b'"12.34"', b"12.34")),
        replace(request, body=request.body.replace(b'"12.34"', b'"12.34 EUR"')),
        replace(request, body=b""),
        replace(request, path="/v1/payments/sepa"),
        replace(request, path="/v2/payments/sepa-credit-transfers"),
        replace(request, path="/v1/payments/sepa-credit-transfers?x=1"),
        replace(request, method="PUT"),
        replace(request, headers=tuple(each for each in request.headers if each[0] != "PSU-IP-Address")),
        replace(request, headers=(*request.headers, ("TPP-Explicit-Authorization-Preferred", "true"))),
        replace(request, headers=(*request.headers, ("TPP-Redirect-Preferred", "yes"))),
    ]
    assert all(api.problems_of_request(each, headers) for each in wrong)
    assert api.problems_of_request(request, {**headers, "x-request-id": "1"})
    assert api.problems_of_request(request, {})


READINGS = sorted(set(ReadingKind) - {ReadingKind.REFRESH})
DAYS = st.none() | st.dates()
INQUIRIES = st.builds(
    inquiry,
    settings=OPTIONS.map(lambda options: BankSettings(base_url="https://bank.example", options=options)),
    payer=st.builds(Payer, ip_address=ADDRESSES, user_agent=AGENTS),
    handshake=st.sampled_from([None, HANDSHAKE]),
    booked_from=DAYS,
    booked_to=DAYS,
    valid_until=st.datetimes(timezones=st.just(UTC)),
)


@pytest.mark.parametrize("kind", READINGS)
@settings(max_examples=40)
@given(asked=INQUIRIES, attended=st.booleans())
def test_every_read_is_the_standards(api: OfficialApi, kind: ReadingKind, asked: Inquiry, attended: bool) -> None:  # noqa: FBT001
    """Consents, accounts, balances and transactions are asked for as the official file has it."""
    needs_holder = kind in {ReadingKind.CONSENT, ReadingKind.AUTHORISE}
    request = accounts().build(kind, asked if attended or needs_holder else replace(asked, payer=None))
    assert api.problems_of_request(request, leaving(request)) == []


ANSWERS = {
    OperationKind.CONSENT: (201, "paymentInitationRequestResponse-201"),
    OperationKind.AUTHORISE: (201, "startScaprocessResponse"),
    OperationKind.ENQUIRE: (200, "paymentInitiationWithStatusResponse"),
    OperationKind.ENQUIRE_AUTHORISATION: (200, "scaStatusResponse"),
    OperationKind.CANCEL: (202, "paymentInitiationCancelResponse-202"),
    OperationKind.AUTHORISE_CANCEL: (201, "startScaprocessResponse"),
}


@pytest.mark.parametrize("kind", sorted(ANSWERS))
@settings(max_examples=60)
@given(data=st.data())
def test_no_answer_of_the_standard_is_a_false_rejection(
    api: OfficialApi, kind: OperationKind, data: st.DataObject
) -> None:
    """Whatever the standard allows in an answer, with every optional field: rejected is only what says RJCT."""
    status, schema = ANSWERS[kind]
    body = data.draw(values_of(api, {"$ref": f"#/components/schemas/{schema}"}))
    approach = data.draw(st.sampled_from(["REDIRECT", "DECOUPLED", "EMBEDDED"]))
    evidence = adapter().parse(kind, reply(status, body, aspsp_sca_approach=approach))
    told = body.get("transactionStatus")
    if evidence.verdict is Verdict.REJECTED:
        assert told == "RJCT"
    if evidence.verdict in {Verdict.ACCEPTED, Verdict.SETTLED, Verdict.COMPLETED}:
        assert evidence.verdict is STATUSES[told]


READING_ANSWERS = {
    ReadingKind.CONSENT: (201, "consentsResponse-201"),
    ReadingKind.AUTHORISE: (201, "startScaprocessResponse"),
    ReadingKind.CONSENT_STATUS: (200, "consentInformationResponse-200_json"),
    ReadingKind.ACCOUNTS: (200, "accountList"),
    ReadingKind.BALANCES: (200, "readAccountBalanceResponse-200"),
    ReadingKind.TRANSACTIONS: (200, "transactionsResponse-200_json"),
}


@pytest.mark.parametrize("kind", sorted(READING_ANSWERS))
@settings(max_examples=40)
@given(data=st.data())
def test_every_answer_about_accounts_can_be_read(api: OfficialApi, kind: ReadingKind, data: st.DataObject) -> None:
    """Whatever the standard allows is read without raising, and a consent is in force only where the bank says so."""
    status, schema = READING_ANSWERS[kind]
    body = data.draw(values_of(api, {"$ref": f"#/components/schemas/{schema}"}))
    reading = accounts().parse(kind, reply(status, body, aspsp_sca_approach="REDIRECT"))
    assert reading.trouble in {None, Trouble.UNREADABLE}
    if reading.consent_status is ConsentStatus.AUTHORISED:
        assert body["consentStatus"] == "valid"


async def read_accounts(house: House) -> None:
    """Every read of account information, allowed or not."""
    for decision in (None, False, True):
        asked = replace(inquiry(settings=house.simulator.settings), consent_id=None, account_id="nobodys")
        made = await house.read(ReadingKind.CONSENT, asked)
        asked = replace(asked, consent_id=made.consent_id)
        await house.read(ReadingKind.AUTHORISE, asked)
        if decision is not None:
            house.simulator.approve(approve=decision)
        await look_into(house, asked)
    await house.read(ReadingKind.ACCOUNTS, replace(asked, consent_id="nobodys"))
    await house.read(ReadingKind.CONSENT, replace(asked, valid_until=datetime(2020, 1, 1, tzinfo=UTC)))
    await house.read(ReadingKind.CONSENT_END, asked)
    await house.read(ReadingKind.ACCOUNTS, asked)


async def look_into(house: House, asked: Inquiry) -> None:
    """What can be read under a consent, attended and not, page by page."""
    await house.read(ReadingKind.CONSENT_STATUS, asked)
    await house.answer(_status_of(accounts().build(ReadingKind.CONSENT_STATUS, asked)))
    listed = await house.read(ReadingKind.ACCOUNTS, asked)
    for account_id in [*(each.id for each in listed.accounts), "nobodys"]:
        named = replace(asked, account_id=account_id, payer=None)
        for _ in range(5):
            await house.read(ReadingKind.BALANCES, named)
        page = (await house.read(ReadingKind.TRANSACTIONS, named)).next_page
        while page is not None:
            page = (await house.read(ReadingKind.TRANSACTIONS, replace(named, page=page))).next_page
        backward = replace(named, booked_from=date(2026, 2, 1), booked_to=date(2026, 1, 1))
        await house.read(ReadingKind.TRANSACTIONS, backward)


def _status_of(request: WireRequest) -> WireRequest:
    return replace(request, path=f"{request.path}/status")


async def walk(house: House) -> None:
    """Every request in every order that a client may try, allowed or not."""
    for changes in ({}, {"payer": Payer(ip_address=Masked("203.0.113.7"))}, {"amount": Money("GBP", 1)}):
        await house.ask(OperationKind.CONSENT, house.instruction(**changes))
    for decision in (None, True, False):
        told = await house.initiate()
        for _ in range(2):
            await house.ask(OperationKind.AUTHORISE, told)
        if decision is not None:
            house.simulator.approve(approve=decision)
        await look_around(house, told)
        await asyncio.sleep(0.15)
        await look_around(house, told)
    nobody = house.instruction(bank_reference="nobody")
    for kind in KINDS:
        await house.ask(kind, nobody)


async def look_around(house: House, told: Instruction) -> None:
    """What can be read of a payment, and its cancellation."""
    options = {**told.settings.options, "enquiry": "status"}
    await house.ask(OperationKind.ENQUIRE, told)
    await house.ask(OperationKind.ENQUIRE, replace(told, settings=replace(told.settings, options=options)))
    whole = adapter().build(OperationKind.ENQUIRE, told)
    listed = await house.ask(OperationKind.ENQUIRE_AUTHORISATION, told)
    for one in (*(listed.authorisation_ids or ()), "nobody"):
        await house.ask(OperationKind.ENQUIRE_AUTHORISATION, replace(told, authorisation_id=one))
    await house.ask(OperationKind.AUTHORISE_CANCEL, told)
    await house.answer(replace(whole, path=f"{whole.path}/cancellation-authorisations"))
    await house.ask(OperationKind.CANCEL, told)


@pytest.mark.parametrize(
    "habits",
    [
        Habits(),
        Habits(explicit=False),
        Habits(decoupled=True),
        Habits(explicit=False, decoupled=True),
        Habits(exempts=True),
        Habits(cancels_at_once=False),
        Habits(cancels_at_once=False, explicit=False),
        Habits(signs_answers=True),
        Habits(wants_signatures=False),
        Habits(consents_need_start=True),
        Habits(pending_before_approval=True, page_in_sca_status=True),
    ],
)
async def test_every_answer_of_the_simulated_bank_is_the_standards(api: OfficialApi, habits: Habits) -> None:
    """Whatever the bank's habits and whatever it is asked, its answers are those of the official file."""
    async with running(habits) as house:
        await walk(house)
        await read_accounts(house)
        wrong = {
            f"{request.method} {request.path} {reply.status}: {problem}"
            for request, reply in house.heard
            for problem in api.problems_of_answer(request.method, request.path, reply)
        }
    assert len(house.heard) > 60
    assert not wrong
