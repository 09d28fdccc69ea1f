"""A payer's browser comes back from a bank, over HTTP: where it is sent, what it is shown, and what stays secret."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.contract import BankSettings
from adapters.declaration import SettingField
from gateway.schemas.payments import PaymentOut
from payments.banks import BankRegistry, seal_settings
from payments.recovery.sweeper import Sweeper
from payments.service import Payments
from tests.integration.gateway.test_api import pay
from tests.support.edge import Answer, Edge
from tests.support.linking import ask
from tests.support.payer_bank import REDIRECTING, PayerAdapter, PayerBank

RETURN_URL = "https://shop.example/paid?order=17"
SETTINGS = tuple(SettingField(name=name, sentence="", required=False) for name in ("issuer", "issuer_in_return"))
DECLARATION = replace(REDIRECTING, settings=SETTINGS)


@pytest.fixture
async def bank(edge: Edge) -> PayerBank:
    """A bank that sends payers out, in place of the edge's own, with a name as an issuer."""
    made, tools = PayerBank(declaration=DECLARATION), edge.services.payments._tools
    adapters = {"scripted": PayerAdapter(DECLARATION)}
    banks = BankRegistry(tools.pool, tools.vault, adapters, edge.clock)
    Payments.__init__(edge.services.payments, replace(tools, engine=made, banks=banks))
    await edge.add_bank()
    await configure(edge, issuer="https://bank.example")
    return made


async def configure(edge: Edge, **options: str) -> None:
    """Give the bank these options."""
    tools = edge.services.payments._tools
    settings = BankSettings(base_url="https://bank.example.com", options=options)
    sealed = await seal_settings(tools.vault, "scripted", settings)
    await tools.pool.execute("UPDATE banks SET sealed_settings = $1, version = version + 1", sealed)


async def invited(edge: Edge, **changes: Any) -> tuple[Answer, str, str]:
    """A payment, its state, and the token of its partner."""
    party = await edge.party()
    created = await pay(edge, party, **{"return_url": RETURN_URL, **changes})
    assert created.status == 201, created.raw
    PaymentOut.model_validate(created.json)
    url = created.json["authorisation"]["url"]
    return created, parse_qs(urlsplit(url).query)["state"][0], party.token


async def come(edge: Edge, bank: str = "scripted", method: str = "GET", **fields: str) -> Answer:
    options: dict[str, Any] = {"data": fields} if method == "POST" else {"params": fields}
    answer = await edge.call(method, f"/banks/{bank}/callback", allow_redirects=False, **options)
    await edge.services.payments._runner.settle()
    return answer


def counted(edge: Edge) -> dict[str, float]:
    """The returns of this edge by outcome; all of them are told of the one bank that there is."""
    (metric,) = edge.services.payer_returns.collect()
    totals = [each for each in metric.samples if each.name.endswith("_total")]
    assert {each.labels["bank_id"] for each in totals} <= {"scripted"}
    return {each.labels["outcome"]: each.value for each in totals}


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_browser_is_sent_on_and_the_payment_made(edge: Edge, bank: PayerBank, method: str) -> None:
    """By query or by form; nobody on the way keeps it or is told where it came from."""
    created, state, token = await invited(edge)
    assert created.json["status"] == "awaiting_authorisation"
    answer = await come(edge, method=method, state=state, code=bank.authorise(), iss="https://bank.example")
    payment_id = created.json["id"]
    expected = f"{RETURN_URL}&payment_id={payment_id}&status=awaiting_authorisation"
    assert (answer.status, answer.headers["Location"], answer.raw) == (303, expected, b"")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    read = await edge.call("GET", f"/v1/payments/{payment_id}", token=token)
    assert (read.json["status"], read.json["authorisation"]) == ("accepted", None)
    again = await come(edge, method=method, state=state, code="other")
    assert again.status == 303
    assert counted(edge) == {"approved": 1, "repeated": 1}
    assert bank.calls == ["consent", "authorise", "submit"]


