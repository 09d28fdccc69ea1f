"""private_key_jwt: what proves a client, and what does not (RFC 7523 §3)."""

import base64
import time
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from tests.support.edge import TOKENS, Edge
from tests.support.oauth import ASSERTION_TYPE, Signer, ask, is_refused, prove, register, signed, with_key

PATH = "/v1/payments"


@pytest.mark.parametrize("algorithm", ["ES256", "PS256", "EdDSA", "Ed25519"])
async def test_a_client_gets_a_token_with_its_key(edge: Edge, algorithm: str) -> None:
    """An assertion by a registered key is a proof: by each algorithm, for either audience, with or without kid."""
    signer = Signer.new(algorithm)
    client = await with_key(edge, signer)
    assert client.answer.json["secret"] is None
    answer = await prove(edge, signer.assertion(client.id))
    assert answer.status == 200, answer.raw
    assert (await edge.call("GET", PATH, token=answer.json["access_token"])).status == 200
    for aud in (TOKENS.token_endpoint, [TOKENS.issuer]):
        assert (await prove(edge, signer.assertion(client.id, aud=aud), client_id=client.id)).status == 200
    assert (await prove(edge, signer.assertion(client.id, header={"kid": None}))).status == 200


async def test_an_unsigned_assertion_is_refused(edge: Edge) -> None:
    """`alg: none` proves nothing."""
    signer = Signer.new()
    client = await with_key(edge, signer)
    _, claims, _ = signer.assertion(client.id).split(".")
    header = base64.urlsafe_b64encode(orjson.dumps({"alg": "none", "typ": "JWT"})).rstrip(b"=").decode()
    for signature in ("", "AAAA"):
        assert is_refused(await prove(edge, f"{header}.{claims}.{signature}"), "alg must be one of")


async def test_the_public_key_as_a_secret_is_refused(edge: Edge) -> None:
    """An assertion by HS256 whose secret is the client's public key, in any spelling, proves nothing."""
    signer = Signer.new()
    client = await with_key(edge, signer)
    usual = {"iss": client.id, "sub": client.id, "aud": TOKENS.issuer, "exp": int(time.time()) + 60}
    pem = signer.key.as_pem(private=False)
    for secret in (pem, pem.strip(), orjson.dumps(signer.jwk)):
        forged = signed({"alg": "HS256", "typ": "JWT", "kid": "one"}, {**usual, "jti": "x"}, secret)
        assert is_refused(await prove(edge, forged), "alg must be one of")


async def test_a_wrong_audience_is_refused(edge: Edge) -> None:
    """An assertion for another server, or for another one as well, proves nothing to us."""
    signer = Signer.new()
    client = await with_key(edge, signer)
    other = "https://other.example.com"
    for aud in (other, [TOKENS.issuer, other], [], None, 5, f"{TOKENS.issuer}/", f"{TOKENS.issuer}/v1"):
        assert is_refused(await prove(edge, signer.assertion(client.id, aud=aud)), "aud"), aud


async def test_an_expired_assertion_is_refused(edge: Edge) -> None:
    """It must end, later than now and not in the far future."""
    signer = Signer.new()
    client = await with_key(edge, signer)
    now = int(edge.clock.now().timestamp())
    for exp in (now - 3, None):
        assert is_refused(await prove(edge, signer.assertion(client.id, exp=exp)), "has expired, or has no exp")
    assert is_refused(await prove(edge, signer.assertion(client.id, exp=now + 7200)), "within 3600 seconds")
    assert is_refused(await prove(edge, signer.assertion(client.id, exp="soon")), "must be a number")


async def test_an_assertion_of_the_future_is_refused(edge: Edge) -> None:
    """A clock may lead by ten seconds, as FAPI 2.0 asks, and never by more than sixty."""
    signer = Signer.new()
    client = await with_key(edge, signer)
    now = int(edge.clock.now().timestamp())
    for name in ("nbf", "iat"):
        assert (await prove(edge, signer.assertion(client.id, **{name: now + 10}))).status == 200
        ahead: dict[str, Any] = {name: now + 75, "exp": now + 300}
        assert is_refused(await prove(edge, signer.assertion(client.id, **ahead)), "check the clock")


async def test_an_assertion_is_used_once(edge: Edge) -> None:
    """The second use of a `jti` is refused, also in another assertion; one that failed has not used it up."""
    signer = Signer.new()
    client = await with_key(edge, signer)
    assert is_refused(await prove(edge, signer.assertion(client.id, jti="a", aud="https://other.example.com")))
    assertion = signer.assertion(client.id, jti="a")
    assert (await prove(edge, assertion)).status == 200
    assert is_refused(await prove(edge, assertion), "used before")
    assert is_refused(await prove(edge, signer.assertion(client.id, jti="a")), "used before")
    assert (await prove(edge, signer.assertion(client.id, jti="b"))).status == 200
    for jti in (None, "", 5, "x" * 256):
        assert is_refused(await prove(edge, signer.assertion(client.id, jti=jti)), "jti")


