"""The simulated bank's authorisation server: what a payer can give, a thief cannot take."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc import jwt

from adapters.contract import Instruction, Verdict
from adapters.declaration import OperationKind
from adapters.engine.credentials.assertions import Assertions
from adapters.signing.keys import private_key
from adapters.simulation.faults import Fault
from kernel.masked import Secret
from tests.support import browser
from tests.support.open_banking_uk import handshake
from tests.support.open_banking_uk_client import UK, Client, client

CONSENT, AUTHORISE, ENQUIRE = OperationKind.CONSENT, OperationKind.AUTHORISE, OperationKind.ENQUIRE


async def waiting(bank: Client) -> Instruction:
    """A payment whose consent waits for its payer."""
    told = bank.instruction()
    _, made = await bank.perform(CONSENT, told)
    return replace(told, consent_id=made.consent_id)


def tampered(bank: Client, url: str, **changes: Any) -> str:
    """The same URL with a request object that says something else, signed with the right key."""
    query = {name: each[0] for name, each in parse_qs(urlsplit(url).query).items()}
    key = private_key(bank.bank.settings.secrets["signing_key"])
    token = jwt.decode(query["request"], key, algorithms=["PS256"])
    claims = {name: value for name, value in (token.claims | changes).items() if value is not None}
    query["request"] = jwt.encode(token.header, claims, key, algorithms=["PS256"])
    return f"{url.partition('?')[0]}?{urlencode(query)}"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"url": 5}', b'{"url": "http://x"}'])
async def test_a_decision_that_names_no_authorisation_is_refused(body: bytes) -> None:
    """Who tries the bank by hand is told what to send."""
    async with (
        client(judged=False) as bank,
        bank.session.post(f"{bank.bank.settings.base_url}/_decisions", data=body) as reply,
    ):
        assert (reply.status, set(await reply.json())) == (400, {"error"})


async def test_a_person_approves_on_the_page_and_comes_back_with_a_code() -> None:
    """The page is one form; its answer sends the browser back with code, state and issuer."""
    async with client(judged=False) as bank:
        told = await waiting(bank)
        url = UK.authorisation_url(told, datetime.now(UTC))
        async with bank.session.get(url) as shown:
            page = await shown.text()
        assert "Example Books Ltd" in page
        assert "12.34" in page
        brought = browser.brought(await browser.decide(bank.session, url))
        assert (brought["state"], brought["iss"]) == ("state-1", bank.bank.settings.base_url)
        assert brought["code"]


@pytest.mark.parametrize("accounts", [[], ["acc-nowhere"], ["acc-current", "acc-savings"]])
async def test_an_approval_names_an_account_that_is_offered(accounts: list[str]) -> None:
    """None, one that there is not, or two to pay from: the page comes again with a sentence, and nothing is decided."""
    async with client(judged=False) as bank:
        url = UK.authorisation_url(await waiting(bank), datetime.now(UTC))
        async with bank.session.get(url) as shown:
            ticket = (await shown.text()).partition('name="ticket" value="')[2].partition('"')[0]
        form = [("ticket", ticket), ("decision", "approve")]
        address = f"{bank.bank.settings.base_url}/oauth/decisions"
        async with bank.session.post(address, data=[*form, *(("account", each) for each in accounts)]) as again:
            assert (again.status, "choose an account" in await again.text()) == (400, True)
        right = [*form, ("account", "acc-current")]
        async with bank.session.post(address, data=right, allow_redirects=False) as done:
            assert (done.status, "code=" in done.headers["Location"]) == (302, True)


async def test_who_refuses_comes_back_without_a_code_and_the_consent_is_rejected() -> None:
    """Nothing can be paid under it afterwards, by any other page that was opened either."""
    async with client(judged=False) as bank:
        told = await waiting(bank)
        url = UK.authorisation_url(told, datetime.now(UTC))
        refused = browser.brought(await browser.decide(bank.session, url, browser.REFUSE))
        assert refused["error"] == "access_denied"
        assert "code" not in refused
        assert (await bank.perform(ENQUIRE, told))[1].raw_code == "RJCT"
        async with bank.session.get(url) as again:
            assert again.status == 400


async def test_a_code_is_exchanged_once_and_a_second_time_ends_what_it_gave() -> None:
    """RFC 6749 §4.1.2: whoever shows a used code may be a thief, and so may the first."""
    async with client(judged=False) as bank:
        told = await bank.consented()
        assert told.handshake is not None
        _, again = await bank.perform(AUTHORISE, told)
        assert (again.verdict, again.raw_code) == (Verdict.REJECTED, "invalid_grant")
        reply, evidence = await bank.perform(OperationKind.SUBMIT, told)
        assert (reply.status, evidence.verdict) == (401, Verdict.UNKNOWN)
        assert bank.simulator.booked() == ()


@pytest.mark.parametrize("fault", [None, Fault.WRONG_REFERENCE])
async def test_access_says_whose_consent_it_is(fault: Fault | None) -> None:
    """The ID token names the consent; a bank that takes one payer for another gives another's access, and says so."""
    async with client(judged=False) as bank:
        told = await bank.returned(await waiting(bank))
        if fault is not None:
            bank.simulator.plan(fault, AUTHORISE)
        _, evidence = await bank.perform(AUTHORISE, told)
        assert evidence.grant is not None
        assert (evidence.consent_id == told.consent_id) is (fault is None)


