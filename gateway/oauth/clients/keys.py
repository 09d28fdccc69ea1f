"""A client's public keys: which are fit for use, and which of them a signature may be by."""

from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from cryptography import x509
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from gateway.oauth import rsa
from gateway.oauth.clients.methods import ASSERTION_ALGORITHMS
from webhooks.endpoints.checks.certificates import UNREADABLE

KEYS_MAX = 10
_KID_LENGTH_MAX = 200
# What only a private or a symmetric key has (RFC 7518 §6).
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
# Which key each algorithm signs with; the curve is part of it (RFC 7518 §3.1, RFC 8037 §3.1).
_KEY_OF: Mapping[str, tuple[str, str | None]] = {
    "ES256": ("EC", "P-256"),
    "PS256": ("RSA", None),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
_CLASSES: Mapping[str, type[ECKey | RSAKey | OKPKey]] = {"EC": ECKey, "RSA": RSAKey, "OKP": OKPKey}

Jwk = Mapping[str, Any]
Key = ECKey | RSAKey | OKPKey


def key_problem(jwk: object) -> str | None:
    """What is wrong with a key as a client registers it; None for a public key that an assertion can be signed by."""
    if not isinstance(jwk, Mapping) or not all(isinstance(name, str) for name in jwk):
        return "Expected a JSON Web Key."
    if _PRIVATE & jwk.keys():
        return "This is a private or symmetric key. Never send one: register the public key, and make a new pair."
    if (jwk.get("kty"), jwk.get("crv")) not in _KEY_OF.values():
        return "Expected a public key for ES256 (EC, P-256), PS256 (RSA) or EdDSA (OKP, Ed25519)."
    return _usage_problem(jwk) or _size_problem(jwk) or _value_problem(jwk)


def certificate_problem(jwk: object) -> str | None:
    """What is wrong with a key of a client with a self-signed certificate (RFC 8705 §2.2.2)."""
    if not isinstance(jwk, Mapping) or certificate_of(jwk) is None:
        return "Expected a JSON Web Key with x5c: the certificate's DER in base64, as a list of one text."
    if _PRIVATE & jwk.keys():
        return "This is a private key. Never send one: register the certificate."
    return _kid_problem(jwk)


def certificate_of(jwk: Jwk) -> bytes | None:
    """The DER of the certificate that a key carries (RFC 7517 §4.7), if it is one."""
    chain = jwk.get("x5c")
    if not isinstance(chain, list) or not chain or not isinstance(chain[0], str):
        return None
    try:
        der = b64decode(chain[0], validate=True)
        x509.load_der_x509_certificate(der)
    except UNREADABLE:
        return None
    return der


def has_expired(jwk: Jwk, now: datetime) -> bool:
    """Whether the certificate that a key carries is over."""
    der = certificate_of(jwk)
    return der is not None and x509.load_der_x509_certificate(der).not_valid_after_utc < now


def usable(jwks: Iterable[object]) -> tuple[Jwk, ...]:
    """Of a set that was fetched, the keys that we can use; others in it are somebody else's matter (RFC 7517 §5)."""
    return tuple(jwk for jwk in jwks if isinstance(jwk, Mapping) and key_problem(jwk) is None)[:KEYS_MAX]


def candidates(jwks: Sequence[Jwk], header: Mapping[str, Any]) -> list[Key]:
    """The keys that may have signed under this header: of its algorithm, and of its `kid` where it has one."""
    algorithm, kid = header.get("alg"), header.get("kid")
    wanted = _KEY_OF.get(algorithm) if isinstance(algorithm, str) else None
    fitting = (
        jwk
        for jwk in jwks
        if (jwk.get("kty"), jwk.get("crv")) == wanted
        and kid in (None, jwk.get("kid"))
        and jwk.get("alg") in (None, algorithm, *_SAME.get(str(algorithm), ()))
    )
    return [key for jwk in fitting if (key := _imported(jwk)) is not None]


_SAME = {"EdDSA": ("Ed25519",), "Ed25519": ("EdDSA",)}


def _kid_problem(jwk: Jwk) -> str | None:
    kid = jwk.get("kid", "none")
    if isinstance(kid, str) and 0 < len(kid) <= _KID_LENGTH_MAX and kid.isprintable():
        return None
    return f"A kid is a text of 1 to {_KID_LENGTH_MAX} printable characters."


def _usage_problem(jwk: Jwk) -> str | None:
    if (problem := _kid_problem(jwk)) is not None:
        return problem
    if jwk.get("use") not in (None, "sig"):
        return "The key's use is not sig."
    if jwk.get("alg") not in (None, *ASSERTION_ALGORITHMS):
        return f"The key's alg is none of {', '.join(ASSERTION_ALGORITHMS)}."
    return None


def _size_problem(jwk: Jwk) -> str | None:
    try:
        return None if jwk.get("kty") != "RSA" or rsa.is_within_bounds(jwk) else rsa.BOUNDS
    except (ValueError, TypeError, KeyError):
        return None  # no number at all, which `_value_problem` says


def _value_problem(jwk: Jwk) -> str | None:
    return None if _imported(jwk) is not None else "The key's values are not valid."


def _imported(jwk: Jwk) -> Key | None:
    """The key, reduced to what makes it one, so that no further member of it matters."""
    needed = {name: jwk[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in jwk}
    try:
        if jwk["kty"] == "RSA" and not rsa.is_within_bounds(jwk):
            return None
        key = _CLASSES[jwk["kty"]].import_key(needed)
        key.public_key  # noqa: B018 - it is made when it is first asked for, and may not be possible
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return key
