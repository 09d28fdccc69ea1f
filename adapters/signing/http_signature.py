"""Digest and Signature headers as NextGenPSD2 wants them, in the form of draft-cavage-http-signatures-10 §4.

    Digest: SHA-256=<base64>
    Signature: keyId="SN=<serial in hex>,CA=<issuer>",algorithm="rsa-sha256",headers="digest x-request-id",signature="…"
    TPP-Signature-Certificate: <base64 of the DER certificate>

Signed are `digest` and `x-request-id` and, where they are sent, `psu-id`, `psu-corporate-id` and `tpp-redirect-uri`
(Implementation Guidelines 1.3.x §12.2). What banks want otherwise is data: the options `signature_algorithm` and
`signature_covers` (the latter names `date` or `(request-target)`). A bank without `signing_key` and
`signing_certificate` gets no signature; one with `bank_signing_certificate` is believed only under its own.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from adapters.contract import BankSettings
from adapters.signing.profile import Signable, SigningProfile
from adapters.wire import WireReply

ALGORITHMS: Final[Mapping[str, HashAlgorithm]] = {"rsa-sha256": SHA256(), "rsa-sha512": SHA512()}
ALWAYS: Final = ("digest", "x-request-id")
IF_SENT: Final = ("psu-id", "psu-corporate-id", "tpp-redirect-uri")
REQUEST_TARGET: Final = "(request-target)"
_PARAMETER = re.compile(r'([A-Za-z]+)="([^"]*)"')
_DIGESTS = {"SHA-256": hashlib.sha256, "SHA-512": hashlib.sha512}


def profile() -> SigningProfile:
    """The profile of this module."""
    return HttpSignature()


class HttpSignature:
    """Signs requests with a QSEAL certificate, and verifies answers where the bank signs them."""

    def headers(self, call: Signable, settings: BankSettings, now: datetime) -> dict[str, str]:  # noqa: ARG002 - port
        """The three headers, or none without a key. Raises ValueError for settings that cannot sign."""
        key, pem = settings.secrets.get("signing_key"), settings.options.get("signing_certificate")
        if key is None and pem is None:
            return {}
        if key is None or pem is None:
            raise ValueError("signing needs both signing_key and signing_certificate")
        certificate = _certificate(pem)
        sent = {name.lower(): value for name, value in call.headers.items()} | {"digest": digest(call.body)}
        names = _names(sent, settings.options.get("signature_covers", ""))
        algorithm = settings.options.get("signature_algorithm", "rsa-sha256")
        signature = sign(_private(key.reveal()), signing_string(names, sent, call), algorithm)
        parameters = {"keyId": key_id(certificate), "algorithm": algorithm, "headers": " ".join(names)}
        return {
            "Digest": sent["digest"],
            "Signature": _parameters({**parameters, "signature": signature}),
            "TPP-Signature-Certificate": base64.b64encode(certificate.public_bytes(Encoding.DER)).decode(),
        }

    def believes(self, reply: WireReply, settings: BankSettings, now: datetime) -> bool:  # noqa: ARG002 - the port's
        """Whether the bank signed the body's digest together with the id of the request that it answers.

        A bank without a known certificate is believed as it is.
        """
        pem = settings.options.get("bank_signing_certificate")
        if pem is None:
            return True
        try:
            certificate = _certificate(pem)
        except ValueError:
            return False
        nothing = Signable(method="", path="", headers={}, body=b"")
        return not reply.names_another("x-request-id") and verify(reply.headers, reply.body, certificate, nothing)


def digest(body: bytes) -> str:
    """The Digest header (RFC 3230) of a body; an empty one has a digest too."""
    return f"SHA-256={base64.b64encode(hashlib.sha256(body).digest()).decode()}"


def key_id(certificate: x509.Certificate) -> str:
    """The certificate's serial number in hexadecimal, and its issuer as RFC 4514 writes it, in ASCII."""
    return f"SN={certificate.serial_number:x},CA={_in_ascii(certificate.issuer.rfc4514_string())}"


def signing_string(names: tuple[str, ...], sent: Mapping[str, str], call: Signable) -> bytes:
    """The bytes under the signature (draft-cavage-10 §2.3). Raises ValueError for a header that is not sent."""
    missing = [name for name in names if name != REQUEST_TARGET and name not in sent]
    if missing:
        raise ValueError(f"cannot sign what is not sent: {', '.join(missing)}")
    target = f"{call.method.lower()} {call.path}"
    lines = [f"{name}: {target if name == REQUEST_TARGET else sent[name].strip()}" for name in names]
    return "\n".join(lines).encode()


def verify(headers: Mapping[str, str], body: bytes, certificate: x509.Certificate, call: Signable) -> bool:
    """Whether the body has the Digest, and Digest and X-Request-ID are signed by the certificate's key.

    Header names are in lower case. `call` is needed only where the request's target is signed.
    """
    given = dict(_PARAMETER.findall(headers.get("signature", "")))
    names = tuple(given.get("headers", "").split())
    key = certificate.public_key()
    if not _has_digest(headers.get("digest", ""), body) or not set(ALWAYS) <= set(names):
        return False
    if given.get("algorithm") not in ALGORITHMS or not isinstance(key, RSAPublicKey):
        return False
    try:
        signature = base64.b64decode(given.get("signature", ""), validate=True)
        key.verify(signature, signing_string(names, headers, call), PKCS1v15(), ALGORITHMS[given["algorithm"]])
    except (ValueError, InvalidSignature):
        return False
    return True


def parameters_of(header: str) -> dict[str, str]:
    """The parameters of a Signature header."""
    return dict(_PARAMETER.findall(header))


def _names(sent: Mapping[str, str], covers: str) -> tuple[str, ...]:
    return (*covers.split(), *ALWAYS, *(name for name in IF_SENT if name in sent))


def sign(key: RSAPrivateKey, text: bytes, algorithm: str) -> str:
    """The signature in base64. Raises ValueError for an algorithm that the standard has not."""
    if algorithm not in ALGORITHMS:
        raise ValueError(f"signature algorithms are: {', '.join(ALGORITHMS)}")
    return base64.b64encode(key.sign(text, PKCS1v15(), ALGORITHMS[algorithm])).decode()


@lru_cache(maxsize=32)
def _certificate(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


@lru_cache(maxsize=32)
def _private(pem: str) -> RSAPrivateKey:
    """Kept, because checking a key takes longer than signing with it."""
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("a signing_key is an RSA key")  # noqa: TRY004 - a setting, not a type of ours
    return key


def _has_digest(header: str, body: bytes) -> bool:
    name, equals, value = header.partition("=")
    if not equals or name.upper() not in _DIGESTS:
        return False
    wanted = base64.b64encode(_DIGESTS[name.upper()](body).digest()).decode()
    return hmac.compare_digest(wanted, value.strip())


def _parameters(values: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{value}"' for name, value in values.items())


def _in_ascii(name: str) -> str:
    """What cannot stand inside a header's quotes, written as hexadecimal pairs (RFC 4514 §2.4)."""
    escaped = name.replace('\\"', '"')
    return "".join(each if each != '"' and each.isascii() else _pairs(each) for each in escaped)


def _pairs(character: str) -> str:
    return "".join(f"\\{byte:02X}" for byte in character.encode())
