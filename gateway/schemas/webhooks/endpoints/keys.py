"""What endpoints' messages are signed with, on the wire."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from gateway.schemas.types import Request, Response
from gateway.schemas.webhooks.endpoints.bodies import Scheme, SecretIn
from webhooks.endpoints.requests import OVERLAP_MAX


class RotationIn(Request):
    """How the key of a scheme changes; the old one signs beside it for the overlap.

    For v1 the new secret may be your own. With `drop_oldest` one whose overlap still lasts stops signing now. With
    `overlap_seconds` 0 no other than the new one signs anything after the answer, one of an earlier overlap neither.
    """

    scheme: Scheme = "v1"
    secret: SecretIn | None = None
    overlap_seconds: Annotated[int, Field(ge=0, le=int(OVERLAP_MAX.total_seconds()))] | None = None
    drop_oldest: bool = False


class SecretOut(Response):
    """A key in use: of v1 its secret, of v1a its public key. Without expires_at it is the current one of its scheme."""

    id: str
    scheme: Scheme
    secret: str | None
    public_key: str | None
    created_at: datetime
    expires_at: datetime | None


class SecretsOut(Response):
    """The keys in use, v1 first, of each scheme the current one first."""

    data: list[SecretOut]


class JwkOut(Response):
    """A public key of Ed25519 (RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    use: Literal["sig"]
    alg: Literal["EdDSA"]


class KeySetOut(Response):
    """A JWK set (RFC 7517)."""

    keys: list[JwkOut]
