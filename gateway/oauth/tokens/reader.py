"""An access token, verified as RFC 9068 §4 says: our key, our type, issuer, audience and times."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError

from gateway.oauth.scopes import Caller, expand
from gateway.oauth.signing.keys import ALGORITHM
from gateway.oauth.signing.ring import KeyRing
from gateway.oauth.tokens.binding import Confirmation
from gateway.oauth.tokens.policy import TokenPolicy
from kernel.clock import Clock
from kernel.errors import NotFound
from kernel.ids import Environment, Kind, Tenant, from_text

TOKEN_LENGTH_MAX = 4096


class TokenRefused(Exception):
    """Not a token of ours that is good now. Whatever is wrong with it, nobody learns more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A token whose signature, type, issuer and times are right; `expires_at` is in seconds since 1970."""

    caller: Caller
    key_id: str
    jti: str
    expires_at: float
    confirmation: Confirmation
    generation: int
    claims: Mapping[str, Any]


class TokenReader:
    """From the text of a token to what it says."""

    def __init__(self, keys: KeyRing, policy: TokenPolicy, clock: Clock) -> None:
        self._keys = keys
        self._policy = policy
        self._clock = clock

    async def read(self, token: bytes, *, for_us: bool = True) -> AccessToken:
        """The token. Raises TokenRefused. Unless it is `for_us`, its audience may be any that we issue tokens for."""
        try:
            header = jws.extract_compact(token).headers()
            if not self._keys.knows(header.get("kid")):
                await self._keys.look_again()
            decoded = jwt.decode(token, self._keys.verifying, algorithms=[ALGORITHM])
            return self._checked(decoded.header, decoded.claims, for_us=for_us)
        except (JoseError, NotFound, ValueError, KeyError, TypeError, AttributeError):
            raise TokenRefused from None

    def _checked(self, header: Mapping[str, Any], claims: dict[str, Any], *, for_us: bool) -> AccessToken:
        if header.get("typ") != "at+jwt":
            raise ValueError("another kind of token")
        jwt.JWTClaimsRegistry(
            now=int(self._clock.now().timestamp()),
            leeway=0,
            iss={"essential": True, "value": self._policy.issuer},
            aud={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            client_id={"essential": True},
            jti={"essential": True},
        ).validate(claims)
        known = {self._policy.audience} if for_us else {self._policy.audience, *self._policy.resources}
        if not known.intersection([claims["aud"]] if isinstance(claims["aud"], str) else claims["aud"]):
            raise ValueError("for somebody else")
        return AccessToken(
            caller=_caller(claims),
            key_id=header["kid"],
            jti=claims["jti"],
            expires_at=claims["exp"],
            confirmation=Confirmation.of(claims),
            generation=int(claims.get("token_generation", 0)),  # tokens had none before there was a second
            claims=claims,
        )


def _caller(claims: Mapping[str, Any]) -> Caller:
    environment = Environment(claims["environment"])
    return Caller(
        tenant=Tenant(from_text(Kind.PARTNER, claims["partner"]), environment),
        client_id=from_text(Kind.CLIENT, claims["client_id"], environment),
        scopes=expand(frozenset(claims["scope"].split())),
        tier=claims["tier"],
        owner=claims["client_id"],
    )
