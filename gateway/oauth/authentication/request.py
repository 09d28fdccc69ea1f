"""What a request shows of its client: exactly one proof, of a method that can be told from its shape."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from authlib.oauth2.rfc6749.util import extract_basic_authorization

from gateway.http.peer.certificates import ClientCertificate
from gateway.oauth.clients.methods import Method
from kernel.masked import Secret

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
NOT_AUTHENTICATED = "Send the client id and a valid secret of it with HTTP Basic."
_NO_PROOF = (
    "A client_id alone proves nothing, and this connection shows no client certificate: connect with the certificate, "
    "or send what else the client is registered for."
)
_NO_CLIENT_ID = "Send client_id in the form: a client certificate does not say which client shows it."
_LENGTH_MAX = 512


class ClientRefused(Exception):
    """The client is not authenticated. `error` and `description` are those of RFC 6749 §5.2.

    `reason` is for our own log, where it says more than a stranger may learn.
    """

    def __init__(self, description: str, *, error: str = "invalid_client", reason: str = "") -> None:
        super().__init__(description)
        self.description = description
        self.error = error
        self.reason = reason or description


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRequest:
    """A request to an endpoint that authenticates clients: its Authorization header, form, certificate, address."""

    authorization: str | None = None
    form: Mapping[str, str] = field(default_factory=dict)
    certificate: ClientCertificate | None = None
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Who the client says it is and what it shows for it: a secret, an assertion, or its connection's certificate."""

    client_id: str
    method: Method
    secret: Secret | None = None
    assertion: str = ""


def proof_of(request: ClientRequest) -> Proof:
    """The one proof of a request. Raises ClientRefused for none, for one that cannot be read, and for several.

    A client with a certificate sends its id only; whether it is tls_client_auth or self_signed_tls_client_auth, its
    registration tells (RFC 8705 §2).
    """
    found = [proof for proof in (_basic(request), _post(request), _assertion(request)) if proof is not None]
    if len(found) > 1:
        raise ClientRefused("A client authenticates in one way at a time.", error="invalid_request")
    named = request.form.get("client_id")
    if not found and named and request.certificate is not None and request.authorization is None:
        found = [Proof(client_id=named, method=Method.TLS)]
    if not found:
        raise ClientRefused(_what_to_send(request), reason="no proof of a client")
    if named is not None and named != found[0].client_id:
        raise ClientRefused("The client_id in the form is another one.", error="invalid_request")
    return found[0]


def _what_to_send(request: ClientRequest) -> str:
    """What a request without any proof lacks, as far as it shows which one was meant."""
    if request.authorization is not None:
        return NOT_AUTHENTICATED
    if request.form.get("client_id"):
        return _NO_PROOF
    return NOT_AUTHENTICATED if request.certificate is None else _NO_CLIENT_ID


def claimed_client_id(request: ClientRequest) -> str | None:
    """The id that the request names in its Basic credentials or its form, not verified; None where it names none."""
    basic = _basic(request)
    return basic.client_id if basic is not None else request.form.get("client_id")


def _basic(request: ClientRequest) -> Proof | None:
    try:
        client_id, secret = extract_basic_authorization({"Authorization": request.authorization})
    except ValueError:
        return None
    if not client_id or not secret:
        return None
    return Proof(client_id=client_id, method=Method.SECRET_BASIC, secret=Secret(secret))


def _post(request: ClientRequest) -> Proof | None:
    client_id, secret = request.form.get("client_id"), request.form.get("client_secret")
    if not client_id or not secret:
        return None
    return Proof(client_id=client_id, method=Method.SECRET_POST, secret=Secret(secret))


def _assertion(request: ClientRequest) -> Proof | None:
    """Whose it is, `authenticator` asks of the assertion itself."""
    kind, assertion = request.form.get("client_assertion_type"), request.form.get("client_assertion")
    if kind is None and assertion is None:
        return None
    if kind != ASSERTION_TYPE or not assertion:
        message = f"Send client_assertion, and {ASSERTION_TYPE} as client_assertion_type."
        raise ClientRefused(message, error="invalid_request")
    return Proof(client_id=request.form.get("client_id", ""), method=Method.PRIVATE_KEY_JWT, assertion=assertion)
