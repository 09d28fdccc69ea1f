"""Admin tokens: made, shown once, listed and revoked by admins, each act in the audit log."""

from datetime import timedelta
from typing import Any

import pytest

from config.loading import load_settings
from gateway.admin.tokens.book import AdminTokens
from gateway.admin.tokens.schemas import AdminTokenCreated, AdminTokenOut
from gateway.problems.errors import Unauthenticated
from gateway.schemas.pages import Page
from tests.support.edge import Answer, Edge, another_admin
from threadneedle.preparation import create_admin_token, open_journal, replace_admin_tokens

TOKENS = "/admin/v1/admin-tokens"


async def made(edge: Edge, **body: Any) -> Answer:
    """What making a token with the token in use answers."""
    return await edge.call("POST", TOKENS, admin=True, json={"name": "on call", **body})


async def listed(edge: Edge) -> list[dict[str, Any]]:
    answer = await edge.call("GET", TOKENS, admin=True)
    Page[AdminTokenOut].model_validate(answer.json)
    return list(answer.json["data"])


async def audited(edge: Edge) -> list[tuple[str, str, str]]:
    """Who did what to which token, oldest first."""
    entries = (await edge.call("GET", "/admin/v1/audit-log?limit=100", admin=True)).json["data"]
    return [(entry["actor"], entry["action"], entry["target"]) for entry in reversed(entries)]


async def test_a_token_is_shown_once_works_and_is_revoked(edge: Edge) -> None:
    """It acts in its own name; once revoked it is refused, and revoking it again changes and records nothing."""
    [first] = await listed(edge)
    new = await made(edge)
    assert new.status == 201, new.raw
    token = AdminTokenCreated.model_validate(new.json)
    assert (token.state, token.answers_to, token.expires_at) == ("good", first["id"], None)
    assert token.token.encode() not in (await edge.call("GET", TOKENS, admin=True)).raw
    old, edge.admin_token = edge.admin_token, token.token
    revoked = [await edge.call("POST", f"{TOKENS}/{first['id']}/revoke", admin=True) for _ in range(2)]
    assert [(answer.status, answer.json["state"]) for answer in revoked] == [(200, "revoked")] * 2
    assert revoked[0].json == revoked[1].json
    assert {one["id"]: one["state"] for one in await listed(edge)} == {first["id"]: "revoked", token.id: "good"}
    assert await audited(edge) == [
        ("command line: somebody", "admin_token.created", first["id"]),
        (first["id"], "admin_token.created", token.id),
        (token.id, "admin_token.revoked", first["id"]),
    ]
    edge.admin_token = old
    refused = await edge.call("GET", "/admin/v1/partners", admin=True)
    assert (refused.status, refused.code) == (401, "unauthenticated")


async def test_a_token_ends_when_it_was_said_to(edge: Edge) -> None:
    """Refused from that moment, and listed as expired; an end that has passed is a wrong field."""
    end = edge.clock.now() + timedelta(hours=8)
    new = await made(edge, expires_at=end.isoformat())
    lasting, edge.admin_token = edge.admin_token, new.json["token"]
    assert (await edge.call("GET", TOKENS, admin=True)).status == 200
    edge.clock.advance(8 * 3_600)
    assert (await edge.call("GET", TOKENS, admin=True)).status == 401
    edge.admin_token = lasting
    assert [one["state"] for one in await listed(edge)] == ["expired", "good"]
    assert (await made(edge, expires_at=end.isoformat())).pointers() == {"/expires_at"}


async def test_nobody_prolongs_his_own_token(edge: Edge) -> None:
    """What a token with an end makes ends no later."""
    end = edge.clock.now() + timedelta(hours=8)
    edge.admin_token = (await made(edge, expires_at=end.isoformat())).json["token"]
    later = (end + timedelta(seconds=1)).isoformat()
    for wrong in ({}, {"expires_at": None}, {"expires_at": later}):
        refused = await made(edge, **wrong)
        assert (refused.status, refused.pointers()) == (422, {"/expires_at"})
    assert (await made(edge, expires_at=end.isoformat())).status == 201


async def test_what_is_none_is_refused(edge: Edge) -> None:
    """A name that is none is a wrong field; an id that names no token is not found; lists go on page by page."""
    for name in ("", "a\u0007b", "x" * 101):
        assert (await made(edge, name=name)).pointers() == {"/name"}
    other = await another_admin(edge.admin_services)
    for wrong in ("adm_none", other, "adm_01kd4x0000e008000000000001"):
        assert (await edge.call("POST", f"{TOKENS}/{wrong}/revoke", admin=True)).status == 404
    first = (await edge.call("GET", f"{TOKENS}?limit=1", admin=True)).json
    rest = (await edge.call("GET", f"{TOKENS}?limit=1&cursor={first['next_cursor']}", admin=True)).json
    assert [one["id"] for one in (*first["data"], *rest["data"])] == [one["id"] for one in await listed(edge)]


async def test_a_start_on_this_machine_ends_the_tokens_of_earlier_starts(database_url: str) -> None:
    """Of that name one is good, the newest; what has another name stays, and each revocation is audited once."""
    settings = load_settings({"DATABASE_URL": database_url}, required=("database.url",))
    other, _ = await create_admin_token(settings, "somebody")
    tokens = [await replace_admin_tokens(settings, "local") for _ in range(3)]
    async with open_journal(settings) as (pool, journal):
        book = AdminTokens(journal)
        rows = {row["id"]: row for row in await book.page()}
        good = [row["name"] for row in rows.values() if row["revoked_at"] is None]
        assert sorted(good) == ["local", "somebody"]
        assert rows[other]["revoked_at"] is None
        await book.authenticate(f"Bearer {tokens[-1]}")
        for old in tokens[:-1]:
            with pytest.raises(Unauthenticated):
                await book.authenticate(f"Bearer {old}")
        assert await pool.fetchval("SELECT count(*) FROM audit_log WHERE action = 'admin_token.revoked'") == 2
