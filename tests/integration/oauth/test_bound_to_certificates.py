"""Tokens bound to a client certificate (RFC 8705 §3): of no use over a connection without it."""

import ssl
from pathlib import Path

import pytest
from aiohttp import encode_basic_auth
from joserfc import jwt
from joserfc.jwk import ECKey

from gateway.http.peer.certificates import ClientCertificate
from tests.integration.oauth.conftest import TlsPort
from tests.support.edge import Edge
from tests.support.oauth import ASSERTION_TYPE, Holder, Registered, Signer, ask, holder, register

PATH = "/v1/payments"


@pytest.fixture
async def client(edge: Edge) -> Registered:
    """One whose tokens are bound, and which proves itself by its secret."""
    return await register(edge, token_binding="mtls")


@pytest.fixture(scope="module")
def shown(authority: Holder) -> Holder:
    """Its certificate."""
    return holder("Example Client", issuer=authority)


async def _token(edge: Edge, client: Registered, shown: Holder) -> str:
    answer = await edge.token(client.id, client.answer.json["secret"], shown.header)
    assert (answer.status, answer.json["token_type"]) == (200, "Bearer"), answer.raw
    return str(answer.json["access_token"])


async def test_a_bound_token_works_over_a_connection_with_its_certificate(
    edge: Edge, client: Registered, shown: Holder
) -> None:
    """RFC 8705 §3.1: the token names the certificate by its thumbprint."""
    token = await _token(edge, client, shown)
    claims = jwt.decode(token, edge.services.keys.verifying, algorithms=["ES256"]).claims
    assert claims["cnf"] == {"x5t#S256": ClientCertificate(shown.der).thumbprint}
    assert (await edge.call("GET", PATH, token=token, headers=shown.header)).status == 200


async def test_a_stolen_token_is_of_no_use_without_a_certificate(edge: Edge, client: Registered, shown: Holder) -> None:
    """Also right after its owner has used it."""
    token = await _token(edge, client, shown)
    assert (await edge.call("GET", PATH, token=token, headers=shown.header)).status == 200
    answer = await edge.call("GET", PATH, token=token)
    assert (answer.status, answer.code) == (401, "invalid_token")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


async def test_a_stolen_token_is_of_no_use_with_another_certificate(
    edge: Edge, client: Registered, shown: Holder
) -> None:
    """Whatever name the other certificate carries."""
    token, other = await _token(edge, client, shown), holder("Example Client")
    assert (await edge.call("GET", PATH, token=token, headers=other.header)).code == "invalid_token"


async def test_without_a_certificate_there_is_no_token(edge: Edge, client: Registered) -> None:
    """A token that nothing binds is not what the client is registered for."""
    answer = await edge.token(client.id, client.answer.json["secret"])
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")
    assert "certificate" in answer.json["error_description"]


async def test_a_token_that_is_not_bound_needs_no_certificate(edge: Edge, shown: Holder) -> None:
    """And one that is shown beside it changes nothing."""
    made = await register(edge)
    token = (await edge.token(made.id, made.answer.json["secret"], shown.header)).json["access_token"]
    assert (await edge.call("GET", PATH, token=token)).status == 200


async def test_a_certificate_that_nobody_vouches_for_binds_nothing(
    edge: Edge, client: Registered, authority: Holder
) -> None:
    """Self-signed, of a namesake of the authority, expired, another client's own, or no certificate at all."""
    namesake, others = holder("Example Authority", is_ca=True), holder("Another Client")
    method = "self_signed_tls_client_auth"
    await register(edge, token_endpoint_auth_method=method, jwks={"keys": [others.jwk]}, token_binding="mtls")
    for strange in (
        holder().header,
        holder(issuer=namesake).header,
        holder(issuer=authority, days=-1).header,
        others.header,
        {"Client-Cert": ":bm8gY2VydGlmaWNhdGU=:"},
    ):
        answer = await edge.token(client.id, client.answer.json["secret"], strange)
        assert (answer.status, answer.json["error"]) == (400, "invalid_request")
        assert "authority" in answer.json["error_description"]


