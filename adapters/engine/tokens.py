"""The credentials that the engine presents to banks, by the adapter's declared profile."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import urlencode

import orjson

from adapters.contract import Bank
from adapters.declaration import AuthProfile
from adapters.engine.transport import Call, Course
from kernel.masked import Secret

_MARGIN_SECONDS = 30.0
_LIFETIME_SECONDS_DEFAULT = 300.0

Send = Callable[[Call], Awaitable[Course]]


class NoToken(Exception):
    """The bank gave no usable token, so the call cannot be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token; it is not used after `usable_until` on the monotonic clock."""

    value: Secret
    usable_until: float


class TokenStore(Protocol):
    """Where a bank's token lives. An implementation stores what `fetch` brings before anyone uses it."""

    async def get(self, bank: Bank, fetch: Callable[[], Awaitable[Token]]) -> Token:
        """The bank's usable token; of concurrent callers without one, one alone fetches."""
        ...

    def forget(self, bank: Bank) -> None:
        """The bank refused the token."""
        ...


class MemoryTokens:
    """Tokens of this process alone: right for banks that let each process have its own."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._tokens: dict[tuple[str, int], Token] = {}
        self._fetching: dict[tuple[str, int], asyncio.Task[Token]] = {}

    async def get(self, bank: Bank, fetch: Callable[[], Awaitable[Token]]) -> Token:
        """The usable token, or the one that a single fetch for all waiting callers brings."""
        place = (bank.id, bank.version)
        token = self._tokens.get(place)
        if token is not None and self._monotonic() < token.usable_until:
            return token
        task = self._fetching.get(place)
        if task is None:
            task = asyncio.create_task(self._keep(place, fetch))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._fetching[place] = task
        return await asyncio.shield(task)

    def forget(self, bank: Bank) -> None:
        """Fetch anew at the next call."""
        self._tokens.pop((bank.id, bank.version), None)

    async def _keep(self, place: tuple[str, int], fetch: Callable[[], Awaitable[Token]]) -> Token:
        try:
            self._tokens[place] = await fetch()
            return self._tokens[place]
        finally:
            del self._fetching[place]


class Credentials:
    """Makes the `Authorization` header of every call."""

    def __init__(self, tokens: TokenStore, monotonic: Callable[[], float]) -> None:
        self._tokens = tokens
        self._monotonic = monotonic

    def forget(self, bank: Bank) -> None:
        """The bank refused what was presented."""
        self._tokens.forget(bank)

    async def header(self, bank: Bank, profile: AuthProfile, send: Send, template: Call) -> dict[str, str]:
        """The header, or none where the bank wants none; `template` lends its deadlines to the call for a token.

        Raises NoToken.
        """
        match profile:
            case AuthProfile.NONE:
                return {}
            case AuthProfile.BEARER_STATIC:
                return _bearer(_secret(bank, "token"))
            case AuthProfile.OAUTH_CLIENT_CREDENTIALS:
                token = await self._tokens.get(bank, lambda: self._fetch(bank, send, template))
                return _bearer(token.value.reveal())
            case AuthProfile.OAUTH_PRIVATE_KEY_JWT:
                raise NoToken

    async def _fetch(self, bank: Bank, send: Send, template: Call) -> Token:
        asked_at = self._monotonic()
        return read_token(await send(_token_call(bank, template)), asked_at)


def _bearer(token: str) -> dict[str, str]:
    # RFC 6750 §2.1; anything else would not survive as a header.
    if re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", token) is None:
        raise NoToken
    return {"Authorization": f"Bearer {token}"}


def _token_call(bank: Bank, template: Call) -> Call:
    """RFC 6749 §4.4 with the client's credentials in the body (§2.3.1)."""
    form = {
        "grant_type": "client_credentials",
        "client_id": _secret(bank, "client_id"),
        "client_secret": _secret(bank, "client_secret"),
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    url = bank.settings.options.get("token_url", "")
    return replace(template, method="POST", url=url, headers=headers, body=urlencode(form).encode())


def read_token(course: Course, asked_at: float) -> Token:
    """The token of an answer (RFC 6749 §5.1), counted from when it was asked for. Raises NoToken."""
    if course.why is not None or course.status != 200:
        raise NoToken
    try:
        body = orjson.loads(course.body)
        value, lifetime = str(body["access_token"]), float(body.get("expires_in", _LIFETIME_SECONDS_DEFAULT))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise NoToken from None
    return Token(value=Secret(value), usable_until=asked_at + max(lifetime - _MARGIN_SECONDS, lifetime / 2))


def _secret(bank: Bank, name: str) -> str:
    if name not in bank.settings.secrets:
        raise NoToken
    return bank.settings.secrets[name].reveal().strip()
