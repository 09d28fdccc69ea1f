"""A manifest as merchants keep it: a compact JWS (RFC 7515) with EdDSA (RFC 8037) over a small JSON payload.

The digest is SHA-256 over one line per number, in order: the number, a space, the webhook-id, a newline. `previous` is
the SHA-256 of the manifest of the day before as it was given out, so the manifests of an endpoint form a chain.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Self

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kernel import signed

TYPE = "webhook-manifest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an endpoint was given in one day (UTC): the numbers from `first_sequence` to `last_sequence`.

    Without any, `count` is 0 and `last_sequence` is that of the day before, one less than `first_sequence`. Digests
    are lower-case hexadecimal; `previous` is None for the endpoint's first day.
    """

    endpoint_id: str
    day: date
    count: int
    first_sequence: int
    last_sequence: int
    digest: str
    previous: str | None
    made_at: datetime

    def to_bytes(self) -> bytes:
        """The payload."""
        made_at = self.made_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return orjson.dumps({**fields, "day": self.day.isoformat(), "made_at": made_at})

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        """The opposite of `to_bytes`."""
        fields = orjson.loads(payload)
        times = {"day": date.fromisoformat(fields["day"]), "made_at": datetime.fromisoformat(fields["made_at"])}
        return cls(**{**fields, **times})


class SequenceDigest:
    """The digest of numbers and webhook-ids, taken in order and one at a time."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.count = 0

    def add(self, sequence: int, webhook_id: str) -> None:
        """The next number."""
        self._hash.update(f"{sequence} {webhook_id}\n".encode())
        self.count += 1

    def digest(self) -> bytes:
        """32 bytes."""
        return self._hash.digest()


def sign(manifest: Manifest, key: Ed25519PrivateKey, key_id: str) -> str:
    """The document: header, payload and signature in base64url with dots between."""
    return signed.sign(manifest.to_bytes(), TYPE, key_id, key)


def digest_of(document: str) -> str:
    """What the next day's manifest says of this one."""
    return hashlib.sha256(document.encode()).hexdigest()


def read(document: str) -> tuple[str, Manifest]:
    """The id of the key that signed one of our own documents, and what it says. The signature is not checked."""
    said = signed.read(document)
    return said.key_id, Manifest.from_bytes(said.payload)
