"""RSA keys of signing profiles. Reading a key costs far more than signing with it, so each is read once."""

from collections.abc import Mapping
from functools import lru_cache

import orjson
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from kernel.masked import Secret

_KEYS_MAX = 256


@lru_cache(maxsize=_KEYS_MAX)
def private_key(pem: Secret) -> RSAKey:
    """A private key in PEM. Raises ValueError for anything else."""
    try:
        key = RSAKey.import_key(pem.reveal())
    except (ValueError, TypeError, JoseError):
        raise ValueError("the signing key is no RSA key in PEM") from None
    if not key.is_private:
        raise ValueError("the signing key is a public key")
    return key


@lru_cache(maxsize=_KEYS_MAX)
def public_keys(jwks: str) -> Mapping[str, RSAKey]:
    """The RSA keys of a JSON Web Key Set (RFC 7517 §5) by their `kid`; keys of other kinds are left out.

    Raises ValueError for what is no key set.
    """
    try:
        entries = orjson.loads(jwks)["keys"]
        wanted = [each for each in entries if each.get("kty") == "RSA" and "kid" in each]
        return {str(each["kid"]): RSAKey.import_key(each) for each in wanted}
    except (ValueError, TypeError, LookupError, AttributeError, JoseError):
        raise ValueError("the bank's keys are no JSON Web Key Set") from None