async def test_a_registered_certificate_binds_whatever_its_client_proves_itself_by(edge: Edge) -> None:
    """A key that an assertion is signed by may be registered with its certificate (`x5c`), of whatever issuer."""
    own = holder()
    signer = Signer(key=ECKey.import_key(own.key_pem.decode()), algorithm="ES256")
    jwks = {"keys": [own.jwk]}
    made = await register(edge, token_endpoint_auth_method="private_key_jwt", jwks=jwks, token_binding="mtls")
    form = {"client_assertion_type": ASSERTION_TYPE}
    good = await ask(edge, {**form, "client_assertion": signer.assertion(made.id, header={"kid": None})}, **own.header)
    assert good.status == 200, good.raw
    other = {**form, "client_assertion": signer.assertion(made.id, header={"kid": None})}
    assert (await ask(edge, other, **holder().header)).json["error"] == "invalid_request"


async def test_a_client_that_names_its_certificate_is_bound_to_no_other(edge: Edge, authority: Holder) -> None:
    """Not to another client's of the same authority: neither by keys with a certificate nor by the holder's name."""
    own, others = holder(issuer=authority), holder("Another Client", issuer=authority)
    signer = Signer(key=ECKey.import_key(own.key_pem.decode()), algorithm="ES256")
    by_key = await register(
        edge, token_endpoint_auth_method="private_key_jwt", jwks={"keys": [own.jwk]}, token_binding="mtls"
    )
    for shown, status in ((own, 200), (others, 400)):
        form = {
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": signer.assertion(by_key.id, header={"kid": None}),
        }
        answer = await ask(edge, form, **shown.header)
        assert answer.status == status, answer.raw
    by_name = await register(
        edge,
        token_endpoint_auth_method="tls_client_auth",
        tls_client_auth_subject_dn="CN=Example Client",
        token_binding="mtls",
    )
    for shown, status in ((own, 200), (others, 401)):
        assert (await ask(edge, {"client_id": by_name.id}, **shown.header)).status == status


async def test_a_client_that_names_no_certificate_is_bound_to_any_of_the_authority(
    edge: Edge, client: Registered, authority: Holder
) -> None:
    """As docs/partners.md says of clients with a secret: what binds is then only that it stays the same."""
    first, second = holder("One Client", issuer=authority), holder("Another Client", issuer=authority)
    token = await _token(edge, client, first)
    assert (await edge.call("GET", PATH, token=token, headers=first.header)).status == 200
    assert (await edge.call("GET", PATH, token=token, headers=second.header)).code == "invalid_token"
    await _token(edge, client, second)


async def test_with_tls_of_our_own_another_clients_certificate_binds_nothing(
    edge: Edge, tls_port: TlsPort, client: Registered, tmp_path: Path
) -> None:
    """It passes the handshake, for it is registered, and then proves nothing for this client."""
    others, method = holder("Another Client"), "self_signed_tls_client_auth"
    await register(edge, token_endpoint_auth_method=method, jwks={"keys": [others.jwk]})
    await tls_port.anchors.refresh()
    (tmp_path / "others.pem").write_bytes(others.pem + others.key_pem)
    context = ssl.create_default_context(cadata=tls_port.ca)
    context.check_hostname = False
    context.load_cert_chain(tmp_path / "others.pem")
    headers = {"Authorization": encode_basic_auth(client.id, client.answer.json["secret"])}
    url, form = f"https://127.0.0.1:{tls_port.port}/oauth/token", {"grant_type": "client_credentials"}
    async with edge.session.post(url, data=form, headers=headers, ssl=context) as answer:
        assert (answer.status, (await answer.json())["error"]) == (400, "invalid_request")


async def test_the_metadata_tells_of_it(edge: Edge) -> None:
    """RFC 8705 §3.3."""
    document = (await edge.call("GET", "/.well-known/oauth-authorization-server")).json
    assert document["tls_client_certificate_bound_access_tokens"] is True
