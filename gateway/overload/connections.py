"""What callers' connections may cost: how many there are, how long and large heads are, and what comes with a body.

aiohttp bounds each line and the number of headers. Without this a head that comes a byte at a time would hold its
connection for as long as an idle one may stand; extensions of chunks (RFC 9112 §7.1.1) would be read without end, and a
chunk that is none would end nothing until the time of its body is over.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from gateway.problems.errors import Malformed, TooLarge
from kernel.errors import Refused

# Who sends has this long to read the answer: closing at once, with bytes unread, would take it away (RFC 9112 §9.6).
_READING_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionBounds:
    """Connections of one process, seconds and bytes of a head that does not come whole, and bytes around a body.

    A body in chunks may weigh `framing_bytes_max` more than twice what is in it.
    """

    connections_max: int = 5_000
    head_seconds_max: float = 10
    head_bytes_max: int = 32 * 1024
    framing_bytes_max: int = 64 * 1024


class HeadTooSlow(HttpProcessingError):
    """The head did not arrive in time."""

    code = 408


class HeadTooLarge(HttpProcessingError):
    """The head is larger than it may be."""

    code = 431


class BoundedHandler(RequestHandler):
    """The protocol of one connection; `bounds` are kept beside aiohttp's own."""

    __slots__ = ("_body", "_body_bytes", "_bounds", "_head_bytes", "_head_timer", "_is_body_refused")

    def __init__(self, manager: web.Server, *, bounds: ConnectionBounds, **options: Any) -> None:
        super().__init__(manager, **options)
        self._bounds = bounds
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._body: StreamReader = EMPTY_PAYLOAD
        self._body_bytes = 0
        self._is_body_refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """One more; where that is one too many, the oldest that is idle makes room for it."""
        super().connection_made(transport)
        others = cast("web.Server", self._manager)._connections  # noqa: SLF001 - the property copies them all
        if len(others) <= self._bounds.connections_max:
            return
        oldest = next((each for each in others if each is not self and _is_idle(each)), self)
        oldest.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Nothing is waited for any more."""
        self._head_ended()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes that complete no head are counted and timed; all others cost a comparison or two."""
        if self._is_body_refused:
            return
        super().data_received(data)
        if not _is_idle(self):
            if self._head_bytes:
                self._head_ended()
            self._count_body(len(data))
            return
        if self._head_timer is None:
            self._head_timer = self._loop.call_later(self._bounds.head_seconds_max, self._refuse, HeadTooSlow())
        self._head_bytes += len(data)
        if self._head_bytes > self._bounds.head_bytes_max:
            self._refuse(HeadTooLarge())

    def _count_body(self, length: int) -> None:
        """What came after a request's first bytes against what of it is its body."""
        message, body = self._messages[-1] if self._messages else (None, self._body)
        if body is self._body:
            self._body_bytes += length
            if self._body_bytes > self._bounds.framing_bytes_max + 2 * body.total_bytes and not body.is_eof():
                self._refuse_body(TooLarge("The chunks around the body are larger than the body itself."))
        elif isinstance(message, _ErrInfo) and not self._body.is_eof():
            self._refuse_body(Malformed("The framing of the body is not valid.", code="malformed_request"))
        else:
            self._body, self._body_bytes = body, 0

    def _refuse_body(self, error: Refused) -> None:
        """Whoever reads it answers so, and the connection ends; what still comes is not read."""
        self._is_body_refused, self._lingering_time = True, 0.0
        if self.transport is not None:
            self.transport.pause_reading()
        self.close()
        if self._current_request is None:
            self._loop.call_later(_READING_SECONDS, self.force_close)
        else:
            self._body.set_exception(error)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """After the answer to a body that was refused there is nothing more to come."""
        if self._is_body_refused:
            resp.force_close()
        finished = await super().finish_response(request, resp, start_time)
        if self._is_body_refused and self.transport is not None:
            if self.transport.can_write_eof():
                self.transport.write_eof()
            await asyncio.sleep(_READING_SECONDS)
        return finished

    def _refuse(self, error: HttpProcessingError) -> None:
        """Answer as if the parser had refused it; `handle_error` ends the connection."""
        self._head_ended()
        if self._waiter is not None and _is_idle(self):
            self._messages.append((_ErrInfo(status=error.code, exc=error, message=""), EMPTY_PAYLOAD))
            self._waiter.set_result(None)

    def _head_ended(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def _is_idle(handler: RequestHandler) -> bool:
    """Whether it waits for a request's head."""
    waiter = handler._waiter  # noqa: SLF001 - aiohttp tells nobody
    return waiter is not None and not waiter.done()
