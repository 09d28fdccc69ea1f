"""The keys of clients that keep them at a `jwks_uri`: fetched as webhooks are sent, kept a while, seldom asked again.

The destination is checked at connect time (webhooks/sending), nothing is redirected, and the answer is capped. One URI
is fetched once at a time, so a partner whose server is slow keeps one place busy and waits alone.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import orjson
import structlog

from gateway.oauth.clients.keys import Jwk, usable
from kernel.errors import Unavailable
from webhooks.sending.transport import BodyState, Transport, WireReply, WireRequest

_OK = 200
_URIS_MAX = 10_000
_HEADERS = (("accept", "application/jwk-set+json, application/json"), ("user-agent", "Threadneedle/1"))
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteKeyPolicy:
    """How long fetched keys are used before they are asked for again, and for how long if nobody answers then.

    A key that its owner took away is used for as long. One that is not among them makes us ask again at once, but no
    more often than `again_seconds`. `running_max` are asked at the same time.
    """

    fresh_seconds: float = 60.0
    stale_seconds: float = 3600.0
    again_seconds: float = 10.0
    running_max: int = 32


@dataclass(slots=True)
class _Known:
    keys: tuple[Jwk, ...] = ()
    fetched_at: float = float("-inf")
    asked_at: float = float("-inf")
    failure: str = ""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class KeysUnread(Exception):
    """Nobody answered with keys. Its text says how it failed, and nothing of what came."""


class RemoteKeys:
    """Key sets by URI. One per process."""

    def __init__(
        self, transport: Transport, monotonic: Callable[[], float], policy: RemoteKeyPolicy | None = None
    ) -> None:
        self._transport = transport
        self._monotonic = monotonic
        self._policy = policy or RemoteKeyPolicy()
        self._places = asyncio.Semaphore(self._policy.running_max)
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def find(self, uri: str, is_there: Callable[[Sequence[Jwk]], bool]) -> tuple[Jwk, ...]:
        """The keys at the URI, asked for anew where `is_there` misses one among those that are known.

        Raises KeysUnread where nobody answers with keys, and Unavailable when too many are being fetched.
        """
        known = self._of(uri)
        async with known.lock:
            age = self._monotonic() - known.fetched_at
            if age >= self._policy.fresh_seconds or not is_there(known.keys):
                await self._ask(uri, known)
            if self._monotonic() - known.fetched_at >= self._policy.stale_seconds:
                raise KeysUnread(known.failure)
            return known.keys

    async def _ask(self, uri: str, known: _Known) -> None:
        if self._monotonic() - known.asked_at < self._policy.again_seconds:
            return
        if self._places.locked():
            raise Unavailable("Too many clients' keys are being fetched.", code="key_fetches_busy")
        async with self._places:
            reply = await self._transport.send(WireRequest(url=uri, headers=_HEADERS, body=b"", method="GET"))
        known.asked_at = self._monotonic()
        keys = _keys(reply)
        if keys is None:
            known.failure = _failure(reply)
            _log.info("client_keys.not_fetched", reason=known.failure)
        else:
            known.keys, known.fetched_at = keys, known.asked_at

    def _of(self, uri: str) -> _Known:
        known = self._known.setdefault(uri, _Known())
        self._known.move_to_end(uri)
        if len(self._known) > _URIS_MAX:
            self._known.popitem(last=False)
        return known


def _failure(reply: WireReply) -> str:
    """How a fetch failed, in our own words."""
    if reply.error is not None:
        return str(reply.error)
    return f"status {reply.status}" if reply.status != _OK else "the answer is no key set"


def _keys(reply: WireReply) -> tuple[Jwk, ...] | None:
    """The key set of an answer; None where it is none."""
    if reply.status != _OK or reply.body_state is not BodyState.COMPLETE:
        return None
    try:
        document = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return None
    keys = document.get("keys") if isinstance(document, dict) else None
    return usable(keys) if isinstance(keys, list) else None
