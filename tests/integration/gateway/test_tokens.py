import asyncio
import base64
import re
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from gateway.oauth.signing.ring import KeyRing
from tests.support.edge import METADATA, OTHER_SERVICE, TOKENS, Edge, Party

PATH = "/v1/payments"


async def test_a_client_gets_a_token_that_opens_what_its_scopes_allow(edge: Edge) -> None:
    """A token by client_secret_basic works for its scopes, is not to be stored, and lives ten minutes."""
    party = await edge.party()
    answer = await edge.token(party.client_id, party.secret, scope="payments:read")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["expires_in"] == 600
    assert answer.json["scope"] == "payments:read"
    token = answer.json["access_token"]
    assert (await edge.call("GET", PATH, token=token)).status == 200
    refused = await edge.call("POST", "/v1/events", token=token, json={"type": "a.b", "data": {}})
    assert (refused.status, refused.code) == (403, "insufficient_scope")
    assert {"RateLimit", "RateLimit-Policy"} <= refused.headers.keys()


async def test_the_token_is_an_rfc_9068_jwt_that_the_jwks_verifies(edge: Edge) -> None:
    """Anybody can verify a token with the published keys; header and claims are those of RFC 9068."""
    party = await edge.party()
    keys = (await edge.call("GET", "/oauth/jwks.json")).json
    assert all("d" not in key for key in keys["keys"])
    decoded = jwt.decode(party.token, ECKey.import_key(keys["keys"][0]), algorithms=["ES256"])
    assert decoded.header["typ"] == "at+jwt"
    assert decoded.header["kid"] == keys["keys"][0]["kid"]
    assert decoded.claims["iss"] == TOKENS.issuer
    assert decoded.claims["aud"] == TOKENS.audience
    assert decoded.claims["client_id"] == decoded.claims["sub"] == party.client_id
    assert decoded.claims["partner"] == party.partner_id
    assert decoded.claims["environment"] == "test"
    assert decoded.claims["jti"]


async def test_metadata_names_the_endpoints(edge: Edge) -> None:
    """RFC 8414: the metadata document leads to token endpoint and keys."""
    document = (await edge.call("GET", "/.well-known/oauth-authorization-server")).json
    assert document["token_endpoint"] == f"{TOKENS.issuer}/oauth/token"
    assert "client_secret_basic" in document["token_endpoint_auth_methods_supported"]


async def test_an_unknown_client_and_a_wrong_secret_are_told_the_same(edge: Edge) -> None:
    """The token endpoint does not say which client ids there are."""
    party = await edge.party()
    unknown = await edge.token("cli_test_" + "0" * 26, "tns_x")
    wrong = await edge.token(party.client_id, "tns_x")
    nonsense = await edge.token("nobody", "x")
    assert unknown.status == wrong.status == nonsense.status == 401
    assert unknown.raw == wrong.raw == nonsense.raw
    assert unknown.json["error"] == "invalid_client"
    assert unknown.json["error_description"] == "Send the client id and a valid secret of it with HTTP Basic."
    assert unknown.headers["WWW-Authenticate"].startswith("Basic ")


REFUSED = (
    ({}, b"grant_type=client_credentials", 401, "invalid_client"),
    ({"Authorization": "Basic ???"}, b"grant_type=client_credentials", 401, "invalid_client"),
    (
        {"Authorization": "Basic " + base64.b64encode(b"\xff\xfe:x").decode()},
        b"grant_type=client_credentials",
        401,
        "invalid_client",
    ),
    ({"Authorization": "Bearer x"}, b"grant_type=client_credentials", 401, "invalid_client"),
    ({}, b"grant_type=password", 400, "unsupported_grant_type"),
    ({}, b"", 400, "invalid_request"),
    ({}, b"grant_type=client_credentials&grant_type=x", 400, "invalid_request"),
    ({}, b"grant_type=\xff", 400, "invalid_request"),
    ({"Content-Type": "application/json"}, b"{}", 400, "invalid_request"),
)


async def test_what_the_token_endpoint_refuses(edge: Edge) -> None:
    """Bad requests get an error of RFC 6749 §5.2, whatever is wrong with them."""
    for headers, body, status, error in REFUSED:
        sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        answer = await edge.call("POST", "/oauth/token", headers=sent, data=body)
        assert (answer.status, answer.json["error"]) == (status, error), (headers, body)


