"""Where a payer is sent, and how the request to authorise proves itself."""

import json
from base64 import urlsafe_b64decode
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt

from adapters.declaration import OperationKind
from adapters.open_banking_uk.authorisation import challenge
from adapters.open_banking_uk.mapping import adapter
from tests.support.bank_keys import KEY_ID, signing_key
from tests.support.open_banking_uk import handshake, instruction, settings

UK = adapter()
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def sent_to(**changes: Any) -> tuple[str, dict[str, str]]:
    """The URL without its query, and the query."""
    url = urlsplit(UK.authorisation_url(instruction(**changes), NOW))
    return f"{url.scheme}://{url.netloc}{url.path}", {name: each[0] for name, each in parse_qs(url.query).items()}


def test_the_payer_is_sent_with_a_signed_request() -> None:
    """Everything that counts stands in the request object, signed with PS256 for the bank's issuer."""
    where, query = sent_to()
    assert where == "https://auth.bank.example/authorize"
    token = jwt.decode(query["request"], signing_key(), algorithms=["PS256"])
    assert token.header == {"alg": "PS256", "kid": KEY_ID, "typ": "JWT"}
    issued_at = int(NOW.timestamp())
    assert {name: each for name, each in token.claims.items() if name != "claims"} == {
        "iss": "client-1",
        "aud": "https://auth.bank.example",
        "iat": issued_at,
        "nbf": issued_at,
        "exp": issued_at + 3600,
        "client_id": "client-1",
        "response_type": "code",
        "scope": "openid payments",
        "redirect_uri": "https://gateway.example/banks/uk/callback",
        "state": "state-1",
        "nonce": "nonce-1",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }


def test_the_request_names_the_consent_and_wants_strong_authentication() -> None:
    """The bank asks about the consent that the signed claim names, and about no other."""
    _, query = sent_to(consent_id="pdc-7")
    claims = jwt.decode(query["request"], signing_key(), algorithms=["PS256"]).claims["claims"]
    intent = {"value": "pdc-7", "essential": True}
    assert claims["userinfo"] == {"openbanking_intent_id": intent}
    assert claims["id_token"]["openbanking_intent_id"] == intent
    assert claims["id_token"]["acr"] == {"essential": True, "values": ["urn:openbanking:psd2:sca"]}


def test_what_stands_beside_the_request_repeats_it() -> None:
    """OAuth's own parameters are there for servers that want them; state and nonce are only inside the signature."""
    _, query = sent_to()
    assert set(query) == {"client_id", "response_type", "scope", "redirect_uri", "request"}
    inside = json.loads(urlsafe_b64decode(query["request"].split(".")[1] + "=="))
    assert all(query[name] == inside[name] for name in set(query) - {"request"})


def test_pkce_is_as_in_the_standards_example() -> None:
    """RFC 7636 appendix B."""
    assert challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_nobody_is_sent_without_consent_handshake_or_settings() -> None:
    """What is missing is said before anybody goes anywhere."""
    for lacking in ({"consent_id": None}, {"handshake": None}):
        with pytest.raises(ValueError, match="nobody"):
            sent_to(**lacking)
    bare = settings()
    without = {name: each for name, each in bare.options.items() if name != "authorization_url"}
    with pytest.raises(ValueError, match="missing"):
        sent_to(settings=type(bare)(base_url=bare.base_url, secrets=bare.secrets, options=without))


def test_the_code_is_exchanged_with_its_verifier() -> None:
    """The form has the code, the same redirect URI and PKCE's verifier; the engine adds who we are."""
    request = UK.build(OperationKind.AUTHORISE, instruction(handshake=handshake("co de&1")))
    assert parse_qs(request.body.decode()) == {
        "grant_type": ["authorization_code"],
        "code": ["co de&1"],
        "redirect_uri": ["https://gateway.example/banks/uk/callback"],
        "code_verifier": ["dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"],
    }
    assert "authorization" not in {name.lower() for name, _ in request.headers}
