"""Certificates that a stranger has made as he likes: whatever is odd in them, they prove nothing and break nothing."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID, NameOID

from gateway.oauth.authentication.certificates import Authorities, is_registered, names
from gateway.oauth.clients.credentials import Subject, SubjectKind
from gateway.oauth.clients.keys import certificate_problem

NOW = datetime.now(UTC)
KEY = generate_private_key(SECP256R1())
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Example Client")])
VALUES = {SubjectKind.DN: "CN=Another Client", SubjectKind.IP: "203.0.113.9"}
ALTERNATIVES = {
    "an X.400 address": b"\x30\x04\xa3\x02\x30\x00",
    "an EDI party": b"\x30\x04\xa5\x02\x30\x00",
    "an address of no length": b"\x30\x03\x87\x01\x00",
    "a name in no script": b"\x30\x03\x82\x01\xff",
    "no sequence": b"\xff\xff",
    "nothing": b"",
}


def made(*extensions: tuple[x509.ObjectIdentifier, bytes]) -> bytes:
    """The DER of a certificate with these extensions."""
    builder = x509.CertificateBuilder(
        issuer_name=NAME,
        subject_name=NAME,
        public_key=KEY.public_key(),
        serial_number=1,
        not_valid_before=NOW - timedelta(days=1),
        not_valid_after=NOW + timedelta(days=1),
    )
    for identifier, value in extensions:
        builder = builder.add_extension(x509.UnrecognizedExtension(identifier, value), critical=False)
    return builder.sign(KEY, SHA256()).public_bytes(Encoding.DER)


def twice() -> bytes:
    """One with the same extension twice, which no library makes."""
    one, other = x509.ObjectIdentifier("1.2.3.4"), x509.ObjectIdentifier("1.2.3.5")
    return made((one, b"a"), (other, b"a")).replace(b"\x06\x03\x2a\x03\x05", b"\x06\x03\x2a\x03\x04")


def is_anyone(der: bytes) -> bool:
    """Whether it names somebody, is known, or was issued by a namesake."""
    certificate, authority = x509.load_der_x509_certificate(der), x509.load_der_x509_certificate(made())
    subjects = [Subject(kind=kind, value=VALUES.get(kind, "shop@example.com")) for kind in SubjectKind]
    forged = Authorities((authority,)).have_issued(x509.load_der_x509_certificate(der[:-4] + b"abcd"), NOW)
    return any(names(certificate, subject) for subject in subjects) or is_registered(der, [], NOW) or forged


@pytest.mark.parametrize("kind", ALTERNATIVES)
def test_odd_names_are_nobodys(kind: str) -> None:
    """Alternative names that cannot be read, or are of kinds that nobody uses."""
    assert not is_anyone(made((ExtensionOID.SUBJECT_ALTERNATIVE_NAME, ALTERNATIVES[kind])))


def test_an_extension_that_stands_twice_is_nobodys() -> None:
    """RFC 5280 §4.2 forbids it, and readers choose differently."""
    assert not is_anyone(twice())


def test_what_is_no_certificate_of_any_version_is_not_registered() -> None:
    """The version is 1 to 3 (RFC 5280 §4.1.2.1)."""
    der = made((x509.ObjectIdentifier("1.2.3.4"), b"a"))
    good, odd = ({"x5c": [b64encode(each).decode()]} for each in (der, _of_version_60(der)))
    assert certificate_problem(good) is None
    assert "x5c" in (certificate_problem(odd) or "")


def _of_version_60(der: bytes) -> bytes:
    return der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x3c", 1)
