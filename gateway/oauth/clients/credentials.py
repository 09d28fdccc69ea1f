"""What a client without a secret is known by: its keys, where they stand, or whom its certificate names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson


class SubjectKind(StrEnum):
    """How a certificate names its holder; the metadata names of RFC 8705 §2.1.2."""

    DN = "tls_client_auth_subject_dn"
    DNS = "tls_client_auth_san_dns"
    URI = "tls_client_auth_san_uri"
    IP = "tls_client_auth_san_ip"
    EMAIL = "tls_client_auth_san_email"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom the certificate of a tls_client_auth client must name."""

    kind: SubjectKind
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """One of the three; which one follows from the client's method. `jwks` are public keys (RFC 7517 §5)."""

    jwks: Sequence[Mapping[str, Any]] = ()
    jwks_uri: str | None = None
    subject: Subject | None = None

    @property
    def has_certificates(self) -> bool:
        """Whether a key of it is registered with its certificate (`x5c`)."""
        return any("x5c" in jwk for jwk in self.jwks)

    def to_metadata(self) -> dict[str, Any]:
        """As clients are registered and shown (RFC 7591 §2)."""
        if self.subject is not None:
            return {self.subject.kind.value: self.subject.value}
        if self.jwks_uri is not None:
            return {"jwks_uri": self.jwks_uri}
        return {"jwks": {"keys": list(self.jwks)}}

    def to_bytes(self) -> bytes:
        """The plaintext of oauth_clients.sealed_credentials."""
        return orjson.dumps(self.to_metadata())

    @classmethod
    def from_bytes(cls, plaintext: bytes) -> "Credentials":
        """The opposite of `to_bytes`."""
        ((name, value),) = orjson.loads(plaintext).items()
        if name == "jwks":
            return cls(jwks=value["keys"])
        if name == "jwks_uri":
            return cls(jwks_uri=value)
        return cls(subject=Subject(kind=SubjectKind(name), value=value))


def credentials_context(client_id: UUID) -> bytes:
    """What binds sealed credentials to their client."""
    return b"oauth_clients.credentials:" + client_id.bytes
