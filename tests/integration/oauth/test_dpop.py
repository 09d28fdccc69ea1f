"""Tokens bound to a key (RFC 9449): got, used, and of no use to whoever else has them."""

import asyncio
from typing import Any

import pytest
from joserfc import jwt
from redis.asyncio import Redis

from tests.support.dpop import TOKEN_PATH, Prover, bound
from tests.support.edge import TOKENS, Answer, Edge
from tests.support.oauth import Registered, register

PATH = "/v1/payments"


@pytest.fixture
async def client(edge: Edge) -> Registered:
    """One that is registered for it."""
    return await register(edge, token_binding="dpop")


@pytest.fixture
def prover(edge: Edge) -> Prover:
    """Its key."""
    return Prover(edge)


def is_refused(answer: Answer, code: str) -> bool:
    """Whether it is 401 with this code, in the document and in the challenge of the scheme."""
    challenge = answer.headers.get("WWW-Authenticate", "")
    error = code if code in ("invalid_dpop_proof", "use_dpop_nonce") else "invalid_token"
    named = challenge.startswith("DPoP ") and f'error="{error}"' in challenge and 'algs="ES256 ' in challenge
    return answer.status == 401 and answer.code == code and named


async def test_a_token_is_got_and_used_with_proofs(edge: Edge, client: Registered, prover: Prover) -> None:
    """RFC 9449 §5 and §7: token_type DPoP, the key's thumbprint in the token, the scheme DPoP with a proof."""
    assert client.answer.json["token_binding"] == "dpop"
    token = await prover.token(client)
    key = edge.services.keys.verifying
    assert jwt.decode(token, key, algorithms=["ES256"]).claims["cnf"] == {"jkt": prover.key.thumbprint()}
    for method in ("GET", "HEAD"):
        assert (await prover.call(method, f"{PATH}?limit=5", token, prover.proof(method, PATH, token))).status == 200


async def test_the_first_proof_gets_a_nonce(edge: Edge, client: Registered, prover: Prover) -> None:
    """RFC 9449 §8: use_dpop_nonce at the token endpoint is an error of 400 with the nonce in a header."""
    headers = {"DPoP": prover.proof("POST", TOKEN_PATH)}
    answer = await edge.token(client.id, client.answer.json["secret"], headers)
    assert (answer.status, answer.json["error"]) == (400, "use_dpop_nonce")
    assert answer.headers["DPoP-Nonce"]
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_nonce_is_asked_for_by_the_api_as_well(client: Registered, prover: Prover) -> None:
    """RFC 9449 §9: 401 with the nonce; with one that is not ours, or none, and never because of a client's clock."""
    token = await prover.token(client)
    for nonce in (None, "x", "A" * 82, "A" * 500, "é"):
        answer = await prover.call("GET", PATH, token, prover.proof("GET", PATH, token, nonce=nonce))
        assert is_refused(answer, "use_dpop_nonce"), nonce
        assert answer.headers["DPoP-Nonce"]


async def test_nonces_are_handed_on_before_they_end(edge: Edge, client: Registered, prover: Prover) -> None:
    """A served request tells the next nonce in the second half of the present one's life; after it none is served."""
    token = await prover.token(client)
    assert "DPoP-Nonce" not in (await prover.call("GET", PATH, token)).headers
    edge.clock.advance(61)
    assert prover.learns(answer := await prover.call("GET", PATH, token))
    assert answer.status == 200
    assert "DPoP-Nonce" not in (await prover.call("GET", PATH, token)).headers
    edge.clock.advance(121)
    assert is_refused(await prover.call("GET", PATH, token), "use_dpop_nonce")


async def test_a_registered_client_gets_no_other_tokens(edge: Edge, client: Registered) -> None:
    """Without a proof there is no token that others could use."""
    answer = await edge.token(client.id, client.answer.json["secret"])
    assert (answer.status, answer.json["error"]) == (400, "invalid_dpop_proof")


async def test_any_client_may_bind_its_tokens(edge: Edge, prover: Prover) -> None:
    """RFC 9449 §5: a proof binds the token, also of a client that need not."""
    token = await prover.token(await register(edge))
    assert (await prover.call("GET", PATH, token)).status == 200


async def test_a_stolen_token_is_of_no_use_without_a_proof(edge: Edge, client: Registered, prover: Prover) -> None:
    """Neither as a bearer token (RFC 9449 §7.2), nor with the scheme alone."""
    token = await prover.token(client)
    assert is_refused(await edge.call("GET", PATH, token=token), "invalid_token")
    alone = await edge.call("GET", PATH, headers={"Authorization": f"DPoP {token}"})
    assert is_refused(alone, "invalid_dpop_proof")


