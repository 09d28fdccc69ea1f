"""A client's assertion: a JWT that it signs with its private key (RFC 7523 §3, OpenID Connect Core §9, FAPI 2.0).

The signature is verified before any claim is read for more than whose it says it is, so what an error tells about
claims it tells the client alone.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from joserfc import jws
from joserfc.errors import JoseError

from gateway.oauth.authentication.request import ClientRefused
from gateway.oauth.clients.keys import Jwk, candidates
from gateway.oauth.clients.methods import ASSERTION_ALGORITHMS

# How far a client's clock may lead ours. FAPI 2.0 (§5.3.2.1): ten seconds are accepted, more than sixty never.
LEAD_SECONDS_MAX = 60
# An assertion is made for one request; one that is good for longer than this would have to be remembered for as long.
LIFETIME_SECONDS_MAX = 3600
_JTI_LENGTH_MAX = 255
# What reading somebody else's JWT may raise; the library takes members of its header for what they should be.
_UNREADABLE = (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError)
# RFC 7519 §5.1 and its successor for clients; any other kind of JWT of this client's key is no proof to us.
_TYPES = frozenset({"jwt", "client-authentication+jwt"})


class _Registry(jws.JWSRegistry):
    """Ed25519 under its older name too, which joserfc would warn of; header members that we do not know are ignored."""

    def get_alg(self, name: str) -> Any:
        return super().get_alg("Ed25519" if name == "EdDSA" else name)


_REGISTRY = _Registry(algorithms=ASSERTION_ALGORITHMS, strict_check_header=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What must not be used again: the assertion's `jti`, and until when it would be good."""

    jti: str
    expires_at: float


def header_of(assertion: str) -> Mapping[str, Any]:
    """The header, not verified. Raises ClientRefused."""
    return _parts(assertion)[0]


def issuer_of(assertion: str) -> str:
    """Who the client says it is, not verified. Raises ClientRefused."""
    issuer = _parts(assertion)[1].get("iss")
    if not isinstance(issuer, str):
        raise ClientRefused("The assertion's iss must be the client id.")
    return issuer


def verify(assertion: str, jwks: Sequence[Jwk]) -> Mapping[str, Any]:
    """The claims, signed by one of the keys under a header that we take. Raises ClientRefused."""
    header = _parts(assertion)[0]
    if header.get("alg") not in ASSERTION_ALGORITHMS:
        raise ClientRefused(f"The assertion's alg must be one of {', '.join(ASSERTION_ALGORITHMS)}.")
    if str(header.get("typ", "JWT")).lower() not in _TYPES:
        raise ClientRefused("The assertion's typ must be JWT.")
    for key in candidates(jwks, header):
        try:
            verified = jws.deserialize_compact(assertion, key, registry=_REGISTRY)
        except _UNREADABLE:
            continue
        return _object(verified.payload)
    raise ClientRefused("The assertion is not signed by a registered key of this client.")


def check(claims: Mapping[str, Any], client_id: str, audiences: Collection[str], now: float) -> Used:
    """What is used up by this assertion. Raises ClientRefused for claims that do not fit this client, us, and now."""
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise ClientRefused("The assertion's iss and sub must both be the client id.")
    if _audience(claims.get("aud")) not in audiences:
        raise ClientRefused("The assertion's aud must be the issuer, or the token endpoint, and nothing else.")
    expires_at = _time(claims, "exp")
    if expires_at is None or expires_at <= now:
        raise ClientRefused("The assertion has expired, or has no exp.")
    if expires_at > now + LIFETIME_SECONDS_MAX:
        raise ClientRefused(f"The assertion's exp must lie within {LIFETIME_SECONDS_MAX} seconds.")
    if any((_time(claims, name) or 0) > now + LEAD_SECONDS_MAX for name in ("nbf", "iat")):
        raise ClientRefused("The assertion's nbf or iat lies in the future: check the clock.")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _JTI_LENGTH_MAX:
        raise ClientRefused(f"The assertion needs a jti of 1 to {_JTI_LENGTH_MAX} characters, a new one each time.")
    return Used(jti=jti, expires_at=expires_at)


def _audience(value: object) -> object:
    """One audience alone: an assertion that another server accepts as well is one that it could use here."""
    alone = value[0] if isinstance(value, list) and len(value) == 1 else value
    return alone if isinstance(alone, str) else None


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ClientRefused(f"The assertion's {name} must be a number of seconds.")
    return float(value)


def _parts(assertion: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    try:
        found = jws.extract_compact(assertion.encode(), registry=_REGISTRY)
        return found.headers(), _object(found.payload)
    except _UNREADABLE:
        raise ClientRefused("The client_assertion is no signed JWT.") from None


def _object(payload: bytes) -> Mapping[str, Any]:
    """Raises ValueError for what is no JSON object."""
    value = orjson.loads(payload)
    if not isinstance(value, dict):
        raise ValueError("no object")  # noqa: TRY004 - it is the value that is wrong
    return value