@pytest.mark.parametrize("wrong", ["code_verifier", "redirect_uri", "code"])
async def test_a_stolen_code_is_worth_nothing(wrong: str) -> None:
    """Without the verifier, at another address, or guessed, it gives no access."""
    async with client(judged=False) as bank:
        told = await bank.returned(await waiting(bank))
        assert told.handshake is not None
        value: Any = "https://thief.example/callback" if wrong == "redirect_uri" else Secret("another-" * 6)
        stolen = replace(told, handshake=replace(told.handshake, **{wrong: value}))
        _, evidence = await bank.perform(AUTHORISE, stolen)
        assert (evidence.verdict, evidence.grant) == (Verdict.REJECTED, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://another.bank.example"},
        {"iss": "another-client"},
        {"redirect_uri": "https://thief.example/callback"},
        {"code_challenge_method": "plain"},
        {"code_challenge": None},
        {"nonce": None},
        {"state": None},
        {"claims": {}},
        {"claims": {"id_token": {"openbanking_intent_id": {"value": "nobodys", "essential": True}}}},
        {"exp": 1_600_000_000},
        {"exp": 4_000_000_000},
    ],
    ids=str,
)
async def test_a_request_that_says_anything_else_is_not_shown(changes: dict[str, Any]) -> None:
    """Nobody is asked, and nobody is sent anywhere, by a request that does not hold in every part."""
    async with client(judged=False) as bank:
        url = UK.authorisation_url(await waiting(bank), datetime.now(UTC))
        async with bank.session.get(tampered(bank, url, **changes), allow_redirects=False) as shown:
            assert shown.status == 400
        async with bank.session.get(url) as right:
            assert right.status == 200


async def test_an_unsigned_or_foreign_request_is_not_shown() -> None:
    """What stands beside the request object does not replace it."""
    async with client(judged=False) as bank:
        url = UK.authorisation_url(await waiting(bank), datetime.now(UTC))
        query = {name: each[0] for name, each in parse_qs(urlsplit(url).query).items()}
        for request in ("", query["request"][:-8] + "AAAAAAAA", "a.b.c"):
            bare = f"{url.partition('?')[0]}?{urlencode({**query, 'request': request})}"
            async with bank.session.get(bare) as shown:
                assert shown.status == 400


async def test_a_client_assertion_is_taken_once() -> None:
    """Whoever overheard one cannot use it again (RFC 7523 §3)."""
    async with client(judged=False) as bank:
        form = f"grant_type=client_credentials&scope=payments&{Assertions().form(bank.bank, datetime.now(UTC))}"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        url, statuses = bank.bank.settings.options["token_url"], []
        for _ in range(2):
            async with bank.session.post(url, data=form, headers=headers) as reply:
                statuses.append(reply.status)
        assert statuses == [200, 401]


@pytest.mark.parametrize("form", ["grant_type=password", "grant_type=client_credentials&scope=everything", ""])
async def test_what_is_not_offered_is_not_given(form: str) -> None:
    """Other grants and scopes are errors of RFC 6749 §5.2, also for the right client."""
    async with client(judged=False) as bank:
        assertion = Assertions().form(bank.bank, datetime.now(UTC))
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        url = bank.bank.settings.options["token_url"]
        async with bank.session.post(url, data=f"{form}&{assertion}", headers=headers) as reply:
            told = await reply.json()
        assert reply.status == 400
        assert told["error"] in {"unsupported_grant_type", "invalid_scope"}


async def test_a_payers_access_opens_the_consent_that_was_given_and_no_other() -> None:
    """A token of one consent cannot pay under another."""
    async with client(judged=False) as bank:
        first = await bank.consented(idempotency_key="consent-of-the-first")
        stolen = bank.payer_token
        second = await bank.consented(idempotency_key="consent-of-the-second", handshake=handshake())
        bank.payer_token = stolen
        reply, evidence = await bank.perform(OperationKind.SUBMIT, second)
        assert (reply.status, evidence.verdict) == (403, Verdict.UNKNOWN)
        reply, _ = await bank.perform(OperationKind.SUBMIT, first)
        assert reply.status == 201
