"""What the OAuth endpoints answer (RFC 6749 §5.1 and §5.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError, OAuth2Error, UnauthorizedClientError

from gateway.oauth.authentication.request import ClientRefused
from gateway.oauth.clients.records import Client

_CHALLENGE = 'Basic realm="threadneedle", charset="UTF-8"'


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """An answer of an OAuth endpoint; no body is an empty one. `reason` is why it is a refusal, for our own log."""

    status: int
    body: Mapping[str, Any] | None
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


def answer(status: int, body: Mapping[str, Any] | None) -> TokenAnswer:
    """An answer that nobody keeps; 401 says how clients authenticate."""
    challenge = {"WWW-Authenticate": _CHALLENGE} if status == 401 else {}
    return TokenAnswer(status, body, {"Cache-Control": "no-store", **challenge})


def refusal(error: OAuth2Error) -> TokenAnswer:
    """An error as a caller gets it."""
    made = answer(error.status_code, dict(error.get_body()))
    return replace(made, reason=getattr(error, "reason", "") or error.description or error.error)


def client_error(refused: ClientRefused) -> OAuth2Error:
    """Why a client is not authenticated, as an error of RFC 6749 §5.2."""
    if refused.error == "invalid_request":
        return InvalidRequestError(refused.description)
    error = InvalidClientError(refused.description, status_code=401)
    error.reason = refused.reason
    return error


def check_active(client: Client) -> None:
    """Raises OAuth2Error where the client, or its partner, is suspended; told to nobody but the client itself."""
    if not client.active:
        raise UnauthorizedClientError("The client or its partner is suspended.")
