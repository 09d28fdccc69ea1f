"""Tokens, keys, health and documents on the wire."""

from typing import Any, Literal

from gateway.schemas.types import Request, Response


class TokenIn(Request):
    """What a client asks for (RFC 6749 §4.4.2), as a form; its credentials stand in the header (HTTP Basic)."""

    grant_type: Literal["client_credentials"]
    scope: str | None = None


class TokenErrorOut(Response):
    """Why there is no token (RFC 6749 §5.2)."""

    error: str
    error_description: str | None = None


class TokenOut(Response):
    """An access token."""

    token_type: str
    access_token: str
    expires_in: int
    scope: str


class JwksOut(Response):
    """Public keys (RFC 7517)."""

    keys: list[dict[str, Any]]


class MetadataOut(Response):
    """Authorization server metadata (RFC 8414)."""

    issuer: str
    token_endpoint: str
    jwks_uri: str
    scopes_supported: list[str]
    response_types_supported: list[str]
    grant_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    token_endpoint_auth_signing_alg_values_supported: list[str]


class LiveOut(Response):
    """The process runs."""

    status: str


class ReadyOut(Response):
    """Whether the process may be sent requests, and why not."""

    status: str
    checks: dict[str, bool | str]


class NotificationOut(Response):
    """The notification is kept."""

    received: bool
