"""How clients are registered, changed and given new secrets by the admin API."""

from typing import Any

import asyncpg
import orjson
import pytest
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, RSAKey

from tests.support.edge import Edge
from tests.support.oauth import Signer, ask, holder, is_refused, prove, register, with_key

KEY = Signer.new().jwk
OVER, OWN = holder("Example Till", days=-1), holder()
PEM = OWN.pem.decode()
PRIVATE = ECKey.generate_key("P-256").as_dict(private=True)
RSA = Signer.new("PS256").jwk
JWT_METHOD = {"token_endpoint_auth_method": "private_key_jwt"}
TLS_METHOD = {"token_endpoint_auth_method": "tls_client_auth"}
SELF_SIGNED = {"token_endpoint_auth_method": "self_signed_tls_client_auth"}


def _bound_to(*pems: str) -> dict[str, Any]:
    return {"token_binding": "mtls", "token_binding_certificates": list(pems)}


WRONG: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"token_endpoint_auth_method": "none"}, "/token_endpoint_auth_method", "unknown_value"),
    (JWT_METHOD, "/token_endpoint_auth_method", "incomplete"),
    (TLS_METHOD, "/token_endpoint_auth_method", "incomplete"),
    ({"jwks": {"keys": [KEY]}}, "/jwks", "not_for_method"),
    ({**JWT_METHOD, "jwks": {"keys": [KEY]}, "jwks_uri": "https://keys.example.com"}, "/jwks_uri", "one_of"),
    (
        {**JWT_METHOD, "jwks": {"keys": [KEY]}, "tls_client_auth_san_dns": "x.y"},
        "/tls_client_auth_san_dns",
        "not_for_method",
    ),
    ({**JWT_METHOD, "jwks": {}}, "/jwks/keys", "format"),
    ({**JWT_METHOD, "jwks": []}, "/jwks", "type"),
    ({**JWT_METHOD, "jwks": {"keys": []}}, "/jwks/keys", "format"),
    ({**JWT_METHOD, "jwks": {"keys": [KEY, PRIVATE]}}, "/jwks/keys/1", "invalid_key"),
    ({**JWT_METHOD, "jwks": {"keys": [KEY, KEY]}}, "/jwks/keys", "repeated"),
    ({**JWT_METHOD, "jwks": {"keys": [OctKey.generate_key(256).as_dict(private=True)]}}, "/jwks/keys/0", "invalid_key"),
    ({**JWT_METHOD, "jwks": {"keys": [{**KEY, "x": "AAAA"}]}}, "/jwks/keys/0", "invalid_key"),
    ({**JWT_METHOD, "jwks": {"keys": [{**KEY, "use": "enc"}]}}, "/jwks/keys/0", "invalid_key"),
    ({**JWT_METHOD, "jwks": {"keys": [{**KEY, "alg": "ES512"}]}}, "/jwks/keys/0", "invalid_key"),
    ({**JWT_METHOD, "jwks": {"keys": [{**RSA, "e": RSA["n"]}]}}, "/jwks/keys/0", "invalid_key"),
    ({**JWT_METHOD, "jwks": {"keys": [{**RSA, "n": [1]}]}}, "/jwks/keys/0", "invalid_key"),
    ({**JWT_METHOD, "jwks": {"keys": ["x"]}}, "/jwks/keys/0", "invalid_key"),
    ({**JWT_METHOD, "jwks_uri": "http://keys.example.com"}, "/jwks_uri", "url_not_https"),
    ({**JWT_METHOD, "jwks_uri": "https://169.254.169.254/keys"}, "/jwks_uri", "url_host_refused"),
    ({**TLS_METHOD, "tls_client_auth_subject_dn": "no name"}, "/tls_client_auth_subject_dn", "format"),
    ({**TLS_METHOD, "tls_client_auth_san_ip": "203.0.113"}, "/tls_client_auth_san_ip", "format"),
    ({**SELF_SIGNED, "jwks": {"keys": [KEY]}}, "/jwks/keys/0", "invalid_key"),
    ({**SELF_SIGNED, "jwks": {"keys": [{**holder().jwk, "kid": [1]}]}}, "/jwks/keys/0", "invalid_key"),
    ({**SELF_SIGNED, "jwks": {"keys": [{**KEY, "x5c": ["AAAA"]}]}}, "/jwks/keys/0", "invalid_key"),
    ({**SELF_SIGNED, "jwks_uri": "https://keys.example.com"}, "/jwks_uri", "not_for_method"),
    ({**SELF_SIGNED, "jwks": {"keys": [holder().jwk, OVER.jwk]}}, "/jwks/keys/1/x5c/0", "certificate_expired"),
    ({"token_binding_certificates": [PEM]}, "/token_binding_certificates", "not_for_binding"),
    (_bound_to(PEM, OVER.pem.decode()), "/token_binding_certificates/1", "certificate_expired"),
    (_bound_to(PEM, "no PEM"), "/token_binding_certificates/1", "format"),
    (_bound_to(PEM + PEM), "/token_binding_certificates/0", "format"),
    (_bound_to(PEM + OWN.key_pem.decode()), "/token_binding_certificates/0", "format"),
    (_bound_to(*[PEM] * 11), "/token_binding_certificates", "too_long"),
    ({"networks": ["203.0.113.1/24"]}, "/networks/0", "format"),
    ({"networks": ["203.0.113.0/24", 5]}, "/networks/1", "format"),
    ({"merchant_ids": ["mer_test_x"]}, "/merchant_ids/0", "unknown_id"),
    ({"merchant_ids": ["mer_test_" + "0" * 26]}, "/merchant_ids/0", "unknown_id"),
    ({"scopes": ["everything"]}, "/scopes/0", "unknown_value"),
    ({"secret": "mine"}, "/secret", "unknown_field"),
)


