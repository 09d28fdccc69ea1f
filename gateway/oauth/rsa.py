"""Which RSA keys of others we verify with: strong enough, and cheap, for whoever sends one decides what it costs us."""

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any

_BITS = range(2048, 4097)
# The usual 65537 has 17. With an exponent as long as its modulus a verification takes fifty times as long.
_EXPONENT_BITS = range(2, 65)
BOUNDS = f"An RSA key here has {_BITS[0]} to {_BITS[-1]} bits, and an exponent of {_EXPONENT_BITS[-1]} at most."


def is_within_bounds(jwk: Mapping[str, Any]) -> bool:
    """Whether a JWK keeps to BOUNDS. Raises ValueError, TypeError or KeyError for what is no key."""
    return _bits(jwk["n"]) in _BITS and _bits(jwk["e"]) in _EXPONENT_BITS


def _bits(number: str) -> int:
    return int.from_bytes(urlsafe_b64decode(f"{number}==")).bit_length()
