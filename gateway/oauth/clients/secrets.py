"""Client secrets: 256 random bits, of which only a digest is kept."""

import hashlib
import secrets
from base64 import urlsafe_b64encode

from kernel.masked import Secret

_PREFIX = "tns_"
_BYTES = 32


def new_secret() -> Secret:
    """A client secret: 256 random bits, so that a plain digest of it is safe to keep."""
    random = urlsafe_b64encode(secrets.token_bytes(_BYTES)).rstrip(b"=")
    return Secret(_PREFIX + random.decode())


def digest(secret: Secret) -> bytes:
    """What is stored of a secret."""
    return hashlib.sha256(secret.reveal().encode()).digest()
