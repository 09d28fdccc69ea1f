"""Clients end their tokens (RFC 7009) and ask about their partner's (RFC 7662)."""

from collections.abc import Mapping
from typing import Any

from authlib.oauth2.rfc6749.errors import (
    InvalidGrantError,
    InvalidRequestError,
    OAuth2Error,
)

from gateway.oauth.access.in_force import InForce
from gateway.oauth.authentication.authenticator import ClientAuthenticator
from gateway.oauth.authentication.request import ClientRefused, ClientRequest
from gateway.oauth.clients.records import Client
from gateway.oauth.tokens.answers import TokenAnswer, answer, check_active, client_error, refusal
from gateway.oauth.tokens.reader import AccessToken, TokenReader, TokenRefused

_INACTIVE: Mapping[str, Any] = {"active": False}
# The members of RFC 7662 §2.2 and RFC 8705 §3.2, and ours, as the token has them.
_MEMBERS = ("iss", "aud", "sub", "client_id", "iat", "exp", "jti", "scope", "partner", "environment", "tier", "cnf")


class TokenInspection:
    """Answers both endpoints. Clients authenticate as at the token endpoint."""

    def __init__(self, authenticator: ClientAuthenticator, reader: TokenReader, in_force: InForce) -> None:
        self._authenticator = authenticator
        self._reader = reader
        self._in_force = in_force

    async def revoke(self, request: ClientRequest) -> TokenAnswer:
        """End a token of the client: in force in every process within a second. Never raises for what was sent.

        What is no token of ours, or is one no longer, is no error (RFC 7009 §2.2): nobody can use it.
        """
        try:
            client, token = await self._asked(request)
            if token is not None:
                await self._end(client, token)
        except OAuth2Error as error:
            return refusal(error)
        return answer(200, None)

    async def introspect(self, request: ClientRequest) -> TokenAnswer:
        """What a token of the client's own partner and environment says while it is good; of others, nothing."""
        try:
            client, token = await self._asked(request)
        except OAuth2Error as error:
            return refusal(error)
        if token is None or token.caller.tenant != client.tenant or self._has_ended(token):
            return answer(200, _INACTIVE)
        said = {name: token.claims[name] for name in _MEMBERS if name in token.claims}
        said["scope"] = self._scope(token)
        scheme = "Bearer" if token.confirmation.key is None else "DPoP"
        return answer(200, {"active": True, "token_type": scheme, **said})

    async def _asked(self, request: ClientRequest) -> tuple[Client, AccessToken | None]:
        try:
            client = await self._authenticator.authenticate(request)
        except ClientRefused as refused:
            raise client_error(refused) from None
        check_active(client)
        if not request.form.get("token"):
            raise InvalidRequestError("Send the token in the form.")
        try:
            return client, await self._reader.read(request.form["token"].encode(), for_us=False)
        except (TokenRefused, UnicodeError):
            return client, None

    async def _end(self, client: Client, token: AccessToken) -> None:
        if token.caller.tenant != client.tenant or token.caller.client_id != client.id:
            raise InvalidGrantError("The token was issued to another client.")
        await self._in_force.revoke(token)

    def _scope(self, token: AccessToken) -> str:
        """What the token still allows: its own words unless its client was narrowed since."""
        limits, granted = self._in_force.limits_of(token.caller.client_id), token.caller.scopes
        if limits is None or granted <= limits.scopes:
            return str(token.claims["scope"])
        return " ".join(sorted(granted & limits.scopes))

    def _has_ended(self, token: AccessToken) -> bool:
        return self._in_force.suspends(token.caller) or self._in_force.has_ended(token)
