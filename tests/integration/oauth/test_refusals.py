"""What a refused client is told, and what the log tells of it: which client, from where, and why; nothing secret."""

from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from tests.support.edge import Edge
from tests.support.oauth import Registered, Signer, ask, holder, is_refused, prove, register, with_key

WRONG_SECRET = "tns_not-the-secret"
NO_CLIENT = "cli_test_" + "0" * 26


def told(logs: list[Any]) -> dict[str, Any]:
    """The one line about a refusal."""
    (line,) = [line for line in logs if line["event"] == "oauth.refused"]
    return dict(line)


async def test_a_suspended_client_is_told_so(edge: Edge) -> None:
    """Its proof is right, so it learns what is wrong; a stranger with a wrong secret learns nothing of it."""
    made = await register(edge)
    await edge.call("POST", f"{made.path}/suspend", admin=True)
    for path in ("/oauth/token", "/oauth/introspect", "/oauth/revoke"):
        basic = {"Authorization": aiohttp.encode_basic_auth(made.id, made.answer.json["secret"])}
        form = {"grant_type": "client_credentials", "token": "x"}
        with capture_logs() as logs:
            answer = await edge.call("POST", path, data=form, headers=basic)
        assert (answer.status, answer.json["error"]) == (400, "unauthorized_client"), path
        assert "suspended" in answer.json["error_description"]
        assert told(logs)["reason"] == "The client or its partner is suspended."
    assert is_refused(await edge.token(made.id, WRONG_SECRET))


async def test_a_client_without_its_certificate_is_told_so(edge: Edge) -> None:
    """Also where it sends nothing but its id, as clients with certificates do."""
    keys = {"keys": [holder().jwk]}
    made = await register(edge, token_endpoint_auth_method="self_signed_tls_client_auth", jwks=keys)
    assert is_refused(await ask(edge, {"client_id": made.id}), "shows no client certificate")


async def test_a_certificate_that_is_over_proves_nothing(edge: Edge) -> None:
    """One that was registered while it was good is refused once it is over, whatever a proxy lets pass."""
    own = holder(days=1)
    made = await register(
        edge, token_endpoint_auth_method="self_signed_tls_client_auth", jwks={"keys": [own.jwk]}, token_binding="mtls"
    )
    assert (await ask(edge, {"client_id": made.id}, **own.header)).status == 200
    edge.clock.advance(2 * 86_400)
    assert is_refused(await ask(edge, {"client_id": made.id}, **own.header), "not valid now")


@pytest.mark.parametrize("endpoint", ["token", "introspect", "revoke"])
async def test_a_refusal_is_one_line_without_a_secret(edge: Edge, endpoint: str) -> None:
    """Client, address, error and reason; what was sent as a secret is nowhere, not even in the place of an id."""
    made = await register(edge)
    for client_id, secret in ((made.id, WRONG_SECRET), (NO_CLIENT, WRONG_SECRET), (WRONG_SECRET, made.id)):
        basic = aiohttp.encode_basic_auth(client_id, secret)
        form = {"grant_type": "client_credentials", "token": "a-token"}
        with capture_logs() as logs:
            answer = await edge.call(
                "POST",
                f"/oauth/{endpoint}",
                data=form,
                headers={"X-Forwarded-For": "192.0.2.44", "Authorization": basic},
            )
        assert is_refused(answer)
        line = told(logs)
        assert line["client"] == (client_id if client_id.startswith("cli_") else None)
        assert (line["endpoint"], line["address"], line["error"]) == (endpoint, "192.0.2.44", "invalid_client")
        assert line["reason"] == "no such client, or a wrong secret"
        assert line["request_id"] == answer.headers["X-Request-Id"]
        assert WRONG_SECRET not in str(logs)
        assert "a-token" not in str(logs)


async def test_an_assertion_says_whose_refusal_it_is(edge: Edge) -> None:
    """The id in it, which need not be in the form; it is what was claimed, for the signature is wrong."""
    made = await with_key(edge, Signer.new())
    with capture_logs() as logs:
        assert is_refused(await prove(edge, Signer.new().assertion(made.id)))
    assert told(logs)["client"] == made.id
    assert "registered key" in told(logs)["reason"]


async def test_a_token_is_no_refusal(edge: Edge) -> None:
    """What is granted is counted by /metrics as every answer is, and leaves no line of a refusal."""
    made: Registered = await register(edge)
    with capture_logs() as logs:
        assert (await edge.token(made.id, made.answer.json["secret"])).status == 200
    assert not [line for line in logs if line["event"] == "oauth.refused"]
    labels = {"route": "/oauth/token", "method": "POST", "status": "200"}
    assert edge.services.health.registry.get_sample_value("gateway_answers_total", labels) == 1


async def test_what_is_no_form_is_told_so(edge: Edge) -> None:
    """A parameter twice, or JSON: RFC 6749 §3.2."""
    for sent in ({"json": {"grant_type": "client_credentials"}}, {"data": [("a", "b"), ("a", "c")]}):
        answer = await edge.call("POST", "/oauth/token", **sent)
        assert (answer.status, answer.json["error"]) == (400, "invalid_request")
        assert "each of them once" in answer.json["error_description"]


async def test_an_unknown_grant_type_is_not_repeated(edge: Edge) -> None:
    """RFC 6749 §5.2: what is offered is said, and what was sent is neither answered nor logged."""
    made = await register(edge)
    for wanted, error in (("a-secret-in-the-wrong-place", "unsupported_grant_type"), ("", "invalid_request")):
        with capture_logs() as logs:
            answer = await edge.token(made.id, made.answer.json["secret"], grant_type=wanted)
        assert (answer.status, answer.json["error"]) == (400, error)
        assert answer.json["error_description"] == "Send grant_type=client_credentials."
        assert told(logs)["reason"] == "Send grant_type=client_credentials."
        assert "wrong-place" not in str(logs)


async def test_a_client_that_nobody_knows_reads_what_it_sent(edge: Edge) -> None:
    """An assertion or a certificate of no such client is not answered with advice on secrets."""
    other = await register(edge)
    for client_id in (NO_CLIENT, other.id):
        assert is_refused(await prove(edge, Signer.new().assertion(client_id)), "registered for assertions")
        assert is_refused(await ask(edge, {"client_id": client_id}, **holder().header), "registered for certificates")