async def test_what_is_wrong_is_named(edge: Edge) -> None:
    """Each wrong member of a registration is refused by its name, and nothing of what was sent is repeated."""
    partner = (await register(edge)).partner_id
    for members, pointer, code in WRONG:
        answer = (await register(edge, partner, **members)).answer
        assert answer.status == 422, members
        assert {(error["pointer"], error["code"]) for error in answer.json["errors"]} == {(pointer, code)}, members
        assert PRIVATE["d"].encode() not in answer.raw


async def test_small_keys_are_refused(edge: Edge) -> None:
    """An RSA key has 2048 bits at least, and who sends a smaller one reads that."""
    with pytest.warns(SecurityWarning, match="2048"):
        small = RSAKey.generate_key(1024).as_dict(private=False)
    answer = (await register(edge, **JWT_METHOD, jwks={"keys": [small]})).answer
    assert answer.pointers() == {"/jwks/keys/0"}
    assert answer.json["errors"][0]["message"].startswith("An RSA key here has 2048 to 4096 bits")


async def test_a_client_is_shown_as_it_was_registered(edge: Edge) -> None:
    """Reading and listing show a client's metadata and limits, and never a secret."""
    party = await edge.party()
    limits = {"merchant_ids": [party.merchant_id], "networks": ["127.0.0.0/8", "2001:db8::/32"]}
    made = await with_key(edge, Signer.new(), partner_id=party.partner_id, **limits)
    shown = await edge.call("GET", made.path, admin=True)
    assert shown.status == 200
    assert shown.json.items() >= limits.items()
    assert {**shown.json, "secret": None} == made.answer.json
    listed = await edge.call("GET", f"/admin/v1/partners/{party.partner_id}/clients", admin=True)
    assert shown.json in listed.json["data"]
    assert all("secret" not in client for client in listed.json["data"])
    other = await edge.party()
    elsewhere = f"/admin/v1/partners/{other.partner_id}/clients/{made.id}"
    assert (await edge.call("GET", elsewhere, admin=True)).status == 404


async def test_keys_are_sealed(edge: Edge, database: "asyncpg.Pool[asyncpg.Record]") -> None:
    """What a partner wrote about its clients' keys does not stand in a plain column."""
    signer = Signer.new(kid="a-kid-in-words")
    await with_key(edge, signer)
    for table in await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        dump = await database.fetchval(f"SELECT string_agg(t::text, '') FROM {table['tablename']} t")  # noqa: S608 - a name of ours
        assert "a-kid-in-words" not in (dump or "")


async def test_a_change_is_one_act(edge: Edge, database: "asyncpg.Pool[asyncpg.Record]") -> None:
    """What is sent changes, what is left out stays; the audit row says from what to what, but of words and keys."""
    made = await register(edge, networks=["127.0.0.0/8"])
    changed = await edge.call("PATCH", made.path, admin=True, json={"name": "till", "networks": []})
    assert changed.status == 200, changed.raw
    assert (changed.json["name"], changed.json["networks"]) == ("till", [])
    assert changed.json["scopes"] == made.answer.json["scopes"]
    row = await database.fetchrow("SELECT * FROM audit_log WHERE action = 'client.changed'")
    assert row is not None
    values = {"networks": {"before": ["127.0.0.0/8"], "after": []}}
    detail = {"changed": ["name", "networks"], "values": values}
    assert (row["target"], orjson.loads(row["detail"])) == (made.id, detail)
    refused = await edge.call("PATCH", made.path, admin=True, json={"name": None})
    assert refused.pointers() == {"/name"}


