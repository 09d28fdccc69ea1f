"""What callers' connections may cost: how many there are, and how long and large the head of a request may be.

aiohttp bounds each line and the number of headers. Without this a head that comes a byte at a time would hold its
connection for as long as an idle one may stand.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler, _ErrInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionBounds:
    """Connections of one process, and seconds and bytes of a head that does not come whole."""

    connections_max: int = 5_000
    head_seconds_max: float = 10
    head_bytes_max: int = 32 * 1024


class HeadTooSlow(HttpProcessingError):
    """The head did not arrive in time."""

    code = 408


class HeadTooLarge(HttpProcessingError):
    """The head is larger than it may be."""

    code = 431


class BoundedHandler(RequestHandler):
    """The protocol of one connection; `bounds` are kept beside aiohttp's own."""

    __slots__ = ("_bounds", "_head_bytes", "_head_timer")

    def __init__(self, manager: web.Server, *, bounds: ConnectionBounds, **options: Any) -> None:
        super().__init__(manager, **options)
        self._bounds = bounds
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

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
        """Bytes that complete no head are counted and timed; all others cost a comparison."""
        super().data_received(data)
        if not _is_idle(self):
            if self._head_bytes:
                self._head_ended()
            return
        if self._head_timer is None:
            self._head_timer = self._loop.call_later(self._bounds.head_seconds_max, self._refuse, HeadTooSlow())
        self._head_bytes += len(data)
        if self._head_bytes > self._bounds.head_bytes_max:
            self._refuse(HeadTooLarge())

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
