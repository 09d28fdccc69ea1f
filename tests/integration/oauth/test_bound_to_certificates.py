"""Tokens bound to a client certificate (RFC 8705 §3): of no use over a connection without it."""

import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import encode_basic_auth
from joserfc import jwt
from joserfc.jwk import ECKey

from gateway.http.peer.certificates import ClientCertificate
from tests.integration.oauth.conftest import TlsPort
from tests.support.clock import FakeClock
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


async def test_a_client_with_a_secret_may_name_its_certificates(edge: Edge, authority: Holder) -> None:
    """Those that are named bind its tokens, whoever issued them, and no other of the authority does."""
    issued, own, others = holder(issuer=authority), holder(), holder("Another Client", issuer=authority)
    named = [each.pem.decode() for each in (issued, own)]
    made = await register(edge, token_binding="mtls", token_binding_certificates=named)
    assert (made.answer.status, made.answer.json["token_binding_certificates"]) == (201, named), made.answer.raw
    for shown in (issued, own):
        token = await _token(edge, made, shown)
        assert (await edge.call("GET", PATH, token=token, headers=shown.header)).status == 200
    refused = await edge.token(made.id, made.answer.json["secret"], others.header)
    assert (refused.status, refused.json["error"]) == (400, "invalid_request")


async def test_a_named_certificate_that_is_over_binds_nothing(edge: Edge, client: Registered, clock: FakeClock) -> None:
    """It was good when it was registered; a proxy may let it pass all the same."""
    own = holder()
    named = {"token_binding_certificates": [own.pem.decode()]}
    assert (await edge.call("PATCH", client.path, admin=True, json=named)).status == 200
    await _token(edge, client, own)
    clock.advance(timedelta(days=2).total_seconds())
    answer = await edge.token(client.id, client.answer.json["secret"], own.header)
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


async def test_named_certificates_are_changed_and_taken_back(edge: Edge, client: Registered, shown: Holder) -> None:
    """A list replaces the present one, an empty one names none, and what is not bound to certificates has none."""
    first, second = holder(), holder()

    async def change(**members: object) -> list[str]:
        answer = await edge.call("PATCH", client.path, admin=True, json=members)
        assert answer.status == 200, answer.raw
        return list(answer.json["token_binding_certificates"])

    both = [each.pem.decode() for each in (first, second)]
    assert await change(token_binding_certificates=both) == both
    assert await change(name="till") == both
    assert await change(token_binding_certificates=both[1:]) == both[1:]
    refused = await edge.token(client.id, client.answer.json["secret"], first.header)
    assert refused.json["error"] == "invalid_request"
    assert await change(token_binding_certificates=[]) == []
    await _token(edge, client, shown)
    await change(token_binding_certificates=both)
    assert await change(token_binding="none") == []
    assert await change(token_binding="mtls") == []


async def test_a_certificate_is_named_beside_keys(edge: Edge, authority: Holder) -> None:
    """Whatever a client proves itself by, its keys and its binding are changed apart."""
    own = holder()
    signer = Signer.new()
    keys, named = {"keys": [signer.jwk]}, [own.pem.decode()]
    made = await register(
        edge,
        token_endpoint_auth_method="private_key_jwt",
        jwks=keys,
        token_binding="mtls",
        token_binding_certificates=named,
    )
    assert (made.answer.status, made.answer.json["jwks"]) == (201, keys), made.answer.raw
    keys["keys"].append(Signer.new(kid="two").jwk)
    changed = await edge.call("PATCH", made.path, admin=True, json={"jwks": keys})
    assert (changed.status, changed.json["token_binding_certificates"]) == (200, named), changed.raw
    for shown, status in ((own, 200), (holder(issuer=authority), 400)):
        form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signer.assertion(made.id)}
        assert (await ask(edge, form, **shown.header)).status == status


async def test_with_tls_of_our_own_a_named_certificate_binds(edge: Edge, tls_port: TlsPort, tmp_path: Path) -> None:
    """Self-signed: the handshake lets it pass, the token is got with it, works with it and with no other."""
    own, others = holder(), holder("Another Client")
    clients = [
        await register(edge, token_binding="mtls", token_binding_certificates=[each.pem.decode()])
        for each in (own, others)
    ]
    await tls_port.anchors.refresh()
    contexts = [_showing(each, tls_port, tmp_path) for each in (own, others)]
    status, token = await _token_over_tls(edge, tls_port, clients[0], contexts[0])
    assert status == 200
    assert (await _token_over_tls(edge, tls_port, clients[0], contexts[1]))[0] == 400
    url, headers = f"https://127.0.0.1:{tls_port.port}{PATH}", {"Authorization": f"Bearer {token}"}
    for context, expected in zip(contexts, (200, 401), strict=True):
        async with edge.session.get(url, headers=headers, ssl=context) as answer:
            assert answer.status == expected, await answer.text()


def _showing(shown: Holder, tls_port: TlsPort, folder: Path) -> ssl.SSLContext:
    """What connects with a certificate."""
    file = folder / f"{shown.certificate.serial_number}.pem"
    file.write_bytes(shown.pem + shown.key_pem)
    context = ssl.create_default_context(cadata=tls_port.ca)
    context.check_hostname = False
    context.load_cert_chain(file)
    return context


async def _token_over_tls(
    edge: Edge, tls_port: TlsPort, client: Registered, context: ssl.SSLContext
) -> tuple[int, str | None]:
    """The status of the answer, and the token in it."""
    headers = {"Authorization": encode_basic_auth(client.id, client.answer.json["secret"])}
    url, form = f"https://127.0.0.1:{tls_port.port}/oauth/token", {"grant_type": "client_credentials"}
    async with edge.session.post(url, data=form, headers=headers, ssl=context) as answer:
        return answer.status, (await answer.json()).get("access_token")


async def test_with_tls_of_our_own_another_clients_certificate_binds_nothing(
    edge: Edge, tls_port: TlsPort, client: Registered, tmp_path: Path
) -> None:
    """It passes the handshake, for it is registered, and then proves nothing for this client."""
    others, method = holder("Another Client"), "self_signed_tls_client_auth"
    await register(edge, token_endpoint_auth_method=method, jwks={"keys": [others.jwk]})
    await tls_port.anchors.refresh()
    status, _ = await _token_over_tls(edge, tls_port, client, _showing(others, tls_port, tmp_path))
    assert status == 400


async def test_the_metadata_tells_of_it(edge: Edge) -> None:
    """RFC 8705 §3.3."""
    document = (await edge.call("GET", "/.well-known/oauth-authorization-server")).json
    assert document["tls_client_certificate_bound_access_tokens"] is True
