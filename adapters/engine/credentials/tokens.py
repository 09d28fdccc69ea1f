"""A bank's access tokens for us, where they are kept, and how one is read from the bank's answer."""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import orjson

from adapters.engine.transport import Course
from kernel.masked import Secret

_MARGIN_SECONDS = 30.0
_LIFETIME_SECONDS_DEFAULT = 300.0
_LIFETIME_SECONDS_MAX = 30 * 86_400.0
# A refused token is thrown away; a bank that refuses the next one as well has another reason than the token's age.
FORGETTING_SECONDS = 60.0


class NoToken(Exception):
    """The bank gave no usable token, or it could not be kept, so the call cannot be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPlace:
    """Which token: new settings of a bank are a new version, and each scope has a token of its own."""

    bank_id: str
    version: int
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token; it is not used after `usable_until`, which is some time before the bank's own end of it."""

    value: Secret
    usable_until: datetime


class TokenStore(Protocol):
    """Where banks' tokens live. An implementation stores what `fetch` brings before anyone uses it."""

    async def get(self, place: TokenPlace, fetch: Callable[[], Awaitable[Token]], seconds_max: float) -> Token:
        """The usable token; of concurrent callers without one, one alone fetches, for `seconds_max` at most.

        Raises NoToken.
        """
        ...

    async def forget(self, place: TokenPlace, token: Token) -> None:
        """The bank refused this token: it is thrown away, but not one after another (FORGETTING_SECONDS).

        Never raises for a fault of the store.
        """
        ...


def read_token(course: Course, asked_at: datetime) -> Token:
    """The token of an answer (RFC 6749 §5.1), counted from when it was asked for. Raises NoToken."""
    if course.why is not None or course.status != 200:
        raise NoToken
    try:
        body = orjson.loads(course.body)
        value, lifetime = str(body["access_token"]), float(body.get("expires_in", _LIFETIME_SECONDS_DEFAULT))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise NoToken from None
    if not math.isfinite(lifetime) or lifetime <= 0:
        raise NoToken
    bounded = min(lifetime, _LIFETIME_SECONDS_MAX)
    usable_seconds = max(bounded - _MARGIN_SECONDS, bounded / 2)
    return Token(value=Secret(value), usable_until=asked_at + timedelta(seconds=usable_seconds))
