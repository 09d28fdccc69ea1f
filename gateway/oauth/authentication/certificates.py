"""What a client's certificate must be (RFC 8705 §2.1 and §2.2)."""

import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from gateway.oauth.clients.credentials import Subject, SubjectKind
from webhooks.endpoints.checks.certificates import UNREADABLE


@dataclass(frozen=True, slots=True)
class Authorities:
    """The certificate authorities, intermediate ones included, that issue clients' certificates."""

    certificates: Sequence[x509.Certificate] = ()

    @classmethod
    def parse(cls, pem: bytes) -> "Authorities":
        """Certificates in PEM. Raises ValueError."""
        return cls(tuple(x509.load_pem_x509_certificates(pem)))

    def have_issued(self, certificate: x509.Certificate, now: datetime) -> bool:
        """Whether one of them signed it, and both are valid now."""
        return _is_valid(certificate, now) and any(
            _is_valid(authority, now) and _has_signed(authority, certificate) for authority in self.certificates
        )


def names(certificate: x509.Certificate, subject: Subject) -> bool:
    """Whether the certificate names its holder as the client is registered (RFC 8705 §2.1.2).

    Parts of a certificate are read when they are asked for, and may turn out to be none then.
    """
    try:
        if subject.kind is SubjectKind.DN:
            return certificate.subject == x509.Name.from_rfc4514_string(subject.value)
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, *UNREADABLE):
        return False
    return _OF[subject.kind](alternatives, subject.value)


def is_registered(der: bytes, certificates: Iterable[bytes], now: datetime) -> bool:
    """Whether it is, byte for byte, a certificate that the client is registered with (RFC 8705 §2.2), and still good.

    Where TLS ends here the handshake refuses one that is over; a proxy that lets any certificate pass may not.
    """
    known = any(hmac.compare_digest(der, each) for each in certificates)
    return known and _is_valid(x509.load_der_x509_certificate(der), now)


def _dns(alternatives: x509.SubjectAlternativeName, value: str) -> bool:
    return value.lower() in [name.lower() for name in alternatives.get_values_for_type(x509.DNSName)]


def _uri(alternatives: x509.SubjectAlternativeName, value: str) -> bool:
    return value in alternatives.get_values_for_type(x509.UniformResourceIdentifier)


def _ip(alternatives: x509.SubjectAlternativeName, value: str) -> bool:
    return ip_address(value) in alternatives.get_values_for_type(x509.IPAddress)


def _email(alternatives: x509.SubjectAlternativeName, value: str) -> bool:
    return value in alternatives.get_values_for_type(x509.RFC822Name)


_OF: Mapping[SubjectKind, Callable[[x509.SubjectAlternativeName, str], bool]] = {
    SubjectKind.DNS: _dns,
    SubjectKind.URI: _uri,
    SubjectKind.IP: _ip,
    SubjectKind.EMAIL: _email,
}


def _is_valid(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _has_signed(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, *UNREADABLE):
        return False
    return True
