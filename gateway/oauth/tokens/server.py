"""The authorization server: client credentials (RFC 6749 §4.4) on Authlib's framework-neutral core.

Authlib's core is synchronous, so the client is authenticated before it runs; nothing in it waits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any

from authlib.oauth2.rfc6749 import AuthorizationServer, ClientCredentialsGrant, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError, OAuth2Error
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from joserfc import jwt

from gateway.oauth.authentication.authenticator import ClientAuthenticator
from gateway.oauth.authentication.request import ClientRefused, ClientRequest
from gateway.oauth.clients.records import Client
from gateway.oauth.scopes import Scope
from gateway.oauth.tokens.keys import ALGORITHM, KeyRing
from kernel.clock import Clock
from kernel.ids import Kind, to_text

# Authlib refuses plain http; TLS ends in front of this process, so the scheme is said, not seen.
_TOKEN_URL = "https://localhost/oauth/token"  # noqa: S105 - an address, not a secret
_CHALLENGE = 'Basic realm="threadneedle", charset="UTF-8"'


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPolicy:
    """Who issues tokens (`iss`, an https URL), for whom (`aud`), and for how long."""

    issuer: str
    audience: str
    lifetime_seconds: int = 600

    @property
    def token_endpoint(self) -> str:
        """Where clients get tokens."""
        return f"{self.issuer}/oauth/token"


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """The token endpoint's answer (RFC 6749 §5.1 and §5.2)."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]


class TokenServer:
    """Answers the token endpoint."""

    def __init__(self, authenticator: ClientAuthenticator, keys: KeyRing, policy: TokenPolicy, clock: Clock) -> None:
        self._authenticator = authenticator
        self._keys = keys
        self._policy = policy
        self._clock = clock

    async def answer(self, request: ClientRequest) -> TokenAnswer:
        """Never raises for what a caller sent."""
        core = _Core(await self._authenticated(request))
        core.register_grant(_ClientCredentials)
        core.register_token_generator("default", _Tokens(self._keys, self._policy, self._clock))
        asked = OAuth2Request("POST", _TOKEN_URL)
        asked.payload = BasicOAuth2Payload(dict(request.form))
        answer: TokenAnswer = core.create_token_response(asked)
        return answer

    async def _authenticated(self, request: ClientRequest) -> Client | ClientRefused:
        """The refusal is a value: Authlib raises it where the grant asks for the client."""
        try:
            return await self._authenticator.authenticate(request)
        except ClientRefused as refused:
            return refused


class _Core(AuthorizationServer):  # type: ignore[misc]  # Authlib is untyped
    """Authlib's server for one request, with the one client that it may ask for, or why there is none."""

    def __init__(self, client: Client | ClientRefused) -> None:
        super().__init__(scopes_supported=[scope.value for scope in Scope])
        self._client = client

    def authenticate_client(
        self,
        request: OAuth2Request,  # noqa: ARG002 - Authlib's signature
        methods: Sequence[str],  # noqa: ARG002
        endpoint: str = "token",  # noqa: ARG002
    ) -> Client:
        """The client, which was authenticated before."""
        if isinstance(self._client, ClientRefused):
            raise _error(self._client)
        return self._client

    def save_token(self, token: object, request: object) -> None:
        """Tokens are not stored: they say everything themselves."""

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        return request

    def handle_response(self, status: int, body: Mapping[str, Any], headers: object) -> TokenAnswer:  # noqa: ARG002 - aiohttp sets its own Content-Type
        challenge = {"WWW-Authenticate": _CHALLENGE} if status == 401 else {}
        return TokenAnswer(status, dict(body), {"Cache-Control": "no-store", **challenge})


class _ClientCredentials(ClientCredentialsGrant):  # type: ignore[misc]  # Authlib is untyped
    def create_token_response(self) -> tuple[int, Mapping[str, Any], object]:
        """As the base class, which would write the token into the debug log."""
        token = self.generate_token(scope=self.request.payload.scope, include_refresh_token=False)
        return 200, token, self.TOKEN_RESPONSE_HEADER


class _Tokens(JWTBearerTokenGenerator):  # type: ignore[misc]  # Authlib is untyped
    """RFC 9068 tokens with what Authlib leaves out: `kid`, our audience and claims, and the corrected clock."""

    def __init__(self, keys: KeyRing, policy: TokenPolicy, clock: Clock) -> None:
        super().__init__(policy.issuer, alg=ALGORITHM, expires_generator=policy.lifetime_seconds)
        self._keys = keys
        self._policy = policy
        self._clock = clock

    def access_token_generator(self, client: Client, grant_type: str, user: object, scope: str) -> str:  # noqa: ARG002 - Authlib's signature
        now = int(self._clock.now().timestamp())
        claims = {
            "iss": self._policy.issuer,
            "aud": self._policy.audience,
            "sub": client.get_client_id(),
            "client_id": client.get_client_id(),
            "iat": now,
            "exp": now + self._policy.lifetime_seconds,
            "jti": token_urlsafe(16),
            "scope": scope,
            "partner": to_text(Kind.PARTNER, client.tenant.partner_id),
            "environment": client.tenant.environment.value,
            "tier": client.tier,
        }
        key = self._keys.signing
        return jwt.encode({"alg": ALGORITHM, "typ": "at+jwt", "kid": key.kid}, claims, key, algorithms=[ALGORITHM])


def _error(refused: ClientRefused) -> OAuth2Error:
    if refused.error == "invalid_request":
        return InvalidRequestError(refused.description)
    return InvalidClientError(refused.description, status_code=401)
