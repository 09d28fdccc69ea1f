"""Consents and reads of accounts over HTTP, each answer as the OpenAPI document shows it."""

from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.schemas.accounts.consents import ConsentOut
from gateway.schemas.accounts.reads import AccountOut, BalancesOut, TransactionsOut
from tests.support.edge import Edge
from tests.support.linking import RETURN_URL, ask, come_back, link, wish

Pool = "asyncpg.Pool[asyncpg.Record]"
PRESENT = {"X-Payer-Ip-Address": "203.0.113.7", "X-Payer-User-Agent": "Mozilla/5.0"}


async def test_a_consent_is_asked_read_listed_and_ended(edge: Edge) -> None:
    """The whole way of a consent; its url is in answers while the holder is awaited."""
    party = await edge.party()
    await edge.add_bank()
    asked = await ask(edge, party)
    assert (asked.status, asked.json["status"]) == (201, "awaiting_authorisation")
    ConsentOut.model_validate(asked.json)
    assert asked.json["return_url"] == RETURN_URL
    path = asked.headers["Location"]
    read = await edge.call("GET", path, token=party.token)
    assert read.json == asked.json
    listed = await edge.call("GET", "/v1/consents?status=awaiting_authorisation&limit=1", token=party.token)
    assert [each["id"] for each in listed.json["data"]] == [asked.json["id"]]
    assert (await edge.call("GET", "/v1/consents?status=revoked", token=party.token)).json["data"] == []
    for _ in range(2):
        assert (await edge.call("DELETE", path, token=party.token)).status == 204
    ended = await edge.call("GET", path, token=party.token)
    assert (ended.json["status"], ended.json["authorisation"]) == ("revoked", None)


async def test_a_holder_comes_back_and_is_sent_on(edge: Edge) -> None:
    """To the partner's return_url with the consent and how it stands, once; wrong answers change nothing."""
    party = await edge.party()
    await edge.add_bank()
    asked = await ask(edge, party)
    brought = parse_qs(urlsplit(asked.json["authorisation"]["url"]).query)
    state, code = brought["state"][0], edge.account_bank.authorise(brought["consent"][0])
    for fields, words in (({"error": "server_error"}, b"could not do this now"), ({}, b"not complete")):
        shown = await come_back(edge, "scripted", state=state, **fields)
        assert (shown.status, words in shown.raw, b"nothing is lost" in shown.raw) == (400, True, True)
    unknown = await come_back(edge, "scripted", state="somebody-elses", code=code)
    assert (unknown.status, b"We do not know this address" in unknown.raw) == (400, True)
    for _ in range(2):
        sent = await come_back(edge, "scripted", state=state, code=code)
        assert sent.status == 303
        assert sent.headers["Location"] == f"{RETURN_URL}?consent_id={asked.json['id']}&status=authorised"
    assert edge.account_bank.calls == ["consent", "authorise"]


async def test_a_holder_who_refuses_or_is_late_is_told(edge: Edge) -> None:
    """A refusal goes back to the partner; an end that came before is a page that says so."""
    party = await edge.party()
    await edge.add_bank()
    asked = await ask(edge, party)
    state = parse_qs(urlsplit(asked.json["authorisation"]["url"]).query)["state"][0]
    sent = await come_back(edge, "scripted", state=state, error="access_denied")
    assert sent.headers["Location"].endswith("status=rejected")
    other = await ask(edge, party)
    state = parse_qs(urlsplit(other.json["authorisation"]["url"]).query)["state"][0]
    await edge.call("DELETE", other.headers["Location"], token=party.token)
    ended = await come_back(edge, "scripted", state=state, code="late")
    assert ended.headers["Location"].endswith("status=revoked")


async def test_lists_of_consents_are_paged(edge: Edge) -> None:
    """Newest first, and the last page says so."""
    party = await edge.party()
    await edge.add_bank()
    made = [(await ask(edge, party)).json["id"] for _ in range(3)]
    first = await edge.call("GET", "/v1/consents?limit=2", token=party.token)
    rest = await edge.call("GET", f"/v1/consents?limit=2&cursor={first.json['next_cursor']}", token=party.token)
    assert [each["id"] for page in (first, rest) for each in page.json["data"]] == made[::-1]
    assert rest.json["next_cursor"] is None
    bad = await edge.call("GET", "/v1/consents?cursor=nothing", token=party.token)
    assert (bad.status, bad.pointers()) == (422, {"/cursor"})


