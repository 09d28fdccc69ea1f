"""DPoP proofs (RFC 9449 §4.2): a JWT with which the sender of a request shows that it holds a key. No I/O, no state."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from gateway.oauth import rsa
from gateway.oauth.dpop.target import Target

# EdDSA is what most libraries call it, Ed25519 what RFC 9864 does.
ALGORITHMS = ("ES256", "PS256", "EdDSA", "Ed25519")
# FAPI 2.0 §5.3.2.1: a clock may be ahead by ten seconds, and by no more than sixty.
LEAD_SECONDS_MAX = 60
_LENGTH_MAX = 4096
_JTI_LENGTH_MAX = 256
_TIME_MAX = 2**53
# What reading JSON, base64 and keys of others may raise; RecursionError for what nests too deep.
_UNREADABLE = (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError)
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class _Registry(jws.JWSRegistry):
    """Headers that carry an RSA key are longer than the library expects, and EdDSA is no reason for a warning here."""

    max_header_length = _LENGTH_MAX

    def get_alg(self, name: str) -> Any:
        """One of ALGORITHMS. Raises KeyError for any other."""
        if name not in ALGORITHMS:
            raise KeyError(name)
        return self.algorithms[name]


# RFC 7515 §4: a header that is not understood is ignored, unless `crit` names it.
_REGISTRY = _Registry(strict_check_header=False)
Key: TypeAlias = ECKey | OKPKey | RSAKey
RefusalCode: TypeAlias = Literal["invalid_dpop_proof", "use_dpop_nonce"]


class ProofRefused(Exception):
    """A proof is not accepted. Its words name the claim or header and repeat nothing of it."""

    def __init__(self, words: str, code: RefusalCode = "invalid_dpop_proof") -> None:
        super().__init__(words)
        self.words = words
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A proof whose signature was verified with the key that it carries.

    `thumbprint` is that key's (RFC 7638, the `jkt` of a bound token), `token_digest` is `ath`.
    """

    thumbprint: str
    jti: str
    issued_at: int
    nonce: str | None
    token_digest: str | None

    @property
    def digest(self) -> bytes:
        """What is remembered of a proof that was used (RFC 9449 §11.1: a hash, so that a long `jti` costs nothing)."""
        return hashlib.sha256(f"{self.thumbprint}.{self.jti}".encode("utf-8", "surrogatepass")).digest()

    def check_time(self, now: float, age_seconds_max: float) -> None:
        """Raises ProofRefused unless it was made lately."""
        if not now - age_seconds_max <= self.issued_at <= now + LEAD_SECONDS_MAX:
            raise ProofRefused("The proof's iat is too far from our time.")

    def check_token(self, token: bytes) -> None:
        """Raises ProofRefused unless the proof was made for this access token."""
        if self.token_digest != token_digest(token):
            raise ProofRefused("The proof's ath is not the digest of the access token.")


def token_digest(token: bytes) -> str:
    """`ath` (RFC 9449 §4.2)."""
    return urlsafe_b64encode(hashlib.sha256(token).digest()).rstrip(b"=").decode()


def read_proof(text: str, target: Target) -> Proof:
    """The proof of one request, verified. Raises ProofRefused: RFC 9449 §4.3, checks 2 to 9."""
    if not text.isascii() or len(text) > _LENGTH_MAX:
        raise ProofRefused(f"The proof is not a JWT of at most {_LENGTH_MAX} characters.")
    key = _key_of(text)
    try:
        claims = jwt.decode(text, key, registry=_REGISTRY).claims
    except _UNREADABLE:
        raise ProofRefused("The proof's signature does not verify with its jwk.") from None
    # RFC 7638 §3.1: of the key's required members only, whatever else the proof's jwk holds.
    return _checked(claims, key.thumbprint(), target)


def _key_of(text: str) -> Key:
    try:
        header = jws.extract_compact(text.encode(), registry=_REGISTRY).headers()
    except _UNREADABLE:
        raise ProofRefused("The proof is not a signed JWT.") from None
    if header.get("typ") != "dpop+jwt":
        raise ProofRefused("The proof's typ must be dpop+jwt.")
    algorithm, carried = header.get("alg"), header.get("jwk")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise ProofRefused(f"The proof's alg must be one of: {', '.join(ALGORITHMS)}.")
    if not isinstance(carried, dict) or _PRIVATE_MEMBERS & carried.keys():
        raise ProofRefused("The proof's jwk must be a public key without any private part.")
    try:
        return _IMPORTERS[algorithm](carried)
    except _UNREADABLE:
        raise ProofRefused("The proof's jwk is not a public key of its alg.") from None


def _ec_key(carried: dict[str, Any]) -> ECKey:
    if carried.get("crv") != "P-256":
        raise ValueError("another curve")
    return ECKey.import_key(carried)


def _okp_key(carried: dict[str, Any]) -> OKPKey:
    if carried.get("crv") != "Ed25519":
        raise ValueError("another curve")
    return OKPKey.import_key(carried)


def _rsa_key(carried: dict[str, Any]) -> RSAKey:
    if not rsa.is_within_bounds(carried):
        raise ValueError("too short, or too long to verify cheaply")
    return RSAKey.import_key(carried)


_IMPORTERS: Mapping[str, Callable[[dict[str, Any]], Key]] = {
    "ES256": _ec_key,
    "PS256": _rsa_key,
    "EdDSA": _okp_key,
    "Ed25519": _okp_key,
}


def _checked(claims: Mapping[str, Any], thumbprint: str, target: Target) -> Proof:
    jti, issued_at, nonce, ath = (claims.get(name) for name in ("jti", "iat", "nonce", "ath"))
    if not isinstance(jti, str) or not 0 < len(jti) <= _JTI_LENGTH_MAX:
        raise ProofRefused(f"The proof's jti must be a text of 1 to {_JTI_LENGTH_MAX} characters.")
    if not isinstance(issued_at, int | float) or isinstance(issued_at, bool) or not 0 <= issued_at <= _TIME_MAX:
        raise ProofRefused("The proof's iat must be a time in seconds.")
    if not target.is_named_by(str(claims.get("htm")), str(claims.get("htu"))):
        raise ProofRefused("The proof's htm and htu must name this request's method and URI.")
    if not all(value is None or isinstance(value, str) for value in (nonce, ath)):
        raise ProofRefused("The proof's nonce and ath must be texts.")
    return Proof(thumbprint=thumbprint, jti=jti, issued_at=int(issued_at), nonce=nonce, token_digest=ath)
