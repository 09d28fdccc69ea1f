"""A receiver that answers 204 at once, counts, and notes how old each event was; under /hooks/hang it never answers.

`python -m bench.speed.receiver` prints its port and serves until it is ended. `GET /found` tells what came since the
last `GET /reset`.
"""

import asyncio
import socket
import sys
import time

import orjson
import uvloop

from bench.speed.wire import end_of_message, thinned

_NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
_MARK = b'"sent_ns":'
_BACKLOG = 4096


class Found:
    """What came since the last reset."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self.count = 0
        self.last_at = 0.0
        self.ages_ms: list[float] = []

    def note(self, body: bytes) -> None:
        """One event; one that says when it was sent has an age."""
        self.count += 1
        self.last_at = time.monotonic()
        start = body.find(_MARK)
        if start >= 0:
            sent = int(body[start + len(_MARK) :].split(b",", 1)[0].split(b"}", 1)[0])
            self.ages_ms.append((time.monotonic_ns() - sent) / 1e6)

    def told(self) -> bytes:
        """As JSON."""
        return orjson.dumps({"count": self.count, "last_at": self.last_at, "ages_ms": thinned(self.ages_ms)})


class Hook(asyncio.Protocol):
    """One connection."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self._data = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio.Protocol."""
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """asyncio.Protocol."""
        self._data += data
        while end := end_of_message(self._data):
            message = bytes(self._data[:end])
            del self._data[:end]
            self._answer(message)

    def _answer(self, message: bytes) -> None:
        if self._transport is None or message.startswith(b"POST /hooks/hang"):
            return
        if message.startswith(b"GET /found"):
            body = self._found.told()
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
            return
        if message.startswith(b"GET /reset"):
            self._found.reset()
        else:
            self._found.note(message)
        self._transport.write(_NO_CONTENT)


async def serve() -> None:
    """Serve until ended."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
    found = Found()
    server = await asyncio.get_running_loop().create_server(lambda: Hook(found), sock=listener)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
