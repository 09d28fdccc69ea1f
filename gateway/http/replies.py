"""From what handlers give back to responses. Every response of the service is made here.

aiohttp's own response builds, copies and serialises a case-insensitive multidict for every answer: as much work as all
else that it does for a request. All that is answered here is whole, so its head and body leave in one
write.
"""

import time
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import ClientConnectionResetError, HttpVersion10, web
from aiohttp.abc import AbstractStreamWriter
from pydantic import BaseModel

from gateway.problems.document import Problem

# The same for every answer: nothing here is to be cached, sniffed, framed or sent on as a referrer, and nobody needs
# to know which versions of what answer.
SECURITY_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "Threadneedle",
    "X-Content-Type-Options": "nosniff",
}
_SECURITY = "".join(f"{name}: {value}\r\n" for name, value in SECURITY_HEADERS.items())
# RFC 6797 §7.2: only where the request came over https; over http anybody on the way could have written it.
STRICT_TRANSPORT = "Strict-Transport-Security"
_STRICT_TRANSPORT = f"{STRICT_TRANSPORT}: max-age=31536000\r\n"
_STATUS_LINES = {status.value: f"{status.value} {status.phrase}\r\n" for status in HTTPStatus}
# RFC 9110 §8.6: no Content-Length in these; they have no body either.
_WITHOUT_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class WholeResponse(web.StreamResponse):
    """Status, body and headers; those of security are added. `fields` may be changed until it is sent.

    `is_told_https` says that a proxy of ours had the request over https.
    """

    def __init__(self, status: int, body: bytes, fields: dict[str, str]) -> None:
        super().__init__(status=status)
        self.fields = fields
        self.is_told_https = False
        self._whole = body

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send it. Raises ConnectionError where nobody is there any more."""
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ClientConnectionResetError("the caller hung up")
        if self._keep_alive is None:
            self._keep_alive = request.keep_alive
        data = self._head(request).encode() + (b"" if request.method == "HEAD" else self._whole)
        request.writer.output_size += len(data)
        transport.write(data)
        self._eof_sent = True
        if transport.get_write_buffer_size():
            await request.writer.drain()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to send."""

    def _head(self, request: web.BaseRequest) -> str:
        """Raises ValueError for a header that would begin another one."""
        fields = "".join([f"{name}: {value}\r\n" for name, value in self.fields.items()])
        if not fields.count("\r") == fields.count("\n") == len(self.fields):
            raise ValueError("a header holds a line break")
        length = "" if self.status in _WITHOUT_BODY else f"Content-Length: {len(self._whole)}\r\n"
        return (
            f"HTTP/1.1 {_STATUS_LINES[self.status]}{self._security()}{fields}{length}"
            f"Date: {_date(int(time.time()))}\r\n{self._strict_transport(request)}{self._connection(request)}\r\n"
        )

    def _security(self) -> str:
        if SECURITY_HEADERS.keys().isdisjoint(self.fields):
            return _SECURITY
        return "".join(f"{name}: {value}\r\n" for name, value in SECURITY_HEADERS.items() if name not in self.fields)

    def _strict_transport(self, request: web.BaseRequest) -> str:
        return _STRICT_TRANSPORT if request.secure or self.is_told_https else ""

    def _connection(self, request: web.BaseRequest) -> str:
        """RFC 9112 §9.3: what is usual in the caller's version is not said. The answer's own is 1.1 (RFC 9110 §2.5)."""
        if not self._keep_alive:
            return "Connection: close\r\n"
        return "Connection: keep-alive\r\n" if request.version == HttpVersion10 else ""


class _Date:
    """The value of Date (RFC 9110 §5.6.7), made once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._text = ""

    def __call__(self, second: int) -> str:
        if second != self._second:
            self._second, self._text = second, formatdate(second, usegmt=True)
        return self._text


_date = _Date()


def answer(data: Any, status: int, headers: Mapping[str, str]) -> WholeResponse:
    """A JSON answer, or an empty one where `data` is None."""
    if data is None:
        return WholeResponse(status, b"", {**headers})
    return WholeResponse(status, to_json(data), {"Content-Type": "application/json", **headers})


def refuse(problem: Problem, request_id: str, headers: Mapping[str, str]) -> WholeResponse:
    """A problem document. After 408 the connection ends: what is left of the body is not waited for."""
    body = orjson.dumps(problem.document(request_id))
    fields = {"Content-Type": "application/problem+json", **headers, **problem.headers, "X-Request-Id": request_id}
    response = WholeResponse(problem.status, body, fields)
    if problem.status == HTTPStatus.REQUEST_TIMEOUT:
        response.force_close()
    return response


def to_json(data: Any) -> bytes:
    """Bytes of a pydantic model, of plain data, or of bytes that are ready."""
    if isinstance(data, bytes):
        return data
    if isinstance(data, BaseModel):
        return data.__pydantic_serializer__.to_json(data)
    return orjson.dumps(data)
