"""Small signed documents: a compact JWS (RFC 7515 §7.1) with EdDSA over Ed25519 (RFC 8037 §3.1)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedDocument:
    """The parts of a document; nothing of it is believed before `verify`."""

    kind: str
    key_id: str
    payload: bytes


def sign(payload: bytes, kind: str, key_id: str, key: Ed25519PrivateKey) -> str:
    """The document: header, payload and signature in base64url with dots between. `kind` is its `typ`."""
    header = orjson.dumps({"alg": "EdDSA", "typ": kind, "kid": key_id})
    signed = f"{encode(header)}.{encode(payload)}"
    return f"{signed}.{encode(key.sign(signed.encode()))}"


def read(document: str) -> SignedDocument:
    """What a document says, its signature not checked. Raises ValueError for what is none."""
    header, payload, _ = document.split(".")
    fields: dict[str, Any] = orjson.loads(decode(header))
    return SignedDocument(kind=str(fields["typ"]), key_id=str(fields["kid"]), payload=decode(payload))


def verify(document: str, kind: str, keys: Mapping[str, Ed25519PublicKey]) -> bytes:
    """The payload of a document of this kind that one of the keys signed. Raises ValueError for any other."""
    try:
        said = read(document)
        signed, _, signature = document.rpartition(".")
        if said.kind != kind or said.key_id not in keys:
            raise ValueError("another kind of document, or another key")
        keys[said.key_id].verify(decode(signature), signed.encode())
    except (InvalidSignature, KeyError, TypeError) as error:
        raise ValueError("the signature does not verify") from error
    return said.payload


def encode(data: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The opposite of `encode`. Raises ValueError."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
