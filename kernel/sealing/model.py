"""The words of sealing: its errors, a data key in use, and what a provider of key-encryption keys must do.

SealError                    a sealed value cannot be opened
├── SealBroken               altered, moved, or not sealed here
├── KeyDestroyed             erased for good, with its data key or by itself
└── KeyEncryptionKeyMissing  a matter of configuration; nothing is lost
"""

from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kernel.errors import ThreadneedleError

# A partner and one of its merchants; the nil UUID stands for the partner itself, twice nil for the installation.
Owner = tuple[UUID, UUID]


class SealError(ThreadneedleError):
    """A sealed value cannot be opened."""


class SealBroken(SealError):
    """A sealed value was altered, moved, or not sealed here."""


class KeyDestroyed(SealError):
    """The data key of a sealed value was destroyed, or the value itself overwritten; what it held is erased."""


class KeyEncryptionKeyMissing(SealError):
    """A data key is wrapped by a key-encryption key that is not configured."""


class KeyProvider(Protocol):
    """Wraps data keys with key-encryption keys that never reach the database."""

    @property
    def current_id(self) -> str:
        """The id of the key that wraps from now on."""
        ...

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Wrap a data key with the current key; the context is authenticated."""
        ...

    def unwrap(self, kek_id: str, wrapped: bytes, context: bytes) -> bytes:
        """The data key. Raises KeyEncryptionKeyMissing, or SealBroken where key, bytes and context do not agree."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKey:
    """A data key as this process may use it for a while; its bytes are never shown."""

    partner_id: UUID
    merchant_id: UUID
    id: UUID
    secret: bytes = field(repr=False)
    header: bytes = field(repr=False)
    cipher: AESGCM = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultPolicy:
    """How long a data key may be used without asking the database again, and how many are kept."""

    key_seconds_max: float = 30.0
    keys_max: int = 10_000
