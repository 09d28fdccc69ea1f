"""Our own key at a bank, for tests: RSA, made once per process, for making one takes long."""

from functools import cache

from joserfc.jwk import RSAKey

from kernel.masked import Secret

KEY_ID = "example-key-1"


@cache
def signing_key() -> RSAKey:
    """The key."""
    return RSAKey.generate_key(2048)


@cache
def signing_pem() -> Secret:
    """The same as an admin would enter it."""
    return Secret(signing_key().as_pem(private=True).decode())
