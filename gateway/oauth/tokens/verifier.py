"""Access tokens on their way in: verified once, then remembered for half a minute at most (RFC 6750, RFC 9068 §4)."""

import hashlib
from collections import OrderedDict
from dataclasses import replace
from typing import Any, Protocol
from uuid import UUID

from joserfc import jws, jwt
from joserfc.errors import JoseError

from gateway.oauth.scopes import Caller, expand
from gateway.oauth.standing import ClientLimits
from gateway.oauth.tokens.keys import ALGORITHM, KeyRing
from gateway.oauth.tokens.server import TokenPolicy
from gateway.problems.errors import Unauthenticated
from kernel.clock import Clock
from kernel.errors import NotFound
from kernel.ids import Environment, Kind, Tenant, from_text

_TOKEN_LENGTH_MAX = 4096
_REMEMBER_SECONDS = 30.0
_REMEMBERED_MAX = 10_000


class Standings(Protocol):
    """What the verifier needs of gateway.oauth.standing.Standing."""

    def suspended(self, caller: Caller) -> bool:
        """Whether the caller is to be refused."""
        ...

    def limits_of(self, client_id: UUID) -> ClientLimits | None:
        """What the client is limited to."""
        ...


class Verifier:
    """From the Authorization header to a Caller."""

    def __init__(self, keys: KeyRing, policy: TokenPolicy, standing: Standings, clock: Clock) -> None:
        self._keys = keys
        self._policy = policy
        self._standing = standing
        self._clock = clock
        self._remembered: OrderedDict[bytes, tuple[Caller, float]] = OrderedDict()

    async def authenticate(self, authorization: str | None) -> Caller:
        """Raises Unauthenticated, with the challenge of RFC 6750 §3."""
        token = _bearer(authorization)
        key = hashlib.sha256(token).digest()
        known = self._remembered.get(key)
        if known is not None and known[1] > self._clock.monotonic():
            caller = known[0]
        else:
            caller = await self._verify(token, key)
        if self._standing.suspended(caller):
            raise _refusal("The client or its partner is suspended.", "client_suspended")
        limits = self._standing.limits_of(caller.client_id)
        return caller if limits is None else replace(caller, merchants=limits.merchants, networks=limits.networks)

    async def _verify(self, token: bytes, key: bytes) -> Caller:
        try:
            header = jws.extract_compact(token).headers()
            if not self._keys.knows(header.get("kid")):
                await self._keys.look_again()
            decoded = jwt.decode(token, self._keys.verifying, algorithms=[ALGORITHM])
            caller = self._caller(decoded.header, decoded.claims)
        except (JoseError, NotFound, ValueError, KeyError, TypeError, AttributeError):
            # Whatever is wrong with a token, its bearer learns one thing: it is not accepted.
            raise _refusal("The access token is not valid or has expired.", "invalid_token") from None
        self._remember(key, caller, decoded.claims["exp"])
        return caller

    def _caller(self, header: dict[str, Any], claims: dict[str, Any]) -> Caller:
        if header.get("typ") != "at+jwt":
            raise ValueError("another kind of token")
        jwt.JWTClaimsRegistry(
            now=int(self._clock.now().timestamp()),
            leeway=0,
            iss={"essential": True, "value": self._policy.issuer},
            aud={"essential": True, "value": self._policy.audience},
            exp={"essential": True},
            client_id={"essential": True},
            jti={"essential": True},
        ).validate(claims)
        environment = Environment(claims["environment"])
        return Caller(
            tenant=Tenant(from_text(Kind.PARTNER, claims["partner"]), environment),
            client_id=from_text(Kind.CLIENT, claims["client_id"], environment),
            scopes=expand(frozenset(claims["scope"].split())),
            tier=claims["tier"],
            owner=claims["client_id"],
        )

    def _remember(self, key: bytes, caller: Caller, expires_at: float) -> None:
        left = expires_at - self._clock.now().timestamp()
        self._remembered[key] = (caller, self._clock.monotonic() + min(left, _REMEMBER_SECONDS))
        self._remembered.move_to_end(key)
        if len(self._remembered) > _REMEMBERED_MAX:
            self._remembered.popitem(last=False)


def _bearer(authorization: str | None) -> bytes:
    if not authorization:
        raise Unauthenticated("Send an access token: Authorization: Bearer …", challenge='Bearer realm="threadneedle"')
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.isascii() or not 0 < len(token) <= _TOKEN_LENGTH_MAX:
        raise _refusal("The Authorization header carries no bearer token.", "invalid_token")
    return token.encode()


def _refusal(detail: str, code: str) -> Unauthenticated:
    return Unauthenticated(detail, code=code, challenge='Bearer realm="threadneedle", error="invalid_token"')