async def test_a_client_goes_over_from_a_secret_to_a_key(edge: Edge) -> None:
    """With the change its secret is no proof any more; a secret does not come back, not even by rotation."""
    made, signer = await register(edge), Signer.new()
    secret = made.answer.json["secret"]
    body = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [signer.jwk]}}
    assert (await edge.call("PATCH", made.path, admin=True, json=body)).status == 200
    assert (await prove(edge, signer.assertion(made.id))).status == 200
    assert is_refused(await edge.token(made.id, secret))
    back = await edge.call("PATCH", made.path, admin=True, json={"token_endpoint_auth_method": "client_secret_basic"})
    assert back.pointers() == {"/token_endpoint_auth_method"}
    rotated = await edge.call("POST", f"{made.path}/secret/rotate", admin=True, json={})
    assert (rotated.status, rotated.code) == (409, "client_has_no_secret")


async def test_secrets_overlap(edge: Edge) -> None:
    """Old and new secret are good side by side until the older one's end, and never more than two are."""
    made = await register(edge)
    secrets = [made.answer.json["secret"]]
    for asked in ({"overlap_seconds": 600}, {"drop_oldest": True}):
        rotated = await edge.call("POST", f"{made.path}/secret/rotate", admin=True, json=asked)
        assert rotated.status == 200, rotated.raw
        secrets.append(rotated.json["secret"])
    assert rotated.json["older_secret_ends_at"] is not None
    assert [(await edge.token(made.id, secret)).status for secret in secrets] == [401, 200, 200]
    edge.clock.advance(86_401)
    assert [(await edge.token(made.id, secret)).status for secret in secrets] == [401, 401, 200]
    now = await edge.call("POST", f"{made.path}/secret/rotate", admin=True, json={"overlap_seconds": 0})
    secrets.append(now.json["secret"])
    assert [(await edge.token(made.id, secret)).status for secret in secrets] == [401, 401, 401, 200]


async def test_a_secret_is_good_for_as_long_as_was_said(edge: Edge) -> None:
    """A second rotation within the overlap is refused and changes nothing, also one without overlap of its own."""
    made = await register(edge)
    path, first = f"{made.path}/secret/rotate", made.answer.json["secret"]
    second = (await edge.call("POST", path, admin=True, json={"overlap_seconds": 600})).json
    for asked in ({}, {"overlap_seconds": 0}):
        refused = await edge.call("POST", path, admin=True, json=asked)
        assert (refused.status, refused.code) == (409, "older_secret_good")
    shown = (await edge.call("GET", made.path, admin=True)).json
    assert shown["older_secret_ends_at"] == second["older_secret_ends_at"]
    assert [(await edge.token(made.id, secret)).status for secret in (first, second["secret"])] == [200, 200]
    edge.clock.advance(601)
    assert (await edge.call("POST", path, admin=True, json={})).status == 200


async def test_a_secret_in_the_form(edge: Edge) -> None:
    """client_secret_post is a method of its own: its clients' secrets are taken in the form and nowhere else."""
    made = await register(edge, token_endpoint_auth_method="client_secret_post")
    form = {"client_id": made.id, "client_secret": made.answer.json["secret"]}
    assert (await ask(edge, form)).status == 200
    assert is_refused(await ask(edge, {**form, "client_secret": "tns_x"}))
    assert is_refused(await edge.token(made.id, form["client_secret"]))


async def test_metadata_list_what_is_on(edge: Edge) -> None:
    """RFC 8414: the methods and algorithms of the document are those that work."""
    document = (await edge.call("GET", "/.well-known/oauth-authorization-server")).json
    assert document["token_endpoint_auth_methods_supported"] == [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "tls_client_auth",
        "self_signed_tls_client_auth",
    ]
    assert set(document["token_endpoint_auth_signing_alg_values_supported"]) == {"ES256", "PS256", "EdDSA", "Ed25519"}


async def test_a_certificate_of_a_client_may_be_any(edge: Edge) -> None:
    """Self-signed certificates as common tools make them, which call themselves authorities, are registered."""
    made = await register(edge, **SELF_SIGNED, jwks={"keys": [holder(is_ca=True).jwk]})
    assert made.answer.status == 201, made.answer.raw