async def test_a_token_is_for_the_resource_that_is_asked_for(edge: Edge) -> None:
    """RFC 8707: this API's name is the audience, asked for or not; what is not ours is invalid_target."""
    party = await edge.party()
    named = await edge.token(party.client_id, party.secret, resource=TOKENS.audience)
    assert (await edge.call("GET", PATH, token=named.json["access_token"])).status == 200
    other = await edge.token(party.client_id, party.secret, resource="https://elsewhere.example.com")
    assert (other.status, other.json["error"]) == (400, "invalid_target")


async def test_a_token_for_another_service_does_not_open_this_api(edge: Edge) -> None:
    """A service that is shown such a token cannot use it here; one for both works here as well (RFC 8707 §2)."""
    party = await edge.party()
    for resources, status in (([OTHER_SERVICE], 401), ([OTHER_SERVICE, TOKENS.audience], 200)):
        body = [("grant_type", "client_credentials"), *[("resource", resource) for resource in resources]]
        headers = {"Authorization": party.basic, "Content-Type": "application/x-www-form-urlencoded"}
        answer = await edge.call("POST", "/oauth/token", headers=headers, data=urlencode(body))
        token = answer.json["access_token"]
        assert (await edge.call("GET", PATH, token=token)).status == status


async def test_a_scope_that_the_client_does_not_have_is_refused(edge: Edge) -> None:
    """All scopes asked for, or none."""
    party = await edge.party(scopes=["payments:read"])
    answer = await edge.token(party.client_id, party.secret, scope="payments:read payments:write")
    assert (answer.status, answer.json["error"]) == (400, "invalid_scope")


def _parts(token: str) -> list[Any]:
    return [orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in token.split(".")[:2]]


