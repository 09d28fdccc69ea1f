"""Account information of Open Banking UK: whose the answers are."""

import base64
from typing import Any

import orjson
import pytest

from adapters.contract.accounts import ReadingKind, Trouble
from adapters.open_banking_uk.accounts.adapter import OpenBankingUkAccounts
from adapters.wire import WireReply

UK = OpenBankingUkAccounts()
AMOUNT = {"Amount": "1.00", "Currency": "GBP"}


def _balance(**more: Any) -> dict[str, Any]:
    return {"Amount": AMOUNT, "CreditDebitIndicator": "Credit", "Type": "ITBD", **more}


def _answer(name: str, *listed: dict[str, Any]) -> WireReply:
    return WireReply(status=200, body=orjson.dumps({"Data": {name: listed}}))


@pytest.mark.parametrize(
    ("listed", "told"),
    [((), None), ((_balance(),), None), ((_balance(AccountId="1"), _balance(AccountId="1")), "1")],
)
def test_an_answer_says_whose_it_is(listed: tuple[dict[str, Any], ...], told: str | None) -> None:
    """By the id that every entry bears; one that bears none says nothing."""
    reading = UK.parse(ReadingKind.BALANCES, _answer("Balance", *listed))
    assert (reading.trouble, reading.account_id) == (None, told)


def test_an_answer_about_several_accounts_brings_nothing() -> None:
    """One account was asked for."""
    reading = UK.parse(ReadingKind.BALANCES, _answer("Balance", _balance(AccountId="1"), _balance(AccountId="2")))
    assert (reading.trouble, reading.balances) == (Trouble.UNREADABLE, ())


def _token(payload: bytes) -> str:
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (b"{}", payload, b"signature"))


@pytest.mark.parametrize(
    ("id_token", "intent"),
    [
        (_token(b'{"openbanking_intent_id":"c-1"}'), "c-1"),
        (_token(b'{"sub":"c-1"}'), None),
        (_token(b'{"openbanking_intent_id":5}'), None),
        (_token(b"[]"), None),
        (_token(b"no json"), None),
        ("a.b.c.d.e", None),
        ("\u00e9.\u00e9.\u00e9", None),
        (7, None),
        (None, None),
    ],
)
def test_the_consent_of_an_id_token_is_read(id_token: object, intent: str | None) -> None:
    """An ID token that is encrypted or says nothing takes no access away."""
    given = {"access_token": "t", "token_type": "Bearer", "id_token": id_token}
    reading = UK.parse(ReadingKind.AUTHORISE, WireReply(status=200, body=orjson.dumps(given)))
    assert reading.grant is not None
    assert reading.consent_id == intent
