"""Client certificates: what is taken, and what is wrong with the rest."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from ssl import DER_cert_to_PEM_cert, PEM_cert_to_DER_cert

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from kernel.masked import Secret
from tests.support.certificates import MadeCertificate, client_certificate
from webhooks.endpoints.checks.certificates import read_client_certificate
from webhooks.endpoints.requests import CertificateRequest

NOW = datetime(2026, 5, 1, tzinfo=UTC)
MADE = client_certificate(NOW + timedelta(days=30))


def wrong(chain: str, key: str, now: datetime = NOW) -> list[tuple[str, str]]:
    certificate, errors = read_client_certificate(CertificateRequest(chain=chain, private_key=Secret(key)), now)
    assert certificate is None
    assert not [error for error in errors if "PRIVATE" in error.message or "BEGIN" in error.message]
    return [(error.pointer.removeprefix("/client_certificate/"), error.code) for error in errors]


def test_a_chain_with_its_key_is_taken(tmp_path: Path) -> None:
    """What is kept is what OpenSSL can show a receiver; its end and fingerprint are known."""
    request = CertificateRequest(chain="Subject: x\n" + MADE.chain, private_key=Secret(MADE.key))
    certificate, errors = read_client_certificate(request, NOW)
    assert not errors
    assert certificate is not None
    assert (certificate.expires_at, certificate.sha256) == (NOW + timedelta(days=30), MADE.sha256)
    kept = tmp_path / "client.pem"
    kept.write_text(certificate.pem.reveal())
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(kept)
    assert "PRIVATE" not in repr(certificate)


def test_what_is_no_certificate_or_key_is_refused() -> None:
    """Both are looked at, so both are told at once."""
    assert wrong("x", "y") == [
        ("certificate_chain", "certificate_invalid"),
        ("private_key", "private_key_invalid"),
    ]
    assert wrong(MADE.chain * 3, MADE.key) == [("certificate_chain", "certificate_invalid")]
    assert wrong(MADE.key, MADE.chain)[0] == ("certificate_chain", "certificate_invalid")


@pytest.mark.parametrize(
    ("good", "odd"),
    [
        (b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x3c"),  # a version that there is not (RFC 5280 §4.1.2.1)
        (b"\x2a\x86\x48\xce\x3d\x03\x01\x07", b"\x2a\x86\x48\xce\x3d\x03\x01\x7f"),  # an unknown curve
    ],
)
def test_certificates_that_no_library_makes_are_refused(good: bytes, odd: bytes) -> None:
    """Whatever cannot be read of one is the sender's fault, not ours."""
    der = PEM_cert_to_DER_cert(_parts(MADE)[0])
    assert good in der
    assert wrong(DER_cert_to_PEM_cert(der.replace(good, odd, 1)), MADE.key) == [
        ("certificate_chain", "certificate_invalid")
    ]


@pytest.mark.parametrize("kind", ["encrypted", "weak", "other"])
def test_keys_that_cannot_be_used_are_refused(kind: str) -> None:
    """An encrypted key, an RSA key below 2048 bits, a kind that receivers seldom take."""
    own = load_pem_private_key(MADE.key.encode(), None)
    encryption = NoEncryption()
    if kind == "weak":
        own = generate_private_key(65537, 1024)  # noqa: S505 - the weak key that is to be refused
    elif kind == "other":
        own = Ed25519PrivateKey.generate()
    else:
        encryption = BestAvailableEncryption(b"x")
    text = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()
    assert wrong(MADE.chain, text) == [("private_key", "private_key_invalid")]


def test_what_does_not_belong_together_is_refused() -> None:
    """Another certificate's key, and a chain out of order."""
    other = client_certificate(NOW + timedelta(days=30))
    assert wrong(MADE.chain, other.key) == [("private_key", "private_key_other")]
    own, issuer = _parts(MADE)
    assert wrong(own + _parts(other)[1], MADE.key) == [("certificate_chain", "certificate_order")]
    assert wrong(issuer + own, MADE.key) == [
        ("certificate_chain", "certificate_order"),
        ("private_key", "private_key_other"),
    ]


def test_certificates_are_valid_now() -> None:
    """One that has ended, ends this moment, or has not begun is refused."""
    for now in (NOW + timedelta(days=31), NOW + timedelta(days=30), NOW - timedelta(days=800)):
        assert wrong(MADE.chain, MADE.key, now) == [("certificate_chain", "certificate_not_valid_now")]


def _parts(made: MadeCertificate) -> tuple[str, str]:
    end = "-----END CERTIFICATE-----\n"
    own, issuer, _ = made.chain.split(end)
    return own + end, issuer + end
