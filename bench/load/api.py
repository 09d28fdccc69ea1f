"""Calls to the system under test: filled from templates, logged in, and never raising for what the network does."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote

import aiohttp
import orjson

from bench.target import Call, Pages, Target, fill, pick

_TOKEN_MARGIN_SECONDS = 30
_REFUSED = frozenset({400, 403, 404, 405, 413, 415, 422})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer; status 0 and an error where there was none."""

    status: int
    body: Any = None
    error: str = ""
    retry_after: float = 0.0


class Whereabouts(Protocol):
    """Where the servers listen at this moment, by the names that the target file gives."""

    def read(self) -> Mapping[str, Any]:
        """Names and URLs, among others."""
        ...


class NotAnswered(Exception):
    """A request that had to succeed did not; the message has status and body."""


@dataclass(slots=True)
class Credentials:
    """Of one OAuth client; the token is fetched when it is needed."""

    client_id: str
    client_secret: str = field(repr=False)
    token: str = field(default="", repr=False)
    good_until: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)


class Api:
    """The system's servers, by the names of the target file. Their URLs are looked up at every call."""

    def __init__(self, target: Target, whereabouts: Whereabouts, session: aiohttp.ClientSession) -> None:
        self._target = target
        self._whereabouts = whereabouts
        self._session = session
        self.credentials: Credentials | None = None

    async def call(self, call: Call, values: Mapping[str, Any], body: Any = None) -> Reply:
        """One request, with the token where the server is the API. `body` stands in for the call's own."""
        headers = {name: str(fill(text, values)) for name, text in call.headers.items()}
        if call.server == "api":
            token = await self.token()
            if not token:
                return Reply(status=0, error="no token")
            headers["authorization"] = f"Bearer {token}"
        content = body if body is not None else fill(call.body, values)
        data = None if content is None else orjson.dumps(content)
        path = fill(call.path, {name: quote(str(value), safe="") for name, value in values.items()})
        reply = await self._send(call, path, headers | {"content-type": "application/json"}, data)
        if reply.status == 401 and self.credentials is not None:
            self.credentials.good_until = 0.0
        return reply

    async def must(self, call: Call, values: Mapping[str, Any], seconds: float = 30.0) -> dict[str, Any]:
        """What is kept of the answer that is accepted. Raises NotAnswered when it is refused, or after that time."""
        deadline = time.monotonic() + seconds
        while (reply := await self.call(call, values)).status not in call.accepted:
            if time.monotonic() > deadline or reply.status in _REFUSED:
                raise NotAnswered(f"{call.method} {call.path}: {reply.status} {reply.error} {reply.body}")
            await asyncio.sleep(max(0.3, reply.retry_after))
        return {name: pick(reply.body, path) for name, path in call.keep.items()} | {"": reply.body}

    async def pages(self, pages: Pages, values: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """Every item of a list, as what is kept of it. Raises NotAnswered."""
        cursor: str | None = None
        while True:
            sign = "&" if "?" in pages.path else "?"
            more = f"{sign}{pages.cursor_parameter}={quote(cursor, safe='')}" if cursor else ""
            page = (await self.must(pages.model_copy(update={"path": pages.path + more, "keep": {}}), values))[""]
            items = pick(page, pages.items) or []
            for item in items:
                yield {name: pick(item, path) for name, path in pages.keep.items()}
            following = pick(page, pages.next_cursor)
            if not items or not following or following == cursor:
                return
            cursor = str(following)

    async def token(self) -> str:
        """The access token that is good now; empty where there is none."""
        credentials = self.credentials
        if credentials is None:
            return ""
        async with credentials.lock:
            if time.monotonic() > credentials.good_until:
                await self._log_in(credentials)
            return credentials.token

    async def _log_in(self, credentials: Credentials) -> None:
        login = self._target.login
        basic = aiohttp.encode_basic_auth(credentials.client_id, credentials.client_secret)
        reply = await self._send(login, login.path, {"authorization": basic}, dict(login.form))
        credentials.token = str(pick(reply.body, login.token) or "") if reply.status == 200 else ""
        lifetime = float(pick(reply.body, login.lifetime) or 0) if credentials.token else 0.0
        credentials.good_until = time.monotonic() + max(lifetime - _TOKEN_MARGIN_SECONDS, 0)

    async def _send(self, call: Call, path: str, headers: Mapping[str, str], data: Any) -> Reply:
        base = self._whereabouts.read().get(self._target.servers[call.server])
        if base is None:
            return Reply(status=0, error="not running")
        try:
            async with self._session.request(call.method, base + path, headers=headers, data=data) as response:
                raw = await response.read()
                return _reply(response, raw)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Reply(status=0, error=type(error).__name__)


def _reply(response: aiohttp.ClientResponse, raw: bytes) -> Reply:
    try:
        body = orjson.loads(raw) if raw else None
    except orjson.JSONDecodeError:
        body = None
    wait = response.headers.get("retry-after", "")
    return Reply(status=response.status, body=body, retry_after=float(wait) if wait.isdigit() else 0.0)
