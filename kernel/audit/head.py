"""A signed head: how far the chain went on a day, and with which hash. No I/O.

The document is a JWS (kernel/signed.py). `previous` is the SHA-256 of the last head of an earlier day, so heads form a
chain of their own, and one that is taken out is missed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from kernel import signed
from kernel.audit.links import Mark

TYPE = "audit-head"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What is signed. `day` (UTC) and `signed_at` are texts as RFC 3339 has them; `previous` is None for the first."""

    day: str
    mark: Mark
    signed_at: str
    previous: str | None

    def to_bytes(self) -> bytes:
        """The payload."""
        return orjson.dumps(
            {
                "day": self.day,
                "position": self.mark.position,
                "hash": self.mark.hash.hex(),
                "signed_at": self.signed_at,
                "previous": self.previous,
            }
        )

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        """The opposite of `to_bytes`."""
        fields = orjson.loads(payload)
        mark = Mark(fields["position"], bytes.fromhex(fields["hash"]))
        return cls(day=fields["day"], mark=mark, signed_at=fields["signed_at"], previous=fields["previous"])


def sign(head: Head, key_id: str, key: Ed25519PrivateKey) -> str:
    """The document."""
    return signed.sign(head.to_bytes(), TYPE, key_id, key)


def verified(document: str, keys: Mapping[str, Ed25519PublicKey]) -> Head:
    """The head that one of our keys signed. Raises ValueError."""
    return Head.from_bytes(signed.verify(document, TYPE, keys))


def digest_of(document: str) -> str:
    """What the next head says of this one."""
    return hashlib.sha256(document.encode()).hexdigest()
