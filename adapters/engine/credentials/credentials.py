"""Proves to the bank who calls: us, the payer through us, or us as a client of its authorisation server."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from adapters.contract import Bank
from adapters.declaration import AuthProfile
from adapters.engine.credentials.assertions import Assertions
from adapters.engine.credentials.tokens import NoToken, Token, TokenPlace, TokenStore, read_token
from adapters.engine.transport import Call, Course
from adapters.wire import Credential, WireRequest
from kernel.clock import Clock
from kernel.masked import Secret

Send = Callable[[Call], Awaitable[Course]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """A call with its credential; `token` is the fetched one that it presents, for the case that it is refused."""

    call: Call
    token: Token | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """On whose behalf a call is made, and how its bank is talked to."""

    bank: Bank
    profile: AuthProfile
    send: Send
    payer_access: Secret | None = None


class Credentials:
    """Adds the credential to every call."""

    def __init__(self, tokens: TokenStore, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock
        self._assertions = Assertions()

    async def prove(self, caller: Caller, request: WireRequest, call: Call) -> Proven:
        """The call with the credential that the request names. Raises NoToken, or ValueError or LookupError."""
        match request.credential:
            case Credential.PAYER:
                return Proven(call=_bearing(call, caller.payer_access))
            case Credential.CLIENT:
                return Proven(call=replace(call, body=_joined(call.body, self._client_form(caller))))
            case Credential.BANK:
                return await self._as_us(caller, request.scope, call)

    async def forget(self, bank: Bank, scope: str, token: Token) -> None:
        """The bank refused this token."""
        await self._tokens.forget(_place(bank, scope), token)

    async def _as_us(self, caller: Caller, scope: str, call: Call) -> Proven:
        if caller.profile is AuthProfile.NONE:
            return Proven(call=call)
        if caller.profile is AuthProfile.BEARER_STATIC:
            return Proven(call=_bearing(call, caller.bank.settings.secrets.get("token")))

        async def fetch() -> Token:
            return await self._fetch(caller, scope, call)

        token = await self._tokens.get(_place(caller.bank, scope), fetch, call.deadlines.total_seconds)
        return Proven(call=_bearing(call, token.value), token=token)

    async def _fetch(self, caller: Caller, scope: str, template: Call) -> Token:
        """RFC 6749 §4.4; `template` lends its deadlines."""
        asked_at = self._clock.now()
        grant = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        body = _joined(urlencode(grant).encode(), self._client_form(caller))
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        url = caller.bank.settings.options.get("token_url", "")
        call = replace(template, method="POST", url=url, headers=headers, body=body)
        return read_token(await caller.send(call), asked_at)

    def _client_form(self, caller: Caller) -> str:
        """What proves the client in a form: its secret (RFC 6749 §2.3.1), an assertion, or nothing but its TLS."""
        bank = caller.bank
        match caller.profile:
            case AuthProfile.OAUTH_CLIENT_CREDENTIALS:
                return urlencode({name: _secret(bank, name) for name in ("client_id", "client_secret")})
            case AuthProfile.OAUTH_PRIVATE_KEY_JWT:
                return self._assertions.form(bank, self._clock.now())
            case _:
                return ""


def _place(bank: Bank, scope: str) -> TokenPlace:
    return TokenPlace(bank_id=bank.id, version=bank.version, scope=scope)


def _bearing(call: Call, token: Secret | None) -> Call:
    # RFC 6750 §2.1; anything else would not survive as a header.
    value = token.reveal().strip() if token is not None else ""
    if re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", value) is None:
        raise NoToken
    return replace(call, headers={**call.headers, "Authorization": f"Bearer {value}"})


def _joined(form: bytes, more: str) -> bytes:
    return b"&".join(part for part in (form, more.encode()) if part)


def _secret(bank: Bank, name: str) -> str:
    if name not in bank.settings.secrets:
        raise NoToken
    return bank.settings.secrets[name].reveal().strip()
