"""OAuth clients on the admin API, by the metadata names of RFC 7591 §2 and RFC 8705 §2.1.2 where there are some."""

from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema, field_validator

from gateway.schemas.admin import EnvironmentName, Scopes, Title
from gateway.schemas.types import FreeObject, Id, Request, Response, given, wrong

MethodName = Literal[
    "client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"
]
BindingName = Literal["none", "mtls", "dpop"]
OVERLAP_SECONDS_MAX = 2_592_000
_MERCHANTS_MAX = 1_000
_NETWORKS_MAX = 100
_CERTIFICATES_MAX = 10
_PEM_CHARACTERS_MAX = 16_384


def _network(value: Any) -> IPv4Network | IPv6Network:
    try:
        return ip_network(value if isinstance(value, str) else "")
    except ValueError:
        raise wrong("format", "Expected a network, e.g. 203.0.113.0/24, without bits beyond its length.") from None


CidrNetwork = Annotated[
    IPv4Network | IPv6Network,
    PlainValidator(_network),
    WithJsonSchema({"type": "string", "examples": ["203.0.113.0/24"]}),
]
Text = Annotated[str, Field(min_length=1, max_length=2048)]
MerchantIds = Annotated[list[Id], Field(max_length=_MERCHANTS_MAX)]
Networks = Annotated[list[CidrNetwork], Field(max_length=_NETWORKS_MAX)]
# One for each certificate that may be in use at a time; an RSA key of 4096 bits and long names fit well.
Certificates = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=_PEM_CHARACTERS_MAX)]], Field(max_length=_CERTIFICATES_MAX)
]


class _Metadata(Request):
    """Of these a client has one, or, with a secret, none."""

    jwks: FreeObject | None = None
    jwks_uri: Text | None = None
    tls_client_auth_subject_dn: Text | None = None
    tls_client_auth_san_dns: Text | None = None
    tls_client_auth_san_uri: Text | None = None
    tls_client_auth_san_ip: Text | None = None
    tls_client_auth_san_email: Text | None = None


class ClientIn(_Metadata):
    """An OAuth client of a partner. No merchant_ids and no networks mean: all of them.

    token_binding_certificates are the only ones that its tokens may be bound to, a PEM each; with token_binding mtls.
    """

    name: Title
    environment: EnvironmentName
    scopes: Scopes
    token_endpoint_auth_method: MethodName = "client_secret_basic"  # noqa: S105 - a name
    merchant_ids: MerchantIds = Field(default_factory=list)
    networks: Networks = Field(default_factory=list)
    token_binding: BindingName = "none"  # noqa: S105 - a name
    token_binding_certificates: Certificates = Field(default_factory=list)

    _given = field_validator("*", mode="before")(given)


class ClientChange(_Metadata):
    """What is to be different of a client; lists replace the present ones."""

    name: Title | None = None
    scopes: Scopes | None = None
    token_endpoint_auth_method: MethodName | None = None
    merchant_ids: MerchantIds | None = None
    networks: Networks | None = None
    token_binding: BindingName | None = None
    token_binding_certificates: Certificates | None = None

    _given = field_validator("*", mode="before")(given)


class SecretRotationIn(Request):
    """How long the present secret stays good beside the new one; a default of the installation's without it.

    With `drop_oldest` one that is older than the present, and was to be good for longer, ends now.
    """

    overlap_seconds: Annotated[int, Field(ge=0, le=OVERLAP_SECONDS_MAX)] | None = None
    drop_oldest: bool = False


class ClientOut(Response):
    """An OAuth client. older_secret_ends_at is there while a second, older secret is still good."""

    id: str
    object: Literal["client"]
    partner_id: str
    environment: EnvironmentName
    name: str
    scopes: list[str]
    token_endpoint_auth_method: MethodName
    jwks: dict[str, Any] | None = None
    jwks_uri: str | None = None
    tls_client_auth_subject_dn: str | None = None
    tls_client_auth_san_dns: str | None = None
    tls_client_auth_san_uri: str | None = None
    tls_client_auth_san_ip: str | None = None
    tls_client_auth_san_email: str | None = None
    token_binding: BindingName
    token_binding_certificates: list[str]
    merchant_ids: list[str]
    networks: list[str]
    older_secret_ends_at: datetime | None
    state: str
    created_at: datetime


class ClientCreated(ClientOut):
    """A client with its new secret, which is shown this once; null for one that has none."""

    secret: str | None
