"""What a client's row holds sealed: what one without a secret is known by, and which certificates may bind tokens."""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.oauth.clients.keys import certificate_of
from kernel.sealing import SealError, Vault


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

    @property
    def certificates(self) -> list[bytes]:
        """The certificates that its keys carry, as DER."""
        return [der for der in map(certificate_of, self.jwks) if der is not None]

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


@dataclass(frozen=True, slots=True)
class BindingCertificates:
    """The certificates, as DER, that a client's tokens may be bound to, and no others (RFC 8705 §3)."""

    certificates: Sequence[bytes] = ()

    def to_pem(self) -> list[str]:
        """As they are registered and shown."""
        return [ssl.DER_cert_to_PEM_cert(der) for der in self.certificates]

    def to_bytes(self) -> bytes:
        """The plaintext of oauth_clients.sealed_binding_certificates."""
        return "".join(self.to_pem()).encode()

    @classmethod
    def from_bytes(cls, plaintext: bytes) -> "BindingCertificates":
        """The opposite of `to_bytes`."""
        return cls([one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(plaintext)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What a client's row held; of what does not open any more nothing is left, so that it proves and binds nothing."""

    credentials: Credentials | None = None
    binding: BindingCertificates | None = None

    @property
    def certificates(self) -> list[bytes]:
        """Every certificate in it, as DER."""
        named = () if self.binding is None else self.binding.certificates
        return [*(() if self.credentials is None else self.credentials.certificates), *named]


async def open_rows(vault: Vault, rows: Sequence[Any]) -> list[Opened]:
    """What each row holds, in their order; rows have partner_id, id and the two sealed columns."""
    sealed = {
        (row["id"], column): (row["partner_id"], row[column], context(row["id"]))
        for row in rows
        for column, context in _CONTEXTS.items()
        if row[column] is not None
    }
    opened = dict(zip(sealed, await vault.open_each(list(sealed.values())), strict=True))
    return [_opened(*(opened.get((row["id"], column)) for column in _CONTEXTS)) for row in rows]


def _opened(credentials: bytes | SealError | None, binding: bytes | SealError | None) -> Opened:
    return Opened(
        credentials=Credentials.from_bytes(credentials) if isinstance(credentials, bytes) else None,
        binding=BindingCertificates() if isinstance(binding, SealError) else _binding(binding),
    )


def _binding(plaintext: bytes | None) -> BindingCertificates | None:
    return None if plaintext is None else BindingCertificates.from_bytes(plaintext)


def credentials_context(client_id: UUID) -> bytes:
    """What binds sealed credentials to their client."""
    return b"oauth_clients.credentials:" + client_id.bytes


def binding_context(client_id: UUID) -> bytes:
    """What binds sealed binding certificates to their client."""
    return b"oauth_clients.binding_certificates:" + client_id.bytes


_CONTEXTS = {"sealed_credentials": credentials_context, "sealed_binding_certificates": binding_context}
