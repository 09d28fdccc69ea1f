"""Tokens bound to a client certificate (RFC 8705 §3): of no use over a connection without it."""

import pytest
from joserfc import jwt

from gateway.http.peer.certificates import ClientCertificate
from tests.support.edge import Edge
from tests.support.oauth import Holder, Registered, holder, register

PATH = "/v1/payments"


@pytest.fixture
async def client(edge: Edge) -> Registered:
    """One whose tokens are bound, and which proves itself by its secret."""
    return await register(edge, token_binding="mtls")


@pytest.fixture(scope="module")
def shown() -> Holder:
    """Its certificate."""
    return holder("Example Client")


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


async def test_the_metadata_tells_of_it(edge: Edge) -> None:
    """RFC 8705 §3.3."""
    document = (await edge.call("GET", "/.well-known/oauth-authorization-server")).json
    assert document["tls_client_certificate_bound_access_tokens"] is True
