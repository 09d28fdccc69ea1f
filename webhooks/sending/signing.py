"""Standard Webhooks 1.0.0: HMAC-SHA256 (`v1`) and Ed25519 (`v1a`) over `{webhook-id}.{webhook-timestamp}.{body}`.

A `v1` secret is `whsec_` and base64 of 24 to 64 bytes. A `v1a` secret is `whsk_` and base64 of the 32-byte seed and the
32-byte public key (RFC 8032 §5.1.5), its public half `whpk_` and base64 of the public key.
"""

import binascii
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kernel.masked import Secret
from webhooks.sending.model import SigningKey
from webhooks.states import SignatureScheme

PREFIX = "whsec_"
ED25519_PREFIX = "whsk_"
PUBLIC_PREFIX = "whpk_"
KEY_BYTES_MIN = 24
KEY_BYTES_MAX = 64
_KEY_BYTES_NEW = 32
_SEED_BYTES = 32
_SCHEMES = tuple(SignatureScheme)


def new_secret() -> Secret:
    """A v1 secret of 32 random bytes."""
    return Secret(_text(PREFIX, secrets.token_bytes(_KEY_BYTES_NEW)))


def new_ed25519_secret() -> Secret:
    """A v1a secret: a new key pair."""
    private = Ed25519PrivateKey.generate()
    return Secret(_text(ED25519_PREFIX, private.private_bytes_raw() + private.public_key().public_bytes_raw()))


def key_of(secret: Secret) -> bytes:
    """The key in a `whsec_…` secret. Raises ValueError for another form, or less than 24 or more than 64 bytes."""
    key = _decoded(secret, PREFIX)
    if not KEY_BYTES_MIN <= len(key) <= KEY_BYTES_MAX:
        raise ValueError("a secret has 24 to 64 bytes")
    return key


def ed25519_key_of(secret: Secret) -> Ed25519PrivateKey:
    """The private key in a `whsk_…` secret. Raises ValueError for another form, or halves that do not belong together.

    A public half of another seed would make signatures from which the seed can be computed by some implementations, and
    that nobody can verify by any.
    """
    pair = _decoded(secret, ED25519_PREFIX)
    if len(pair) != 2 * _SEED_BYTES:
        raise ValueError("a secret has a seed and a public key of 32 bytes each")
    private = Ed25519PrivateKey.from_private_bytes(pair[:_SEED_BYTES])
    if private.public_key().public_bytes_raw() != pair[_SEED_BYTES:]:
        raise ValueError("a secret has a public key that belongs to its seed")
    return private


def public_key_of(secret: Secret) -> bytes:
    """The 32 public bytes of a `whsk_…` secret. Raises what `ed25519_key_of` raises."""
    return ed25519_key_of(secret).public_key().public_bytes_raw()


def public_text(public_key: bytes) -> str:
    """A public key as receivers write it: `whpk_` and base64."""
    return _text(PUBLIC_PREFIX, public_key)


class Signer:
    """Live keys, decoded once and ready to sign any number of messages."""

    __slots__ = ("_signatures",)

    def __init__(self, signatures: Sequence[Callable[[bytes], str]]) -> None:
        """Each of `signatures` makes one `{scheme},{base64}` of the signed content."""
        self._signatures = signatures

    @classmethod
    def of(cls, keys: Sequence[SigningKey]) -> Self:
        """Sign with these keys, v1 first, otherwise in their order.

        Raises ValueError for a key of another form, and without a key: nothing is ever sent unsigned.
        """
        if not keys:
            raise ValueError("an endpoint has at least one live secret")
        ordered = sorted(keys, key=lambda key: _SCHEMES.index(key.scheme))
        return cls([_signature_of(key) for key in ordered])

    def header(self, message_id: str, timestamp: int, body: bytes) -> str:
        """The value of webhook-signature; `timestamp` is that of this attempt in whole unix seconds.

        There is exactly one space between signatures and none around them: the official Python library fails on others.
        """
        signed = f"{message_id}.{timestamp}.".encode() + body
        return " ".join([signature(signed) for signature in self._signatures])


class Signers:
    """Signers by their keys: those used last are kept, so that a key is not decoded for every message."""

    def __init__(self, kept_max: int = 4_096) -> None:
        self._of = lru_cache(maxsize=kept_max)(Signer.of)
        self._kept_max = kept_max
        # By the identity of the keys, which are kept beside their signer: looking at each key costs a third of signing.
        self._last: dict[int, tuple[tuple[SigningKey, ...], Signer]] = {}

    def of(self, keys: tuple[SigningKey, ...]) -> Signer:
        """What `Signer.of` returns or raises."""
        last = self._last.get(id(keys))
        if last is not None:
            return last[1]
        if len(self._last) >= self._kept_max:
            self._last.clear()
        signer = self._of(keys)
        self._last[id(keys)] = (keys, signer)
        return signer


def signature_header(keys: Sequence[SigningKey], message_id: str, timestamp: int, body: bytes) -> str:
    """The value of webhook-signature for one message. Raises what `Signer.of` raises."""
    return Signer.of(keys).header(message_id, timestamp, body)


def _signature_of(key: SigningKey) -> Callable[[bytes], str]:
    prefix = f"{key.scheme.value},"
    if key.scheme is SignatureScheme.V1A:
        sign = ed25519_key_of(key.secret).sign
        return lambda signed: _text(prefix, sign(signed))
    shared = key_of(key.secret)
    return lambda signed: _text(prefix, hmac.digest(shared, signed, "sha256"))


def _text(prefix: str, value: bytes) -> str:
    return prefix + b64encode(value).decode()


def _decoded(secret: Secret, prefix: str) -> bytes:
    """The bytes after the prefix; the errors never repeat what was given."""
    text = secret.reveal()
    if not text.startswith(prefix):
        raise ValueError(f"a secret begins with {prefix}")
    try:
        return b64decode(text.removeprefix(prefix), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"a secret is base64 after {prefix}") from None
