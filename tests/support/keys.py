"""A provider of key-encryption keys for tests: one fixed key, and others by name where a test rotates."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kernel.sealing import KeyEncryptionKeyMissing, SealBroken

_NONCE_BYTES = 12


class StaticKeys:
    """Wraps with AES-256-GCM under keys that stand in the test."""

    def __init__(self, current_id: str = "test-1", **others: bytes) -> None:
        self.current_id = current_id
        self._keys = {current_id: bytes(range(32)), **others}

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Wrap with the current key."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self._keys[self.current_id]).encrypt(nonce, key, context)

    def unwrap(self, kek_id: str, wrapped: bytes, context: bytes) -> bytes:
        """The data key. Raises as kernel.sealing.KeyProvider says."""
        if kek_id not in self._keys:
            raise KeyEncryptionKeyMissing
        try:
            return AESGCM(self._keys[kek_id]).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            raise SealBroken from None
