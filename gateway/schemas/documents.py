"""Tokens, keys, health and documents on the wire."""

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema, field_validator

from gateway.schemas.types import Request, Response, given

SecretText = Annotated[str, WithJsonSchema({"type": "string", "format": "password", "writeOnly": True})]


class _ClientProof(Request):
    """What a client shows in the form; with `client_secret_basic` nothing, for its secret stands in the header."""

    client_id: Annotated[str | None, Field(description="Of a client that shows a certificate or its secret here.")] = (
        None
    )
    client_secret: Annotated[
        SecretText | None, Field(description="Of a client with `client_secret_post`, where that is offered.")
    ] = None
    client_assertion_type: Annotated[
        Literal["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"] | None,
        Field(description="Beside `client_assertion` (RFC 7523 §2.2)."),
    ] = None
    client_assertion: Annotated[
        SecretText | None, Field(description="A JWT of a client with `private_key_jwt`, signed by it, for one use.")
    ] = None

    _given = field_validator("*", mode="before")(given)


class TokenIn(_ClientProof):
    """What a client asks for (RFC 6749 §4.4.2), as a form, and what it shows to prove itself.

    Without `scope` it gets all scopes of its registration. `resource` (RFC 8707) may stand more than once; without it
    the token is for this API.
    """

    grant_type: Literal["client_credentials"]
    scope: Annotated[str | None, Field(description="Scopes with spaces between.")] = None
    resource: Annotated[list[str] | None, Field(description="URLs of the services that the token is for.")] = None


class TokenErrorOut(Response):
    """Why there is no token (RFC 6749 §5.2)."""

    error: str
    error_description: str | None = None


class TokenOut(Response):
    """An access token; its type says how it is used (RFC 6750 or RFC 9449)."""

    token_type: Literal["Bearer", "DPoP"]
    access_token: str
    expires_in: int
    scope: str


class InspectedTokenIn(_ClientProof):
    """The token that is to be ended (RFC 7009 §2.1), or asked about (RFC 7662 §2.1), as a form."""

    token: str
    token_type_hint: str | None = None


class IntrospectionOut(Response):
    """What a token says while it is good (RFC 7662 §2.2); of any other, only that it is not active."""

    active: bool
    token_type: Literal["Bearer", "DPoP"] | None = None
    iss: str | None = None
    aud: str | list[str] | None = None
    sub: str | None = None
    client_id: str | None = None
    iat: int | None = None
    exp: int | None = None
    jti: str | None = None
    scope: str | None = None
    partner: str | None = None
    environment: str | None = None
    tier: str | None = None
    cnf: dict[str, str] | None = None


class JwksOut(Response):
    """Public keys (RFC 7517)."""

    keys: list[dict[str, Any]]


class MetadataOut(Response):
    """Authorization server metadata (RFC 8414)."""

    issuer: str
    token_endpoint: str
    revocation_endpoint: str
    introspection_endpoint: str
    jwks_uri: str
    scopes_supported: list[str]
    response_types_supported: list[str]
    grant_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    token_endpoint_auth_signing_alg_values_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_signing_alg_values_supported: list[str]
    introspection_endpoint_auth_methods_supported: list[str]
    introspection_endpoint_auth_signing_alg_values_supported: list[str]
    dpop_signing_alg_values_supported: list[str]
    tls_client_certificate_bound_access_tokens: bool


class ResourceMetadataOut(Response):
    """Protected resource metadata (RFC 9728)."""

    resource: str
    authorization_servers: list[str]
    scopes_supported: list[str]
    bearer_methods_supported: list[str]
    resource_documentation: str
    dpop_signing_alg_values_supported: list[str]
    dpop_bound_access_tokens_required: bool
    tls_client_certificate_bound_access_tokens: bool


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