async def test_a_repeated_wish_is_the_same_consent(edge: Edge) -> None:
    """And says that it is; without a key nobody is asked."""
    party = await edge.party()
    await edge.add_bank()
    body, key = wish(edge, party), {"Idempotency-Key": "k"}
    first, again = [
        await edge.call("POST", "/v1/consents", token=party.token, headers=key, json=body) for _ in range(2)
    ]
    assert (again.json["id"], again.headers["Idempotent-Replayed"]) == (first.json["id"], "true")
    other = await edge.call(
        "POST",
        "/v1/consents",
        token=party.token,
        headers=key,
        json={**body, "return_url": "https://other.example.com/"},
    )
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    bare = await edge.call("POST", "/v1/consents", token=party.token, json=body)
    assert bare.pointers() == {"/headers/Idempotency-Key"}


async def test_what_is_wrong_with_a_wish_is_named(edge: Edge) -> None:
    """With the member of the body, and nothing of what was sent."""
    party = await edge.party()
    await edge.add_bank()
    for changes, pointer in (
        ({"return_url": "http://shop.example.com/linked"}, "/return_url"),
        ({"return_url": "javascript:alert(1)"}, "/return_url"),
        ({"valid_until": "2020-01-01T00:00:00Z"}, "/valid_until"),
        ({"bank_id": "no-such-bank"}, "/bank_id"),
        ({"payer": {"ip_address": "somewhere"}}, "/payer/ip_address"),
    ):
        answer = await ask(edge, party, **changes)
        assert (answer.status, answer.pointers()) == (422, {pointer})
    assert edge.account_bank.calls == []


async def test_scopes_of_reading_and_of_asking_differ(edge: Edge) -> None:
    """accounts:read reads and asks for nothing; payments' scopes open neither."""
    party = await edge.party(scopes=["accounts:read", "payments:write"])
    await edge.add_bank()
    refused = await ask(edge, party)
    assert (refused.status, refused.code) == (403, "insufficient_scope")
    assert (await edge.call("GET", "/v1/accounts", token=party.token)).status == 200
    other = await edge.party(scopes=["payments:write"])
    assert (await edge.call("GET", "/v1/consents", token=other.token)).code == "insufficient_scope"


async def test_accounts_balances_and_transactions_are_read(edge: Edge) -> None:
    """Masked, exact, with their age."""
    party = await edge.party()
    await edge.add_bank()
    linked = await link(edge, party)
    listed = await edge.call("GET", "/v1/accounts?limit=1", token=party.token)
    AccountOut.model_validate(listed.json["data"][0])
    assert listed.json["data"][0]["iban"] == "••••5432"
    rest = await edge.call("GET", f"/v1/accounts?cursor={listed.json['next_cursor']}", token=party.token)
    assert [each["id"] for page in (listed, rest) for each in page.json["data"]] == linked.account_ids
    base = f"/v1/accounts/{linked.account_ids[0]}"
    edge.account_bank.values["A-1"] = [{"currency": "KWD", "value": -1_234}]
    read = await edge.call("GET", f"{base}/balances", token=party.token)
    BalancesOut.model_validate(read.json)
    assert read.json["data"][0]["amount"] == {"currency": "KWD", "value": -1_234}
    kept = await edge.call("GET", f"{base}/balances?max_age=30", token=party.token)
    assert (kept.json["from_cache"], kept.json["as_of"]) == (True, read.json["as_of"])
    edge.account_bank.entries = [
        {"id": f"T-{number}", "currency": "GBP", "value": 1, "credit": False, "text": "rent"} for number in range(3)
    ]
    path, shown = f"{base}/transactions?booked_from=2026-01-01", []
    while path:
        page = await edge.call("GET", path, token=party.token, headers=PRESENT)
        TransactionsOut.model_validate(page.json)
        shown += page.json["data"]
        cursor = page.json["next_cursor"]
        path = f"{base}/transactions?cursor={cursor}" if cursor else ""
    assert len({each["id"] for each in shown}) == 3
    assert (shown[0]["text"], shown[0]["counterparty"], shown[0]["direction"]) == ("rent", "S•••", "debit")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("balances?max_age=86401", "/max_age"),
        ("balances?max_stale=-1", "/max_stale"),
        ("transactions?booked_from=yesterday", "/booked_from"),
        ("transactions?booked_from=2026-02-01&booked_to=2026-01-01", "/booked_to"),
        ("transactions?booked_from=2026-02-01&cursor=x", "/cursor"),
        ("transactions?cursor=!", "/cursor"),
    ],
)
async def test_questions_are_bounded(edge: Edge, query: str, pointer: str) -> None:
    """How old, which days, and where to go on are checked before a bank is asked."""
    party = await edge.party()
    await edge.add_bank()
    linked = await link(edge, party)
    before = len(edge.account_bank.calls)
    answer = await edge.call("GET", f"/v1/accounts/{linked.account_ids[0]}/{query}", token=party.token)
    assert (answer.status, answer.pointers()) == (422, {pointer})
    assert len(edge.account_bank.calls) == before


