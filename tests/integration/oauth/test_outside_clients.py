"""Outside OAuth clients get and use tokens by each method, over TLS that ends in the gateway."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.oauth.conftest import TlsPort
from tests.support.edge import Edge
from tests.support.oauth import Holder, Registered, Signer, holder, register
from tests.support.outside_clients import LIBRARIES, judge

PATH = "/v1/payments"


async def cases(edge: Edge, authority: Holder) -> dict[str, dict[str, Any]]:
    """A client for each method, and what it needs to prove itself."""
    found: dict[str, dict[str, Any]] = {}
    for method in ("client_secret_basic", "client_secret_post"):
        made = await register(edge, token_endpoint_auth_method=method)
        found[method] = {"method": method, "clientId": made.id, "secret": made.answer.json["secret"]}
    for algorithm in ("ES256", "PS256", "Ed25519"):
        signer = Signer.new(algorithm)
        keys = {"jwks": {"keys": [signer.jwk]}}
        made = await register(edge, token_endpoint_auth_method="private_key_jwt", **keys)
        private = signer.key.as_dict(private=True)
        found[algorithm] = {"method": "private_key_jwt", "clientId": made.id, "jwk": private}
    issued, own = holder(issuer=authority), holder()
    for method, shown, metadata in (
        ("tls_client_auth", issued, {"tls_client_auth_subject_dn": "CN=Example Client"}),
        ("self_signed_tls_client_auth", own, {"jwks": {"keys": [own.jwk]}}),
    ):
        made = await register(edge, token_endpoint_auth_method=method, **metadata)
        pem = {"cert": shown.pem.decode(), "key": shown.key_pem.decode()}
        found[method] = {"method": method, "clientId": made.id, **pem}
    return found


@pytest.mark.timeout(180)
async def test_outside_clients_get_and_use_tokens(
    edge: Edge, tls_port: TlsPort, authority: Holder, judges: Path
) -> None:
    """oauth4webapi and openid-client discover the server, prove themselves by each method, and are served."""
    made = await cases(edge, authority)
    await tls_port.anchors.refresh()
    for library in LIBRARIES:
        asked = [{**one, "library": library, "path": PATH} for one in made.values()]
        results = await judge(judges, tls_port.server, asked)
        for name, result in zip(made, results, strict=True):
            assert result == {"tokenType": "bearer", "status": 200}, (library, name, result)


@pytest.mark.timeout(180)
async def test_outside_clients_are_refused_with_the_wrong_proof(
    edge: Edge, tls_port: TlsPort, authority: Holder, judges: Path
) -> None:
    """What proves one client proves no other: each gets an error that the outside clients understand."""
    made = list((await cases(edge, authority)).values())
    await tls_port.anchors.refresh()
    swapped = [{**one, "clientId": other["clientId"]} for one, other in zip(made, made[1:] + made[:1], strict=True)]
    results = await judge(
        judges, tls_port.server, [{**one, "library": "oauth4webapi", "path": PATH} for one in swapped]
    )
    for one, result in zip(swapped, results, strict=True):
        assert result["error"].startswith(("ResponseBodyError", "WWWAuthenticateChallengeError")), (one, result)


@pytest.mark.timeout(180)
async def test_outside_clients_get_and_use_bound_tokens(
    edge: Edge, tls_port: TlsPort, authority: Holder, judges: Path
) -> None:
    """By DPoP with each kind of key, and by certificate; nonces are learnt as the outside clients learn them."""
    shown, kinds = holder(issuer=authority), ("ES256", "PS256", "Ed25519")
    by_key = await register(edge, token_binding="dpop")
    by_certificate = await register(edge, token_binding="mtls")
    asked = [{**_with_secret(by_key), "dpop": kind} for kind in kinds]
    asked.append({**_with_secret(by_certificate), "cert": shown.pem.decode(), "key": shown.key_pem.decode()})
    for library in LIBRARIES:
        results = await judge(judges, tls_port.server, [{**one, "library": library, "path": PATH} for one in asked])
        expected = [{"tokenType": "dpop", "status": 200}] * len(kinds) + [{"tokenType": "bearer", "status": 200}]
        assert results == expected, library


def _with_secret(client: Registered) -> dict[str, Any]:
    return {"method": "client_secret_basic", "clientId": client.id, "secret": client.answer.json["secret"]}
