"""Access tokens on their way out: JWTs of RFC 9068, with what Authlib leaves out of them."""

from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Any

from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from joserfc import jwt

from gateway.oauth.clients.records import Client
from gateway.oauth.signing.keys import ALGORITHM
from gateway.oauth.signing.ring import KeyRing
from gateway.oauth.tokens.binding import Confirmation
from gateway.oauth.tokens.policy import TokenPolicy
from kernel.clock import Clock
from kernel.ids import Kind, to_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a token is made for: its audience, and what its sender will have to show."""

    audience: str | list[str]
    confirmation: Confirmation = field(default_factory=Confirmation)


class AccessTokens:
    """Makes tokens."""

    def __init__(self, keys: KeyRing, policy: TokenPolicy, clock: Clock) -> None:
        self._keys = keys
        self._policy = policy
        self._clock = clock

    @property
    def policy(self) -> TokenPolicy:
        """Issuer, audience and lifetime."""
        return self._policy

    def generator(self, grant: Grant) -> JWTBearerTokenGenerator:
        """What Authlib's core asks for the token of one request."""
        return _Generator(self, grant, self._policy)

    def make(self, client: Client, scope: str, grant: Grant) -> str:
        """A signed token (RFC 9068 §2): `kid`, our claims, and the corrected clock."""
        key = self._keys.signing
        header = {"alg": ALGORITHM, "typ": "at+jwt", "kid": key.kid}
        return jwt.encode(header, self._claims(client, scope, grant), key, algorithms=[ALGORITHM])

    def _claims(self, client: Client, scope: str, grant: Grant) -> dict[str, Any]:
        now, client_id = int(self._clock.now().timestamp()), client.get_client_id()
        return {
            "iss": self._policy.issuer,
            "aud": grant.audience,
            "sub": client_id,
            "client_id": client_id,
            "iat": now,
            "exp": now + self._policy.lifetime_seconds,
            "jti": token_urlsafe(16),
            "scope": scope,
            "partner": to_text(Kind.PARTNER, client.tenant.partner_id),
            "environment": client.tenant.environment.value,
            "tier": client.tier,
            "token_generation": client.token_generation,
            **grant.confirmation.claims(),
        }


class _Generator(JWTBearerTokenGenerator):  # type: ignore[misc]  # Authlib is untyped
    def __init__(self, tokens: AccessTokens, grant: Grant, policy: TokenPolicy) -> None:
        super().__init__(policy.issuer, alg=ALGORITHM, expires_generator=policy.lifetime_seconds)
        self._tokens = tokens
        self._grant = grant

    def __call__(self, *arguments: Any, **named: Any) -> dict[str, Any]:
        """As the base class, whose tokens are all bearer tokens (RFC 9449 §5)."""
        scheme = "Bearer" if self._grant.confirmation.key is None else "DPoP"
        return {**super().__call__(*arguments, **named), "token_type": scheme}

    def access_token_generator(self, client: Client, grant_type: str, user: object, scope: str) -> str:  # noqa: ARG002 - Authlib's signature
        return self._tokens.make(client, scope, self._grant)
