"""Standard Webhooks 1.0.0, symmetric scheme `v1`: HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{body}`."""

import binascii
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Sequence

from kernel.masked import Secret

PREFIX = "whsec_"
KEY_BYTES_MIN = 24
KEY_BYTES_MAX = 64
_KEY_BYTES_NEW = 32


def new_secret() -> Secret:
    """A secret of 32 random bytes in the specification's form: `whsec_` and base64."""
    return Secret(PREFIX + b64encode(secrets.token_bytes(_KEY_BYTES_NEW)).decode())


def key_of(secret: Secret) -> bytes:
    """The key in a `whsec_…` secret. Raises ValueError for another form, or less than 24 or more than 64 bytes."""
    text = secret.reveal()
    if not text.startswith(PREFIX):
        raise ValueError("a secret begins with whsec_")
    try:
        key = b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a secret is base64 after whsec_") from None
    if not KEY_BYTES_MIN <= len(key) <= KEY_BYTES_MAX:
        raise ValueError("a secret has 24 to 64 bytes")
    return key


def sign_v1(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature, `v1,` and base64. `timestamp` is that of this attempt in whole unix seconds."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.digest(key, signed, "sha256")).decode()


def signature_header(live: Sequence[Secret], message_id: str, timestamp: int, body: bytes) -> str:
    """The value of webhook-signature: one signature per live secret, exactly one space between them.

    A double or trailing space makes the official Python library fail. Raises ValueError without a secret: nothing is
    ever sent unsigned.
    """
    if not live:
        raise ValueError("an endpoint has at least one live secret")
    return " ".join(sign_v1(key_of(secret), message_id, timestamp, body) for secret in live)