async def test_a_proof_replayed_after_a_flush_is_refused(edge: Edge, redis: "Redis") -> None:
    """Redis may forget everything at any moment: an assertion that was used stays used."""
    signer = Signer.new()
    client = await with_key(edge, signer)
    assertion = signer.assertion(client.id)
    assert (await prove(edge, assertion)).status == 200
    await redis.flushall()
    assert is_refused(await prove(edge, assertion), "used before")


async def test_one_clients_jti_is_not_anothers(edge: Edge) -> None:
    """Clients need not agree on their numbers."""
    signer = Signer.new()
    one, two = await with_key(edge, signer), await with_key(edge, signer)
    assert (await prove(edge, signer.assertion(one.id, jti="1"))).status == 200
    assert (await prove(edge, signer.assertion(two.id, jti="1"))).status == 200


async def test_somebody_elses_signature_is_refused(edge: Edge) -> None:
    """Another key under the same kid, another client's name, a foreign kind of JWT, a tampered claim: no proof."""
    signer, stranger = Signer.new(), Signer.new()
    client, other = await with_key(edge, signer), await with_key(edge, stranger)
    head, claims, signature = signer.assertion(client.id).split(".")
    forgeries = {
        "another key": stranger.assertion(client.id),
        "another key of the same kind of header": stranger.assertion(client.id, header={"jwk": stranger.jwk}),
        "another client's name": signer.assertion(other.id),
        "another subject": signer.assertion(client.id, sub=other.id),
        "no subject": signer.assertion(client.id, sub=None),
        "an unknown kid": signer.assertion(client.id, header={"kid": "two"}),
        "a token's type": signer.assertion(client.id, header={"typ": "at+jwt"}),
        "a proof's type": signer.assertion(client.id, header={"typ": "dpop+jwt"}),
        "tampered": f"{head}.{claims[:-4]}AAAA.{signature}",
        "no JWT": "x.y.z",
        "nothing in it": "..",
        "an unknown client": signer.assertion("cli_test_" + "0" * 26),
        "no client": signer.assertion("nobody"),
    }
    for name, assertion in forgeries.items():
        assert is_refused(await prove(edge, assertion)), name


async def test_one_way_at_a_time(edge: Edge) -> None:
    """RFC 6749 §2.3: a request that shows two proofs, or names two clients, is malformed."""
    signer = Signer.new()
    client = await with_key(edge, signer)
    proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signer.assertion(client.id)}
    basic = base64.b64encode(f"{client.id}:tns_x".encode()).decode()
    for form, headers in (
        (proof, {"Authorization": f"Basic {basic}"}),
        ({**proof, "client_id": client.id, "client_secret": "tns_x"}, {}),
        ({**proof, "client_id": "cli_test_" + "0" * 26}, {}),
        ({"client_assertion": proof["client_assertion"]}, {}),
        ({**proof, "client_assertion_type": "urn:x"}, {}),
    ):
        answer = await ask(edge, form, **headers)
        assert (answer.status, answer.json["error"]) == (400, "invalid_request"), form


async def test_a_client_of_keys_has_no_other_way(edge: Edge) -> None:
    """Whoever registered a key is not let in by a secret, nor by its id alone."""
    signer = Signer.new()
    client = await with_key(edge, signer)
    assert is_refused(await edge.token(client.id, "tns_x"))
    assert is_refused(await ask(edge, {"client_id": client.id, "client_secret": "tns_x"}))
    assert is_refused(await ask(edge, {"client_id": client.id}))
    secret = await register(edge)
    assert is_refused(await prove(edge, signer.assertion(secret.id)))


@pytest.mark.parametrize("member", ["crit", "b64", "zip", "kid", "typ", "jwk", "x5c"])
async def test_members_of_a_header_may_be_anything(edge: Edge, member: str) -> None:
    """Whatever stands where the library expects something else, the answer is a refusal, or the member is ignored."""
    signer = Signer.new()
    client = await with_key(edge, signer)
    for value in (1.5, True, [], [[1]], {"a": 1}, ["b64"], ""):
        answer = await prove(edge, signer.assertion(client.id, header={member: value}))
        assert answer.status == 200 or is_refused(answer), (member, value, answer.raw)
