"""Client certificates for tests, made when they are asked for."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeCertificate:
    """PEM of a chain and of its key, and the fingerprint of the first certificate."""

    chain: str
    key: str
    sha256: str


def client_certificate(ends_at: datetime, *, starts_at: datetime | None = None) -> MadeCertificate:
    """A certificate for a made-up client and, after it in the chain, its issuer's."""
    begins_at = starts_at or ends_at - timedelta(days=30)
    issuer_key, key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    issuer = _certificate("Example Issuer", issuer_key, ("Example Issuer", issuer_key), (begins_at, ends_at))
    own = _certificate("Example Client", key, ("Example Issuer", issuer_key), (begins_at, ends_at))
    return MadeCertificate(
        chain="".join(one.public_bytes(Encoding.PEM).decode() for one in (own, issuer)),
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        sha256=own.fingerprint(SHA256()).hex(),
    )


def _certificate(
    name: str,
    key: EllipticCurvePrivateKey,
    issuer: tuple[str, EllipticCurvePrivateKey],
    lasts: tuple[datetime, datetime],
) -> x509.Certificate:
    builder = x509.CertificateBuilder(
        issuer_name=_name(issuer[0]),
        subject_name=_name(name),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=lasts[0],
        not_valid_after=lasts[1],
    )
    return builder.sign(issuer[1], SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
