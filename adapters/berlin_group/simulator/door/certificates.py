"""Qualified certificates of PSD2 (ETSI TS 119 495): made for clients of the simulated bank, and judged by it."""

import datetime as dt
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

PAYMENTS, ACCOUNTS = "PSP_PI", "PSP_AI"
_QC_STATEMENTS = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3")
_PSD2_STATEMENT = bytes.fromhex("0606040081982702")  # OID 0.4.0.19495.2
_ROLES = {
    PAYMENTS: bytes.fromhex("060704008198270102"),  # OID 0.4.0.19495.1.2
    ACCOUNTS: bytes.fromhex("060704008198270103"),  # OID 0.4.0.19495.1.3
}
_SEQUENCE, _UTF8 = 0x30, 0x0C
_DAYS = 365
_BETWEEN = "\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: RSAPrivateKey

    @property
    def certificate_pem(self) -> str:
        """The certificate as an admin enters it."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        """The key as an admin enters it."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """An authority, and the pairs that it certified: the client's, and the bank's own."""

    authority: Pair
    client: Pair
    bank: Pair


@cache
def trust() -> Trust:
    """One per process: keys take long to make, and every simulated bank may trust the same."""
    return _new_trust()


def kept_trust(file: Path) -> Trust:
    """The one in the file, which is made where it is missing: a bank that starts again knows its clients again."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(_written(_new_trust()), encoding="ascii")
    names = ("authority", "client", "bank")
    pairs = [_read_pair(text) for text in file.read_text(encoding="ascii").split(_BETWEEN)]
    return Trust(**dict(zip(names, pairs, strict=True)))


def _written(made: Trust) -> str:
    return _BETWEEN.join(each.certificate_pem + each.key_pem for each in (made.authority, made.client, made.bank))


def _read_pair(text: str) -> Pair:
    key = load_pem_private_key(text.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("the file of keys holds RSA keys")  # noqa: TRY004 - a file's content
    return Pair(certificate=x509.load_pem_x509_certificate(text.encode()), key=key)


def _new_trust() -> Trust:
    authority = pair("Example Trust Services, Ltd.", None, ())
    client = pair("Example Payments Ltd", authority, (PAYMENTS, ACCOUNTS))
    return Trust(authority=authority, client=client, bank=pair("Example Bank", authority, ()))


def pair(name: str, issuer: Pair | None, roles: tuple[str, ...], days: int = _DAYS) -> Pair:
    """A new pair; without an issuer it signs itself. `days` may be negative for one that has ended."""
    key, now = generate_private_key(public_exponent=65537, key_size=2048), dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(
        issuer_name=issuer.certificate.subject if issuer else _name(name),
        subject_name=_name(name),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - dt.timedelta(days=2 * _DAYS),
        not_valid_after=now + dt.timedelta(days=days),
    )
    if issuer is None:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    if roles:
        statements = x509.UnrecognizedExtension(_QC_STATEMENTS, _statements(roles))
        builder = builder.add_extension(statements, critical=False)
    return Pair(certificate=builder.sign((issuer.key if issuer else key), SHA256()), key=key)


def roles_of(certificate: x509.Certificate) -> frozenset[str]:
    """The PSD2 roles that the certificate carries."""
    try:
        extension = certificate.extensions.get_extension_for_oid(_QC_STATEMENTS).value
    except x509.ExtensionNotFound:
        return frozenset()
    raw = extension.value if isinstance(extension, x509.UnrecognizedExtension) else b""
    return frozenset(role for role, oid in _ROLES.items() if _PSD2_STATEMENT in raw and oid in raw)


def _statements(roles: tuple[str, ...]) -> bytes:
    named = b"".join(_der(_SEQUENCE, _ROLES[role] + _der(_UTF8, role.encode())) for role in roles)
    authority = _der(_UTF8, b"Example Authority") + _der(_UTF8, b"XX-EXAMPLE")
    psd2 = _der(_SEQUENCE, _PSD2_STATEMENT + _der(_SEQUENCE, _der(_SEQUENCE, named) + authority))
    return _der(_SEQUENCE, psd2)


def _der(tag: int, content: bytes) -> bytes:
    """One DER element; the statements are shorter than 128 bytes each."""
    return bytes((tag, len(content))) + content


def _name(text: str) -> x509.Name:
    country, common = x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"), x509.NameAttribute(NameOID.COMMON_NAME, text)
    return x509.Name([country, common])
