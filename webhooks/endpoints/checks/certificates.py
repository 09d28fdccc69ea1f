"""A client certificate that an endpoint wants to be shown (mTLS), checked before it is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509 import (
    Certificate,
    DuplicateExtension,
    InvalidVersion,
    UnsupportedGeneralNameType,
    load_pem_x509_certificates,
)

from kernel.errors import FieldError
from kernel.masked import Secret
from webhooks.endpoints.requests import CertificateRequest

CHAIN_LENGTH_MAX = 5
PEM_CHARACTERS_MAX = 32_768
RSA_BITS_MIN = 2_048
# What reading a certificate of somebody else may raise, at once or when a part of it is asked for.
UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    InvalidVersion,
    DuplicateExtension,
    UnsupportedGeneralNameType,
)
_CHAIN = "/client_certificate/certificate_chain"
_KEY = "/client_certificate/private_key"

_Key = RSAPrivateKey | EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """A chain with its key, written out again as PEM, and what may be shown of it: its end and its fingerprint.

    `expires_at` is the first end in the chain; `sha256` is of the certificate itself, in hexadecimal.
    """

    pem: Secret
    expires_at: datetime
    sha256: str


def read_client_certificate(
    request: CertificateRequest, now: datetime
) -> tuple[ClientCertificate | None, list[FieldError]]:
    """The certificate, or what is wrong with it: its form, its key, its order or its dates."""
    chain, key = _chain(request.chain), _key(request.private_key)
    errors = [wrong for wrong in (chain, key) if isinstance(wrong, FieldError)]
    if isinstance(chain, FieldError) or isinstance(key, FieldError):
        return None, errors
    errors = _wrong_together(chain, key, now)
    return (None, errors) if errors else (_read(chain, key), [])


def _chain(text: str) -> list[Certificate] | FieldError:
    message = f"must be 1 to {CHAIN_LENGTH_MAX} X.509 certificates as PEM"
    wrong = FieldError(pointer=_CHAIN, code="certificate_invalid", message=message)
    if len(text) > PEM_CHARACTERS_MAX:
        return wrong
    try:
        chain = load_pem_x509_certificates(text.encode())
        for certificate in chain:
            certificate.public_key()  # of a kind that we can read; it is looked at later
    except UNREADABLE:
        return wrong
    return chain if len(chain) <= CHAIN_LENGTH_MAX else wrong


def _key(text: Secret) -> _Key | FieldError:
    message = f"must be an unencrypted private key as PEM: RSA of {RSA_BITS_MIN} bits or more, or an elliptic curve"
    wrong = FieldError(pointer=_KEY, code="private_key_invalid", message=message)
    if len(text.reveal()) > PEM_CHARACTERS_MAX:
        return wrong
    try:
        key = load_pem_private_key(text.reveal().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return wrong
    if not isinstance(key, _Key) or (isinstance(key, RSAPrivateKey) and key.key_size < RSA_BITS_MIN):
        return wrong
    return key


def _wrong_together(chain: Sequence[Certificate], key: _Key, now: datetime) -> list[FieldError]:
    errors = []
    if not all(one.not_valid_before_utc <= now < one.not_valid_after_utc for one in chain):
        message = "must hold certificates that are valid now"
        errors.append(FieldError(pointer=_CHAIN, code="certificate_not_valid_now", message=message))
    if not all(_is_issued_by(one, issuer) for one, issuer in pairwise(chain)):
        message = "must be in order: the certificate itself, then each one's issuer"
        errors.append(FieldError(pointer=_CHAIN, code="certificate_order", message=message))
    if _public(chain[0].public_key()) != _public(key.public_key()):
        message = "must be the key of the first certificate"
        errors.append(FieldError(pointer=_KEY, code="private_key_other", message=message))
    return errors


def _is_issued_by(one: Certificate, issuer: Certificate) -> bool:
    try:
        one.verify_directly_issued_by(issuer)
    except (InvalidSignature, *UNREADABLE):
        return False
    return True


def _public(key: object) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined,no-any-return]


def _read(chain: Sequence[Certificate], key: _Key) -> ClientCertificate:
    written = [one.public_bytes(Encoding.PEM) for one in chain]
    written.append(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return ClientCertificate(
        pem=Secret(b"".join(written).decode()),
        expires_at=min(one.not_valid_after_utc for one in chain),
        sha256=chain[0].fingerprint(SHA256()).hex(),
    )
