"""The authorization server: client credentials (RFC 6749 §4.4) on Authlib's framework-neutral core.

Authlib's core is synchronous, so the client is authenticated before it runs; nothing in it waits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from authlib.oauth2.rfc6749 import AuthorizationServer, ClientCredentialsGrant, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidRequestError, OAuth2Error
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator

from gateway.oauth.authentication.authenticator import ClientAuthenticator
from gateway.oauth.authentication.request import ClientRefused
from gateway.oauth.clients.records import Client
from gateway.oauth.scopes import Scope
from gateway.oauth.tokens.answers import TokenAnswer, answer, check_active, client_error, refusal
from gateway.oauth.tokens.granting import Granter, TokenRequest
from gateway.oauth.tokens.issuing import AccessTokens

# Authlib refuses plain http; TLS ends in front of this process, so the scheme is said, not seen.
_TOKEN_URL = "https://localhost/oauth/token"  # noqa: S105 - an address, not a secret

_GRANT_TYPE = "Send grant_type=client_credentials."


class TokenServer:
    """Answers the token endpoint."""

    def __init__(self, authenticator: ClientAuthenticator, granter: Granter, tokens: AccessTokens) -> None:
        self._authenticator = authenticator
        self._granter = granter
        self._tokens = tokens

    async def answer(self, request: TokenRequest) -> TokenAnswer:
        """Never raises for what a caller sent."""
        grant_type = request.client.form.get("grant_type")
        if not grant_type:  # Authlib takes a missing one for one that it does not know
            return refusal(InvalidRequestError(_GRANT_TYPE))
        if grant_type != _ClientCredentials.GRANT_TYPE:  # Authlib would repeat what was sent
            return refusal(OAuth2Error(_GRANT_TYPE, error="unsupported_grant_type"))
        core, headers = await self._core(request)
        asked = OAuth2Request("POST", _TOKEN_URL)
        asked.payload = BasicOAuth2Payload(dict(request.client.form))
        made: TokenAnswer = core.create_token_response(asked)
        return replace(made, headers={**made.headers, **headers})

    async def _core(self, request: TokenRequest) -> "tuple[_Core, Mapping[str, str]]":
        """A refusal is a value: Authlib raises it where the grant asks for the client."""
        try:
            client = await self._authenticator.authenticate(request.client)
            check_active(client)
            granted = await self._granter.grant(client, request)
        except ClientRefused as refused:
            return _Core(client_error(refused)), {}
        except OAuth2Error as refused:
            return _Core(refused), getattr(refused, "with_headers", {})
        return _Core(client, self._tokens.generator(granted.grant)), granted.headers


class _Core(AuthorizationServer):  # type: ignore[misc]  # Authlib is untyped
    """Authlib's server for one request, with the one client that it may ask for, or why there is none."""

    def __init__(self, client: Client | OAuth2Error, generator: JWTBearerTokenGenerator | None = None) -> None:
        super().__init__(scopes_supported=[scope.value for scope in Scope])
        self._client = client
        self.register_grant(_ClientCredentials)
        self.register_token_generator("default", generator)

    def authenticate_client(
        self,
        request: OAuth2Request,  # noqa: ARG002 - Authlib's signature
        methods: Sequence[str],  # noqa: ARG002
        endpoint: str = "token",  # noqa: ARG002
    ) -> Client:
        """The client, which was authenticated before."""
        if isinstance(self._client, OAuth2Error):
            raise self._client
        return self._client

    def save_token(self, token: object, request: object) -> None:
        """Tokens are not stored: they say everything themselves."""

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        return request

    def handle_error_response(self, request: object, error: OAuth2Error) -> TokenAnswer:  # noqa: ARG002 - Authlib's signature
        return refusal(error)

    def handle_response(self, status: int, body: Mapping[str, Any], headers: object) -> TokenAnswer:  # noqa: ARG002 - aiohttp sets its own Content-Type
        return answer(status, dict(body))


class _ClientCredentials(ClientCredentialsGrant):  # type: ignore[misc]  # Authlib is untyped
    def create_token_response(self) -> tuple[int, Mapping[str, Any], object]:
        """As the base class, which would write the token into the debug log."""
        token = self.generate_token(scope=self.request.payload.scope, include_refresh_token=False)
        return 200, token, self.TOKEN_RESPONSE_HEADER