async def test_the_banks_quota_is_a_limit(edge: Edge) -> None:
    """429 with the time to wait; a holder who is present is not counted, and an address that is none is refused."""
    party = await edge.party()
    await edge.add_bank()
    path = f"/v1/accounts/{(await link(edge, party)).account_ids[0]}/balances?max_age=0"
    for _ in range(4):
        assert (await edge.call("GET", path, token=party.token)).status == 200
    limited = await edge.call("GET", path, token=party.token)
    assert (limited.status, limited.code) == (429, "bank_read_limit")
    assert 86_000 < int(limited.headers["Retry-After"]) <= 86_401
    assert (await edge.call("GET", f"{path}&max_stale=60", token=party.token)).json["from_cache"] is True
    assert (await edge.call("GET", path, token=party.token, headers=PRESENT)).status == 200
    bad = await edge.call("GET", path, token=party.token, headers={"X-Payer-Ip-Address": "here"})
    assert bad.pointers() == {"/headers/X-Payer-Ip-Address"}


async def test_a_client_of_some_merchants_reads_theirs(edge: Edge) -> None:
    """Consents and accounts of others are not there for it, and its lists name one of its merchants."""
    party = await edge.party()
    await edge.add_bank()
    mine, base = await link(edge, party), f"/admin/v1/partners/{party.partner_id}"
    body = {"name": "Other Ltd", "environment": "test"}
    other = (await edge.call("POST", f"{base}/merchants", admin=True, json=body)).json["id"]
    theirs = await link(edge, party, merchant_id=other)
    client = {"name": "till", "environment": "test", "scopes": ["accounts:write"], "merchant_ids": [party.merchant_id]}
    made = (await edge.call("POST", f"{base}/clients", admin=True, json=client)).json
    await edge.oauth.in_force.refresh()
    token = (await edge.token(made["id"], made["secret"])).json["access_token"]
    for path, status in (
        (f"/v1/consents/{mine.consent_id}", 200),
        (f"/v1/consents/{theirs.consent_id}", 404),
        (f"/v1/accounts/{mine.account_ids[0]}/balances", 200),
        (f"/v1/accounts/{theirs.account_ids[0]}/balances", 404),
        (f"/v1/accounts?consent_id={mine.consent_id}", 200),
        (f"/v1/accounts?consent_id={theirs.consent_id}", 422),
        ("/v1/accounts", 422),
        (f"/v1/consents?merchant_id={party.merchant_id}", 200),
        (f"/v1/consents?merchant_id={other}", 422),
    ):
        assert (await edge.call("GET", path, token=token)).status == status, path
    key = {"Idempotency-Key": "k"}
    refused = await edge.call(
        "POST", "/v1/consents", token=token, headers=key, json=wish(edge, party, merchant_id=other)
    )
    assert refused.pointers() == {"/merchant_id"}


async def test_an_erased_merchants_consents_end(edge: Edge, database: Pool) -> None:
    """Nothing that was read is left, the bank is told without what is erased, and the consent shows no URL."""
    party = await edge.party()
    await edge.add_bank()
    linked = await link(edge, party)
    path = f"/admin/v1/partners/{party.partner_id}/merchants/{party.merchant_id}/erase-bodies"
    assert (await edge.call("POST", path, admin=True)).status == 200
    consent = await edge.call("GET", f"/v1/consents/{linked.consent_id}", token=party.token)
    assert (consent.json["status"], consent.json["reason"]) == ("revoked", "merchant_erased")
    assert await database.fetchval("SELECT count(*) FROM consent_accounts") == 0
    assert await database.fetchval("SELECT must_end FROM account_consents") is True
