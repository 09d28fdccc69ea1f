"""The bytes of a sealed value. No I/O.

    sealed = version (1) · data key's id (16) · salt (8) · nonce (12) · ciphertext · tag (16)

The cipher is AES-256-GCM under a subkey: HMAC-SHA-256 of the data key and the salt (NIST SP 800-108 §4.1). Each loading
of a data key draws a new salt. Nonces are random, so a key may seal 2^32 values at most (NIST SP 800-38D §8.3); thanks
to the salt that bound falls on a subkey, which one process uses for half a minute, and not on a merchant's whole life.

Header and context are authenticated with the value: one that is moved to another row or column does not open.
"""

import hmac
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kernel.randomness import RANDOM_BYTES, random_bytes
from kernel.sealing.model import KeyDestroyed, SealBroken

# Stands in the place of a sealed value that was erased by itself: it opens as one whose data key was destroyed. No
# sealed value begins so, and none that is cut becomes it.
ERASED = b"\x00"
VERSION = b"\x01"
SALT_BYTES = 8
_HEADER_BYTES = 1 + 16 + SALT_BYTES
_NONCE_BYTES = RANDOM_BYTES
_TAG_BYTES = 16
_BODY_START = _HEADER_BYTES + _NONCE_BYTES
OVERHEAD_BYTES = _BODY_START + _TAG_BYTES


def header_of(key_id: UUID, salt: bytes) -> bytes:
    """What stands before the nonce."""
    return VERSION + key_id.bytes + salt


def header_in(sealed: bytes) -> bytes:
    """What stands before the nonce. Raises KeyDestroyed for ERASED, SealBroken for what was not sealed here."""
    if sealed == ERASED:
        raise KeyDestroyed
    if len(sealed) < OVERHEAD_BYTES or not sealed.startswith(VERSION):
        raise SealBroken
    return bytes(sealed[:_HEADER_BYTES])


def key_id_of(header: bytes) -> UUID:
    """The data key that a header names."""
    return UUID(bytes=header[1:17])


def subkey(secret: bytes, salt: bytes) -> AESGCM:
    """NIST SP 800-108 §4.1, counter mode, one block: counter, label, zero, context, length in bits."""
    return AESGCM(hmac.digest(secret, b"\x00\x00\x00\x01threadneedle seal\x00" + salt + b"\x00\x00\x01\x00", "sha256"))


def subkey_of_header(secret: bytes, header: bytes) -> AESGCM:
    """The subkey that a sealed value names."""
    return subkey(secret, header[-SALT_BYTES:])


def seal(cipher: AESGCM, header: bytes, plaintext: bytes, context: bytes) -> bytes:
    """The sealed value."""
    nonce = random_bytes()
    return header + nonce + cipher.encrypt(nonce, plaintext, header + context)


def open_sealed(cipher: AESGCM, sealed: bytes, context: bytes) -> bytes:
    """What was sealed. Raises SealBroken where value, key and context do not agree."""
    nonce, body = sealed[_HEADER_BYTES:_BODY_START], sealed[_BODY_START:]
    try:
        return cipher.decrypt(nonce, body, sealed[:_HEADER_BYTES] + context)
    except InvalidTag:
        raise SealBroken from None
