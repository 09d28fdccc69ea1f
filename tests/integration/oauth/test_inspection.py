"""Clients end their tokens (RFC 7009) and ask about their partner's (RFC 7662)."""

import asyncio
import base64

import asyncpg
import orjson
import pytest
from joserfc import jws
from redis.asyncio import Redis

from gateway.oauth.access.revoked import RevokedTokens
from tests.support.dpop import Prover
from tests.support.edge import TOKENS, Answer, Edge
from tests.support.oauth import Registered, register

PATH = "/v1/payments"


async def _token(edge: Edge, client: Registered, **form: str) -> str:
    answer = await edge.token(client.id, client.answer.json["secret"], **form)
    return str(answer.json["access_token"])


async def _post(edge: Edge, endpoint: str, client: Registered, token: str) -> Answer:
    basic = base64.b64encode(f"{client.id}:{client.answer.json['secret']}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}"}
    return await edge.call("POST", f"/oauth/{endpoint}", headers=headers, data={"token": token})


@pytest.fixture
async def client(edge: Edge) -> Registered:
    """A client of a new partner."""
    return await register(edge)


async def test_a_revoked_token_is_refused_at_once(edge: Edge, client: Registered) -> None:
    """In the process that was told, also where the token was remembered; ending it twice is no error."""
    token = await _token(edge, client)
    assert (await edge.call("GET", PATH, token=token)).status == 200
    for _ in range(2):
        answer = await _post(edge, "revoke", client, token)
        assert (answer.status, answer.raw) == (200, b"")
    refused = await edge.call("GET", PATH, token=token)
    assert (refused.status, refused.code) == (401, "invalid_token")


async def test_a_revoked_token_is_refused_in_another_process_within_a_second(
    edge: Edge, another: Edge, client: Registered
) -> None:
    """It remembers the token, nobody tells it anything, and it refuses."""
    token = await _token(edge, client)
    assert (await another.call("GET", PATH, token=token)).status == 200
    await _post(edge, "revoke", client, token)
    async with asyncio.timeout(1):
        while (await another.call("GET", PATH, token=token)).status != 401:
            pass


async def test_a_flush_of_redis_brings_no_token_back(
    edge: Edge, client: Registered, redis: Redis, database: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    """Nor does a process that starts afterwards take it for a good one."""
    token = await _token(edge, client)
    await _post(edge, "revoke", client, token)
    await redis.flushall()
    assert (await edge.call("GET", PATH, token=token)).status == 401
    started = RevokedTokens(database, edge.clock)
    await started.refresh()
    assert orjson.loads(jws.extract_compact(token.encode()).payload or b"")["jti"] in started


async def test_other_tokens_of_the_client_stay_good(edge: Edge, client: Registered) -> None:
    """One token ends, not the client."""
    first, second = await _token(edge, client), await _token(edge, client)
    await _post(edge, "revoke", client, first)
    assert (await edge.call("GET", PATH, token=second)).status == 200


async def test_a_client_ends_no_tokens_of_others(edge: Edge, client: Registered) -> None:
    """RFC 7009 §2.1: not even of another client of the same partner."""
    other = await register(edge, client.partner_id)
    token = await _token(edge, client)
    answer = await _post(edge, "revoke", other, token)
    assert (answer.status, answer.json["error"]) == (400, "invalid_grant")
    assert (await edge.call("GET", PATH, token=token)).status == 200


@pytest.mark.parametrize("endpoint", ["revoke", "introspect"])
async def test_both_endpoints_authenticate_clients(edge: Edge, client: Registered, endpoint: str) -> None:
    """As the token endpoint does, and with its errors."""
    token = await _token(edge, client)
    path, data = f"/oauth/{endpoint}", {"token": token}
    nobody = await edge.call("POST", path, data=data)
    assert (nobody.status, nobody.json["error"]) == (401, "invalid_client")
    assert nobody.headers["WWW-Authenticate"].startswith("Basic ")
    assert (await _post(edge, endpoint, client, "")).json["error"] == "invalid_request"
    assert (await edge.call("POST", path, json=data)).json["error"] == "invalid_request"
    assert (await edge.call("GET", PATH, token=token)).status == 200


async def test_a_good_token_tells_what_it_says(edge: Edge, client: Registered) -> None:
    """RFC 7662 §2.2, for every client of the partner in this environment."""
    token = await _token(edge, client)
    other = await register(edge, client.partner_id)
    answer = await _post(edge, "introspect", other, token)
    said = answer.json
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    assert (said["active"], said["token_type"], said["client_id"], said["sub"]) == (
        True,
        "Bearer",
        client.id,
        client.id,
    )
    assert (said["iss"], said["aud"], said["scope"]) == (TOKENS.issuer, TOKENS.audience, "payments:read")
    assert said["exp"] - said["iat"] == 600


async def test_a_bound_token_tells_what_it_is_bound_to(edge: Edge) -> None:
    """RFC 9449 §6.2."""
    client, prover = await register(edge, token_binding="dpop"), Prover(edge)
    said = (await _post(edge, "introspect", client, await prover.token(client))).json
    assert (said["token_type"], said["cnf"]) == ("DPoP", {"jkt": prover.key.thumbprint()})


async def test_a_token_that_is_not_good_tells_nothing(edge: Edge, client: Registered) -> None:
    """Revoked, expired, forged, or another partner's: all the same answer."""
    revoked, foreign = await _token(edge, client), await _token(edge, await register(edge))
    await _post(edge, "revoke", client, revoked)
    live = await register(edge, client.partner_id, environment="live")
    for token in (revoked, foreign, await _token(edge, live), revoked[:-4] + "AAAA", "x", "é"):
        assert (await _post(edge, "introspect", client, token)).json == {"active": False}
    token = await _token(edge, client)
    edge.clock.advance(601)
    assert (await _post(edge, "introspect", client, token)).json == {"active": False}
    assert (await _post(edge, "revoke", client, token)).status == 200


async def test_a_suspended_clients_tokens_are_not_active(edge: Edge, client: Registered) -> None:
    """And it learns nothing more itself."""
    other, token = await register(edge, client.partner_id), await _token(edge, client)
    await edge.call("POST", f"{client.path}/suspend", admin=True)
    await edge.oauth.in_force.refresh()
    assert (await _post(edge, "introspect", other, token)).json == {"active": False}
    assert (await _post(edge, "introspect", client, token)).json["error"] == "unauthorized_client"


async def test_revocations_are_forgotten_when_the_token_would_have_expired(
    edge: Edge, client: Registered, database: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    """A row is kept for as long as its token could be used, and the worker deletes it then."""
    await _post(edge, "revoke", client, await _token(edge, client))
    expires_at = await database.fetchval("SELECT expires_at FROM revoked_tokens")
    assert 599 <= (expires_at - edge.clock.now()).total_seconds() <= 600


async def test_the_metadata_names_both(edge: Edge) -> None:
    """RFC 8414 §2."""
    document = (await edge.call("GET", "/.well-known/oauth-authorization-server")).json
    for name in ("revocation", "introspection"):
        assert document[f"{name}_endpoint"].startswith(TOKENS.issuer)
        methods = document[f"{name}_endpoint_auth_methods_supported"]
        assert methods == document["token_endpoint_auth_methods_supported"]
