"""Decisions about clients that need no store."""

from base64 import b64encode

import pytest

from gateway.http.peer.certificates import ClientCertificate
from gateway.oauth.authentication.request import ASSERTION_TYPE, ClientRefused, ClientRequest, proof_of
from gateway.oauth.clients.credentials import Credentials, Subject, SubjectKind
from gateway.oauth.clients.methods import Method, MethodPolicy

BASIC = "Basic " + b64encode(b"cli_1:tns_1").decode()
POST = {"client_id": "cli_1", "client_secret": "tns_1"}
ASSERTION = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": "a.b.c"}
CERTIFICATE = ClientCertificate(b"der")


@pytest.mark.parametrize(
    ("request_", "method"),
    [
        (ClientRequest(authorization=BASIC), Method.SECRET_BASIC),
        (ClientRequest(authorization=BASIC, certificate=CERTIFICATE), Method.SECRET_BASIC),
        (ClientRequest(authorization=BASIC, form={"client_id": "cli_1"}), Method.SECRET_BASIC),
        (ClientRequest(form=POST), Method.SECRET_POST),
        (ClientRequest(form=ASSERTION), Method.PRIVATE_KEY_JWT),
        (ClientRequest(form={"client_id": "cli_1"}, certificate=CERTIFICATE), Method.TLS),
    ],
)
def test_the_proof_of_a_request(request_: ClientRequest, method: Method) -> None:
    """Which method a request is of follows from what it shows; a certificate counts where nothing else is shown."""
    assert proof_of(request_).method is method


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (ClientRequest(), "invalid_client"),
        (ClientRequest(certificate=CERTIFICATE), "invalid_client"),
        (ClientRequest(form={"client_id": "cli_1"}), "invalid_client"),
        (
            ClientRequest(authorization="Bearer x", form={"client_id": "cli_1"}, certificate=CERTIFICATE),
            "invalid_client",
        ),
        (ClientRequest(authorization="Basic ???", form={}), "invalid_client"),
        (ClientRequest(authorization=BASIC, form=POST), "invalid_request"),
        (ClientRequest(authorization=BASIC, form=ASSERTION), "invalid_request"),
        (ClientRequest(form={**POST, **ASSERTION}), "invalid_request"),
        (ClientRequest(authorization=BASIC, form={"client_id": "cli_2"}), "invalid_request"),
        (ClientRequest(form={"client_assertion": "a.b.c"}), "invalid_request"),
    ],
)
def test_no_proof_or_too_many(request_: ClientRequest, error: str) -> None:
    """RFC 6749 §2.3: one proof and no more, of one client."""
    with pytest.raises(ClientRefused) as refused:
        proof_of(request_)
    assert refused.value.error == error


def test_a_certificate_without_a_client_id_is_told_what_is_missing() -> None:
    """RFC 8705 §2: the id goes into the form; who shows a certificate is not told to send a secret."""
    with pytest.raises(ClientRefused, match="client_id in the form"):
        proof_of(ClientRequest(certificate=CERTIFICATE))


def test_the_methods_that_are_on() -> None:
    """Secrets by Basic and assertions always; the others as the installation says."""
    always = (Method.SECRET_BASIC, Method.PRIVATE_KEY_JWT)
    assert MethodPolicy().offered == always
    assert MethodPolicy(secret_post=True, tls=True, self_signed_tls=True).offered == tuple(Method)


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials(jwks=[{"kty": "EC", "kid": "é"}]),
        Credentials(jwks_uri="https://keys.example.com/x"),
        Credentials(subject=Subject(kind=SubjectKind.DN, value="CN=x,O=y")),
    ],
)
def test_credentials_are_read_as_they_were_written(credentials: Credentials) -> None:
    """What is sealed of a client's registration opens to the same."""
    assert Credentials.from_bytes(credentials.to_bytes()) == credentials
