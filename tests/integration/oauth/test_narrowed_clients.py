"""What becomes of tokens that are out when their client is changed: in every process, and for good."""

from typing import Any

import pytest
from aiohttp import encode_basic_auth

from tests.support.edge import METADATA, Answer, Edge
from tests.support.oauth import Registered, Signer, prove, register

PATH = "/v1/payments"
SCOPES = ["payments:write", "events:read"]


@pytest.fixture
async def client(edge: Edge) -> Registered:
    """One with a secret and two scopes."""
    return await register(edge, scopes=SCOPES)


async def _token(edge: Edge, client: Registered) -> str:
    answer = await edge.token(client.id, client.answer.json["secret"])
    assert answer.status == 200, answer.raw
    return str(answer.json["access_token"])


async def _change(edge: Edge, client: Registered, **members: Any) -> None:
    answer = await edge.call("PATCH", client.path, admin=True, json=members)
    assert answer.status == 200, answer.raw


async def _ask(edges: tuple[Edge, ...], path: str, token: str) -> list[Answer]:
    """The same of both processes, each a second later."""
    for each in edges:
        await each.oauth.in_force.refresh()
    return [await each.call("GET", path, token=token) for each in edges]


async def test_tokens_lose_the_scopes_that_their_client_loses(edge: Edge, another: Edge, client: Registered) -> None:
    """And get them back with it, but never more than they were made with; introspection says the same."""
    token, both = await _token(edge, client), (edge, another)
    assert [each.status for each in await _ask(both, "/v1/events", token)] == [200, 200]
    await _change(edge, client, scopes=["payments:read"])
    refused = await _ask(both, "/v1/events", token)
    assert [(each.status, each.code) for each in refused] == [(403, "insufficient_scope")] * 2
    challenge = f'Bearer realm="threadneedle", error="insufficient_scope", scope="events:read", {METADATA}'
    assert {each.headers["WWW-Authenticate"] for each in refused} == {challenge}  # RFC 6750 §3.1
    assert [each.status for each in await _ask(both, PATH, token)] == [200, 200]
    asked = {"token": token}
    basic = encode_basic_auth(client.id, client.answer.json["secret"])
    said = await edge.call("POST", "/oauth/introspect", data=asked, headers={"Authorization": basic})
    assert (said.json["active"], said.json["scope"]) == (True, "payments:read")
    await _change(edge, client, scopes=[*SCOPES, "webhooks:read"])
    assert [each.status for each in await _ask(both, "/v1/events", token)] == [200, 200]
    assert [each.status for each in await _ask(both, "/v1/webhook-endpoints", token)] == [403, 403]


async def test_another_binding_ends_the_tokens_that_lack_it(edge: Edge, another: Edge, client: Registered) -> None:
    """A bearer token is of no use for a client whose tokens are bound now; the same binding again ends nothing."""
    token, both = await _token(edge, client), (edge, another)
    await _change(edge, client, token_binding="none")
    assert [each.status for each in await _ask(both, PATH, token)] == [200, 200]
    await _change(edge, client, token_binding="dpop")
    assert [each.code for each in await _ask(both, PATH, token)] == ["invalid_token"] * 2


async def test_another_method_ends_the_tokens_that_a_secret_got(edge: Edge, another: Edge, client: Registered) -> None:
    """Those that the new method gets are good, also at once."""
    token, both, signer = await _token(edge, client), (edge, another), Signer.new()
    await _change(edge, client, token_endpoint_auth_method="private_key_jwt", jwks={"keys": [signer.jwk]})
    assert [each.code for each in await _ask(both, PATH, token)] == ["invalid_token"] * 2
    new = (await prove(edge, signer.assertion(client.id))).json["access_token"]
    assert [each.status for each in await _ask(both, PATH, new)] == [200, 200]


async def test_an_admin_ends_all_tokens_of_a_client(edge: Edge, another: Edge, client: Registered) -> None:
    """Not those of another client, nor those that come after, even in the same second; the act is in the audit log."""
    token, both = await _token(edge, client), (edge, another)
    other = await register(edge, client.partner_id)
    others = await _token(edge, other)
    done = await edge.call("POST", f"{client.path}/revoke-tokens", admin=True)
    assert (done.status, done.json["id"]) == (200, client.id)
    assert [each.code for each in await _ask(both, PATH, token)] == ["invalid_token"] * 2
    assert [each.status for each in await _ask(both, PATH, others)] == [200, 200]
    assert [each.status for each in await _ask(both, PATH, await _token(edge, client))] == [200, 200]
    log = (await edge.call("GET", "/admin/v1/audit-log", admin=True)).json["data"]
    assert [each["target"] for each in log if each["action"] == "client.tokens_revoked"] == [client.id]


async def test_a_suspended_client_loses_its_tokens_for_good(edge: Edge, another: Edge, client: Registered) -> None:
    """Resumed, it needs new ones."""
    token, both = await _token(edge, client), (edge, another)
    for verb in ("suspend", "resume"):
        assert (await edge.call("POST", f"{client.path}/{verb}", admin=True)).status == 200
    assert [each.code for each in await _ask(both, PATH, token)] == ["invalid_token"] * 2
    assert [each.status for each in await _ask(both, PATH, await _token(edge, client))] == [200, 200]
