"""A receiver that answers 204 at once, counts, and notes how old each event was; under /hooks/hang it never answers.

`python -m bench.speed.tools.receiver [CERTIFICATE]` prints its port and serves until it is ended, over TLS where it is
given a certificate with its key. `GET /found` tells what came since the last `GET /reset`; after `GET /down` it answers
503 until `GET /up`.
"""

import asyncio
import socket
import ssl
import sys
import time
from collections import Counter

import orjson
import uvloop

from bench.speed.tools.wire import end_of_message, thinned

_NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
_UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
_MARK = b'"sent_ns":'
_BACKLOG = 4096


class Found:
    """What came since the last reset."""

    def __init__(self) -> None:
        self.is_down = False
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self.count = 0
        self.last_at = 0.0
        self.ages_ms: list[float] = []
        self.by_second: Counter[int] = Counter()

    def note(self, body: bytes) -> None:
        """One event; one that says when it was sent has an age."""
        self.count += 1
        self.last_at = time.monotonic()
        self.by_second[int(self.last_at)] += 1
        start = body.find(_MARK)
        if start >= 0:
            sent = int(body[start + len(_MARK) :].split(b",", 1)[0].split(b"}", 1)[0])
            self.ages_ms.append((time.monotonic_ns() - sent) / 1e6)

    def told(self) -> bytes:
        """As JSON."""
        seconds = range(min(self.by_second, default=0), max(self.by_second, default=-1) + 1)
        return orjson.dumps(
            {
                "count": self.count,
                "last_at": self.last_at,
                "ages_ms": thinned(self.ages_ms),
                "by_second": [self.by_second[second] for second in seconds],
            }
        )


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
            answer = self._answer(message)
            if answer and self._transport is not None:
                self._transport.write(answer)

    def _answer(self, message: bytes) -> bytes:
        if message.startswith(b"POST"):
            return self._take(message)
        match message.split(b" ", 2)[1]:
            case b"/found":
                body = self._found.told()
                return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
            case b"/down":
                self._found.is_down = True
            case b"/up":
                self._found.is_down = False
            case _:
                self._found.reset()
        return _NO_CONTENT

    def _take(self, message: bytes) -> bytes:
        if message.startswith(b"POST /hooks/hang"):
            return b""
        if self._found.is_down:
            return _UNAVAILABLE
        self._found.note(message)
        return _NO_CONTENT


async def serve(certificate: str = "") -> None:
    """Serve until ended."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if certificate else None
    if tls is not None:
        tls.load_cert_chain(certificate)
    found = Found()
    server = await asyncio.get_running_loop().create_server(lambda: Hook(found), sock=listener, ssl=tls)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(*sys.argv[1:2]))