async def test_what_nothing_comes_of_is_told_in_plain_words(edge: Edge, bank: PayerBank) -> None:
    """No state, one of nobody, another bank's, another issuer, no code, an error: a page, and nothing is lost."""
    created, state, token = await invited(edge)
    code = bank.authorise()
    for fields in (
        {"code": code},
        {"state": "nobody", "code": code},
        {"state": state, "code": code, "iss": "https://elsewhere.example"},
        {"state": state},
        {"state": state, "error": "server_error"},
    ):
        answer = await come(edge, **fields)
        assert answer.status == 400, fields
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert state.encode() not in answer.raw
        assert code.encode() not in answer.raw
    assert (await come(edge, "nowhere", state=state, code=code)).status == 400
    assert counted(edge) == {"unknown_state": 2, "foreign": 1, "incomplete": 1, "failed": 1}
    read = await edge.call("GET", f"/v1/payments/{created.json['id']}", token=token)
    assert read.json["status"] == "awaiting_authorisation"
    assert (await come(edge, state=state, code=code)).status == 303


async def test_an_issuer_that_must_be_named_is(edge: Edge, bank: PayerBank) -> None:
    """RFC 9207 §2.4: no payment and no consent is moved by an answer, or a refusal, without it where it is required."""
    await configure(edge, issuer="https://bank.example", issuer_in_return="required")
    created, state, token = await invited(edge)
    asked = await ask(edge, await edge.party())
    brought = parse_qs(urlsplit(asked.json["authorisation"]["url"]).query)
    consent = {"state": brought["state"][0], "code": edge.account_bank.authorise(brought["consent"][0])}
    for fields in ({"state": state, "code": bank.authorise()}, {"state": state, "error": "access_denied"}, consent):
        assert (await come(edge, **fields)).status == 400, fields
    assert counted(edge) == {"foreign": 3}
    for fields in ({"state": state, "code": bank.authorise()}, consent):
        assert (await come(edge, **fields, iss="https://bank.example")).status == 303
    read = await edge.call("GET", f"/v1/payments/{created.json['id']}", token=token)
    assert read.json["status"] == "accepted"


async def test_who_comes_too_late_is_told_so(edge: Edge, bank: PayerBank) -> None:
    """410, with the way back to the partner."""
    _, state, _ = await invited(edge)
    sweeper = Sweeper(edge.services.payments._tools)
    edge.clock.advance(3_601)
    await sweeper.run_once()
    await sweeper.settle()
    answer = await come(edge, state=state, code=bank.authorise())
    assert answer.status == 410
    assert counted(edge) == {"over": 1}
    assert b"https://shop.example/paid?order=17&amp;payment_id=" in answer.raw


async def test_a_look_at_the_address_takes_nothing(edge: Edge, bank: PayerBank) -> None:
    """HEAD, as programs that preview links send it, changes nothing."""
    _, state, _ = await invited(edge)
    assert (await come(edge, method="HEAD", state=state, code=bank.authorise())).status == 200
    assert bank.calls == ["consent"]


async def test_without_an_address_the_payer_gets_a_page(edge: Edge, bank: PayerBank) -> None:
    """It says how the payment stands."""
    _, state, _ = await invited(edge, return_url=None)
    answer = await come(edge, state=state, error="access_denied")
    assert answer.status == 200
    assert b"rejected" in answer.raw
    assert counted(edge) == {"refused": 1}
    assert bank.calls == ["consent"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:3000/paid", "http://localhost/paid", "https://shop.example/"])
async def test_payers_are_sent_to_web_addresses(edge: Edge, bank: PayerBank, url: str) -> None:
    """In the test environment also to the developer's own machine."""
    del bank
    created, _, _ = await invited(edge, return_url=url)
    assert created.status == 201


async def test_payers_are_not_sent_in_the_open(edge: Edge, bank: PayerBank) -> None:
    """Plain HTTP to somebody else's machine is refused by name."""
    del bank
    refused = await pay(edge, await edge.party(), return_url="http://shop.example/paid")
    assert (refused.status, refused.pointers()) == (422, {"/return_url"})