async def test_a_stolen_token_is_of_no_use_with_anothers_proof(edge: Edge, client: Registered, prover: Prover) -> None:
    """The proof must be made with the key that the token is bound to."""
    token, thief = await prover.token(client), Prover(edge)
    await thief.token(client)
    assert is_refused(await thief.call("GET", PATH, token), "invalid_dpop_proof")
    assert (await prover.call("GET", PATH, token)).status == 200


async def test_a_bearer_token_is_not_used_as_a_bound_one(edge: Edge, prover: Prover) -> None:
    """RFC 9449 §7.1: the scheme DPoP is for tokens that are bound."""
    made = await register(edge)
    token = (await edge.token(made.id, made.answer.json["secret"])).json["access_token"]
    answer = await prover.call("GET", PATH, token)
    assert (answer.status, answer.code) == (401, "invalid_token")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


async def test_a_proof_is_for_one_request(edge: Edge, client: Registered, prover: Prover) -> None:
    """Its method, its URI, its token, its time: with any of them wrong, nothing is served."""
    token, other = await prover.token(client), await prover.token(client)
    now = int(edge.clock.now().timestamp())
    proofs = {
        "method": prover.proof("POST", PATH, token),
        "path": prover.proof("GET", "/v1/banks", token),
        "host": prover.proof("GET", PATH, token, htu="https://elsewhere.example.com/v1/payments"),
        "token": prover.proof("GET", PATH, other),
        "no token": prover.proof("GET", PATH),
        "old": prover.proof("GET", PATH, token, iat=now - 400),
        "ahead": prover.proof("GET", PATH, token, iat=now + 70),
    }
    for name, proof in proofs.items():
        assert is_refused(await prover.call("GET", PATH, token, proof), "invalid_dpop_proof"), name
    two = [("Authorization", f"DPoP {token}"), *[("DPoP", prover.proof("GET", PATH, token)) for _ in range(2)]]
    async with edge.session.get(edge.url + PATH, headers=two) as response:
        assert response.status == 401


async def test_a_proof_is_served_once(client: Registered, prover: Prover) -> None:
    """RFC 9449 §11.1: of many uses at once exactly one is served, whichever it is, and none later."""
    token = await prover.token(client)
    proof = prover.proof("GET", PATH, token)
    answers = await asyncio.gather(*(prover.call("GET", PATH, token, proof) for _ in range(10)))
    assert sorted(answer.status for answer in answers) == [200] + [401] * 9
    assert is_refused(await prover.call("GET", PATH, token, proof), "invalid_dpop_proof")


async def test_a_proof_gets_one_token(edge: Edge, client: Registered, prover: Prover) -> None:
    """The token endpoint remembers them as the API does."""
    await prover.token(client)
    proof, secret = {"DPoP": prover.proof("POST", TOKEN_PATH)}, client.answer.json["secret"]
    first, second = [await edge.token(client.id, secret, proof) for _ in range(2)]
    assert (first.status, second.status, second.json["error"]) == (200, 400, "invalid_dpop_proof")


async def test_a_flush_of_redis_makes_no_proof_good_again(client: Registered, prover: Prover, redis: Redis) -> None:
    """What was used is in PostgreSQL; and while Redis has nothing, fresh proofs are served."""
    token = await prover.token(client)
    proof = prover.proof("GET", PATH, token)
    assert (await prover.call("GET", PATH, token, proof)).status == 200
    await redis.flushall()
    assert is_refused(await prover.call("GET", PATH, token, proof), "invalid_dpop_proof")
    assert (await prover.call("GET", PATH, token)).status == 200


async def test_another_process_knows_nonces_and_proofs_of_this_one(
    another: Edge, client: Registered, prover: Prover
) -> None:
    """A proof that one process served is refused by the next, which serves a fresh one with the same nonce."""
    token = await prover.token(client)
    proof = prover.proof("GET", PATH, token)
    assert (await prover.call("GET", PATH, token, proof)).status == 200
    assert is_refused(await another.call("GET", PATH, headers=bound(token, proof)), "invalid_dpop_proof")
    fresh = bound(token, prover.proof("GET", PATH, token))
    assert (await another.call("GET", PATH, headers=fresh)).status == 200


async def test_a_refused_request_uses_no_proof_up(client: Registered, prover: Prover) -> None:
    """Only what is served costs a write: a request that its scope does not cover leaves the proof as it was."""
    token = await prover.token(client)
    body: dict[str, Any] = {"type": "a.b", "data": {}}
    proof = prover.proof("POST", "/v1/events", token)
    for _ in range(2):
        answer = await prover.call("POST", "/v1/events", token, proof, json=body)
        assert (answer.status, answer.code) == (403, "insufficient_scope")


async def test_the_metadata_tells_of_it(edge: Edge) -> None:
    """RFC 9449 §5.1."""
    document = (await edge.call("GET", "/.well-known/oauth-authorization-server")).json
    assert document["dpop_signing_alg_values_supported"] == ["ES256", "PS256", "EdDSA", "Ed25519"]
    assert document["issuer"] == TOKENS.issuer
