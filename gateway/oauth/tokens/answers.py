"""What the OAuth endpoints answer (RFC 6749 §5.1 and §5.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError, OAuth2Error

from gateway.oauth.authentication.request import ClientRefused

_CHALLENGE = 'Basic realm="threadneedle", charset="UTF-8"'


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """An answer of an OAuth endpoint; no body is an empty one."""

    status: int
    body: Mapping[str, Any] | None
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(status: int, body: Mapping[str, Any] | None) -> TokenAnswer:
    """An answer that nobody keeps; 401 says how clients authenticate."""
    challenge = {"WWW-Authenticate": _CHALLENGE} if status == 401 else {}
    return TokenAnswer(status, body, {"Cache-Control": "no-store", **challenge})


def refusal(error: OAuth2Error) -> TokenAnswer:
    """An error as a caller gets it."""
    return answer(error.status_code, dict(error.get_body()))


def client_error(refused: ClientRefused) -> OAuth2Error:
    """Why a client is not authenticated, as an error of RFC 6749 §5.2."""
    if refused.error == "invalid_request":
        return InvalidRequestError(refused.description)
    return InvalidClientError(refused.description, status_code=401)