def _encode(value: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()


FORGED = (
    "tampered claims",
    "tampered signature",
    "alg none",
    "another key",
    "the public key as a secret",
    "wrong audience",
    "wrong issuer",
    "expired",
    "not yet valid",
    "confirmed in a way that we do not know",
    "no expiry",
    "another type",
    "unknown kid",
    "no partner",
    "no token",
    "dots",
    "long",
)


def _forgeries(edge: Edge, party: Party) -> dict[str, str]:
    header, claims = _parts(party.token)
    signing = edge.services.keys.signing
    other = ECKey.generate_key("P-256", {"kid": header["kid"]})
    public = orjson.dumps(edge.services.keys.public["keys"][0])
    body, signature = party.token.rsplit(".", 1)

    def signed(changed: dict[str, Any], **head: Any) -> str:
        return jwt.encode({**header, **head}, {**claims, **changed}, signing, algorithms=["ES256"], default_type=None)

    return {
        "tampered claims": f"{_encode(header)}.{_encode({**claims, 'scope': 'x'})}.{signature}",
        "tampered signature": f"{body}.{signature[:-4]}AAAA",
        "alg none": f"{_encode({**header, 'alg': 'none'})}.{_encode(claims)}.",
        "another key": jwt.encode(header, claims, other, algorithms=["ES256"]),
        "the public key as a secret": jwt.encode(
            {**header, "alg": "HS256"}, claims, OctKey.import_key(public), algorithms=["HS256"]
        ),
        "wrong audience": signed({"aud": "https://other.example.com"}),
        "wrong issuer": signed({"iss": "https://other.example.com"}),
        "expired": signed({"exp": claims["iat"] - 1}),
        "not yet valid": signed({"nbf": claims["iat"] + 60}),
        "confirmed in a way that we do not know": signed({"cnf": {"kid": "x"}}),
        "no expiry": signed({"exp": None}),
        "another type": signed({}, typ="JWT"),
        "unknown kid": signed({}, kid="0190a8a0-0000-7000-8000-000000000000"),
        "no partner": signed({"partner": "x"}),
        "no token": "x",
        "dots": "..",
        "long": "a" * 5000,
    }


@pytest.mark.parametrize("name", FORGED)
async def test_a_token_that_we_did_not_make_as_it_stands_is_refused(edge: Edge, name: str) -> None:
    """Tampered, expired, unsigned, symmetric, foreign: each gets 401 invalid_token and nothing more."""
    party = await edge.party()
    assert (await edge.call("GET", PATH, token=party.token)).status == 200
    token = _forgeries(edge, party)[name]
    answer = await edge.call("GET", PATH, token=token)
    assert (answer.status, answer.code) == (401, "invalid_token")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert token.encode() not in answer.raw or len(token) < 3


async def test_every_forgery_is_tried(edge: Edge) -> None:
    """The list of names above leaves none out."""
    assert tuple(_forgeries(edge, await edge.party())) == FORGED


async def test_no_token_is_answered_with_a_bare_challenge(edge: Edge) -> None:
    """RFC 6750 §3.1: without credentials there is no error code in the challenge."""
    answer = await edge.call("GET", PATH)
    assert (answer.status, answer.code) == (401, "unauthenticated")
    schemes = answer.headers["WWW-Authenticate"]
    assert schemes.startswith(f'Bearer realm="threadneedle", {METADATA}, DPoP realm="threadneedle", algs="ES256 ')
    assert "error" not in schemes


async def test_a_challenge_leads_to_the_authorization_server(edge: Edge) -> None:
    """RFC 9728 §5: from a 401 to the API's metadata, from there to the issuer's, and to its token endpoint."""
    for token in (None, "x"):
        refused = await edge.call("GET", PATH, **({} if token is None else {"token": token}))
        found = re.search(r'resource_metadata="([^"]+)"', refused.headers["WWW-Authenticate"])
        assert found is not None
        path = found[1].removeprefix(TOKENS.audience)
        resource = (await edge.call("GET", path)).json
        # RFC 9728 §3.3: what names the resource is what the metadata were asked for by.
        assert resource["resource"] + path == found[1]
        assert resource["authorization_servers"] == [TOKENS.issuer]
        server = (await edge.call("GET", "/.well-known/oauth-authorization-server")).json
        assert server["issuer"] in resource["authorization_servers"]
        assert resource["scopes_supported"] == server["scopes_supported"]
        assert resource["bearer_methods_supported"] == ["header"]


async def test_a_remembered_token_dies_with_its_expiry(edge: Edge) -> None:
    """The cache of verified tokens never outlives a token."""
    party = await edge.party()
    assert (await edge.call("GET", PATH, token=party.token)).status == 200
    edge.clock.advance(599)
    assert (await edge.call("GET", PATH, token=party.token)).status == 200
    edge.clock.advance(2)
    assert (await edge.call("GET", PATH, token=party.token)).status == 401


async def test_a_suspended_client_is_refused_within_a_second_and_served_again(edge: Edge) -> None:
    """Suspension bites for tokens that were verified before, and for new ones; a client's do not come back with it."""
    party = await edge.party()
    assert (await edge.call("GET", PATH, token=party.token)).status == 200
    base = f"/admin/v1/partners/{party.partner_id}"
    for suspend, resume in (
        (f"{base}/suspend", f"{base}/resume"),
        (f"{base}/clients/{party.client_id}/suspend", f"{base}/clients/{party.client_id}/resume"),
    ):
        assert (await edge.call("POST", suspend, admin=True)).status == 200
        await edge.oauth.in_force.refresh()
        refused = await edge.call("GET", PATH, token=party.token)
        assert (refused.status, refused.code) == (401, "client_suspended")
        told = (await edge.token(party.client_id, party.secret)).json
        assert told["error"] == "unauthorized_client"
        assert "suspended" in told["error_description"]
        assert (await edge.token(party.client_id, "guessed")).json["error"] == "invalid_client"
        await edge.call("POST", resume, admin=True)
        await edge.oauth.in_force.refresh()
        again = await edge.call("GET", PATH, token=party.token)
        assert again.status == (401 if "/clients/" in resume else 200)
        new = (await edge.token(party.client_id, party.secret)).json["access_token"]
        assert (await edge.call("GET", PATH, token=new)).status == 200


async def test_the_standing_is_read_anew_by_itself(edge: Edge) -> None:
    """Nobody has to ask for it: a suspension is in force within a second."""
    party = await edge.party()
    await edge.call("POST", f"/admin/v1/partners/{party.partner_id}/suspend", admin=True)
    async with asyncio.timeout(1):
        while (await edge.call("GET", PATH, token=party.token)).status != 401:
            pass


async def test_processes_that_start_at_once_agree_on_one_key(database: Any, vault: Any, clock: Any) -> None:
    """The first signing key is made once, however many start at the same moment."""
    rings = [KeyRing(database, vault, clock) for _ in range(8)]
    await asyncio.gather(*(ring.start() for ring in rings))
    assert len({ring.signing.kid for ring in rings}) == 1
    assert await database.fetchval("SELECT count(*) FROM token_signing_keys") == 1


async def test_a_token_of_another_process_new_key_is_accepted(edge: Edge, database: Any, vault: Any) -> None:
    """A key id that is not known yet makes the process look for it."""
    party = await edge.party()
    await database.execute("UPDATE token_signing_keys SET retired_at = now()")
    other = KeyRing(database, vault, edge.clock)
    await other.start()
    header, claims = _parts(party.token)
    key = other.signing
    token = jwt.encode({**header, "kid": key.kid}, claims, key, algorithms=["ES256"])
    edge.clock.advance(2)
    assert (await edge.call("GET", PATH, token=token)).status == 200
