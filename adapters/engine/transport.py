"""One HTTP call and what its course proves. Nothing here repeats anything.

    before the connection stands (with TLS)          NeverLeft: no byte of the request can have been written
    after that, until a whole answer is read         Unknown: a byte may have been written, whatever happened then
    a whole answer, whatever its status              Answered

aiohttp repeats idempotent methods by itself when a connection breaks; `never_twice` takes the errors away on which it
does so. A connection serves one call and is closed, so no call meets a connection that the bank has already closed.
"""

import asyncio
import errno
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, ClientSession, TraceConfig
from multidict import CIMultiDict
from yarl import URL

from adapters.declaration import Deadlines
from adapters.wire import WireReply, WireRequest

_CHUNK_BYTES = 64 * 1024


class Why(StrEnum):
    """What ended a call that was not answered; the first block proves that no byte was written."""

    BULKHEAD = "bulkhead"
    BREAKER_OPEN = "breaker_open"
    NO_TOKEN = "no_token"  # noqa: S105 - a reason, not a secret
    BAD_SETTINGS = "bad_settings"
    NAME_NOT_RESOLVED = "name_not_resolved"
    REFUSED = "refused"
    CONNECT_TIMEOUT = "connect_timeout"
    CONNECT_FAILED = "connect_failed"
    TLS_HANDSHAKE = "tls_handshake"

    FIRST_BYTE_TIMEOUT = "first_byte_timeout"
    BODY_TIMEOUT = "body_timeout"
    CONNECTION_LOST = "connection_lost"
    BODY_BROKEN = "body_broken"
    BODY_TOO_LARGE = "body_too_large"
    NOT_HTTP = "not_http"
    UNSIGNED_ANSWER = "unsigned_answer"
    FOREIGN_ANSWER = "foreign_answer"
    OTHER = "other"


class BrokenOff(Exception):
    """The connection broke during a call. Not one of aiohttp's errors, so that aiohttp does not send again."""


class BodyTooLarge(Exception):
    """The answer's body passed the cap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as it goes out, credentials included."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    deadlines: Deadlines
    reply_bytes_max: int


@dataclass(slots=True, kw_only=True)
class Course:
    """How far one call came; `why` is None when a whole answer was read."""

    connected: bool = False
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    why: Why | None = None

    def reply(self, to: WireRequest | None = None) -> WireReply:
        """The answer, to this request; only for a call that has one."""
        if self.status is None:
            raise ValueError("this call was not answered")
        return WireReply(status=self.status, headers=self.headers, body=bytes(self.body), request=to)


@dataclass(slots=True, kw_only=True)
class _Watch:
    """What aiohttp's tracing tells during a call: from connection to first byte another deadline runs."""

    course: Course
    patience: asyncio.Timeout
    first_byte_seconds: float

    def connected(self) -> None:
        # Raises RuntimeError when the deadline has just passed: then the call ends here, before its first byte.
        self.patience.reschedule(asyncio.get_running_loop().time() + self.first_byte_seconds)
        self.course.connected = True


async def never_twice(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """The session's middleware: turns the errors that make aiohttp send PUT and DELETE again into one that does not."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise BrokenOff from error


def tracing() -> TraceConfig:
    """Tells a call's watch when its connection stands, TLS handshake included."""

    async def connected(_session: ClientSession, context: object, _params: object) -> None:
        watch = getattr(context, "trace_request_ctx", None)
        if isinstance(watch, _Watch):
            watch.connected()

    config = TraceConfig()
    config.on_connection_create_end.append(connected)
    config.on_connection_reuseconn.append(connected)
    return config


async def perform(session: ClientSession, call: Call) -> Course:
    """Make the call once. Never raises for what the network or the bank does; cancellation passes through."""
    course = Course()
    try:
        await _exchange(session, call, course)
    except Exception as error:  # noqa: BLE001 - whatever it was, a byte may have left, and that must be told
        course.why = _why(course, error)
    return course


async def _exchange(session: ClientSession, call: Call, course: Course) -> None:
    deadlines = call.deadlines
    async with asyncio.timeout(deadlines.total_seconds), asyncio.timeout(deadlines.connect_seconds) as patience:
        watch = _Watch(course=course, patience=patience, first_byte_seconds=deadlines.first_byte_seconds)
        async with session.request(
            call.method,
            URL(call.url, encoded=True),
            headers=CIMultiDict(call.headers),
            data=call.body or None,
            allow_redirects=False,
            trace_request_ctx=watch,
        ) as response:
            course.status = response.status
            course.headers.update((name.lower(), _text(value)) for name, value in response.headers.items())
            patience.reschedule(None)
            await _read(response, call.reply_bytes_max, course)


def _text(value: str) -> str:
    """What can be written down: bytes that are no UTF-8, which aiohttp keeps as lone surrogates, become marks."""
    return value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


async def _read(response: ClientResponse, bytes_max: int, course: Course) -> None:
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        course.body += chunk[: bytes_max - len(course.body)]
        if response.content.total_bytes > bytes_max:
            response.close()
            raise BodyTooLarge


def _why(course: Course, error: Exception) -> Why:
    return _why_unknown(course, error) if course.connected else _why_never_left(error)


def _why_never_left(error: Exception) -> Why:
    match error:
        case TimeoutError():
            return Why.CONNECT_TIMEOUT
        case aiohttp.ClientConnectorDNSError():
            return Why.NAME_NOT_RESOLVED
        case aiohttp.ClientSSLError() | aiohttp.ClientConnectorCertificateError():
            return Why.TLS_HANDSHAKE
        case aiohttp.ClientConnectorError() if error.errno == errno.ECONNREFUSED:
            return Why.REFUSED
        case aiohttp.InvalidURL() | ValueError():
            return Why.BAD_SETTINGS
        case _:
            return Why.CONNECT_FAILED


def _why_unknown(course: Course, error: Exception) -> Why:
    match error:
        case TimeoutError():
            return Why.FIRST_BYTE_TIMEOUT if course.status is None else Why.BODY_TIMEOUT
        case BodyTooLarge():
            return Why.BODY_TOO_LARGE
        case aiohttp.ClientPayloadError():
            return Why.BODY_BROKEN
        case BrokenOff():
            return Why.CONNECTION_LOST
        case aiohttp.ClientResponseError():
            return Why.NOT_HTTP
        case _:
            return Why.OTHER
