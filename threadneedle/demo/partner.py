"""A partner's back office, as small as it can be: OAuth client credentials and JSON over HTTP."""

import asyncio
import uuid
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the API said."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str:
        """The stable code of a problem document."""
        return str(self.body.get("code", "")) if isinstance(self.body, dict) else ""


class Api:
    """One base URL and one bearer token."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url
        self.token = token
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str, **headers: str) -> Answer:
        """GET as JSON."""
        return await self._call("GET", path, headers, None)

    async def visit(self, path: str) -> Answer:
        """GET as a browser does that comes from elsewhere; where it is sent then stands in `location`."""
        return await self._send("GET", path, {}, None)

    async def post(self, path: str, body: Any, **headers: str) -> Answer:
        """POST as JSON; underscores in header names stand for hyphens."""
        return await self._call("POST", path, headers, orjson.dumps(body))

    async def put(self, path: str, body: Any) -> Answer:
        """PUT as JSON."""
        return await self._call("PUT", path, {}, orjson.dumps(body))

    async def patch(self, path: str, body: Any) -> Answer:
        """PATCH as JSON."""
        return await self._call("PATCH", path, {}, orjson.dumps(body))

    async def delete(self, path: str) -> Answer:
        """DELETE, again for as long as a limit says when."""
        answer = await self._call("DELETE", path, {}, None)
        if answer.status != 429:
            return answer
        await asyncio.sleep(float(answer.headers["retry-after"]))
        return await self.delete(path)

    async def pay(self, body: dict[str, Any], key: str | None = None, prefer: str = "wait=10") -> Answer:
        """POST /v1/payments with a key of its own, or the one given."""
        return await self.post("/v1/payments", body, idempotency_key=key or str(uuid.uuid4()), prefer=prefer)

    async def login(self, client_id: str, client_secret: str) -> Answer:
        """Exchange client credentials for a token (RFC 6749 §4.4) and use it from now on."""
        authorization = aiohttp.encode_basic_auth(client_id, client_secret)
        answer = await self._send(
            "POST", "/oauth/token", {"authorization": authorization}, {"grant_type": "client_credentials"}
        )
        self.token = answer.body.get("access_token", "") if answer.status == 200 else ""
        return answer

    async def _call(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self._send(
            method,
            path,
            {"authorization": f"Bearer {self.token}", "content-type": "application/json", **named},
            body,
        )

    async def _send(self, method: str, path: str, headers: dict[str, str], body: Any) -> Answer:
        if self._session is None:
            raise RuntimeError("use `async with`")
        async with self._session.request(
            method, self.url + path, headers=headers, data=body, allow_redirects=False
        ) as reply:
            raw = await reply.read()
            is_json = "json" in reply.headers.get("content-type", "")
            return Answer(
                status=reply.status,
                headers={name.lower(): value for name, value in reply.headers.items()},
                body=orjson.loads(raw) if is_json and raw else raw.decode(),
            )
