"""HTTP/1.1 with nothing that is not needed: so that generator and receiver cost little beside what they measure.

Requests are whole byte strings; of an answer only the status and its end are found. Both ends are ours or under test on
this machine, so nothing here is fit for strangers.
"""

import asyncio
from collections.abc import Callable

HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


def request_head(method: str, path: str, headers: dict[str, str]) -> bytes:
    """Everything before content-length and its value."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "content-length: "]).encode()


def whole(head: bytes, body: bytes) -> bytes:
    """A request from `request_head` and its body."""
    return b"%b%d%b%b" % (head, len(body), HEAD_END, body)


def end_of_message(data: bytes | bytearray) -> int:
    """Where the first whole message ends, or 0 while it is not whole. Without a length there is no body."""
    head_end = data.find(HEAD_END)
    if head_end < 0:
        return 0
    head = bytes(data[:head_end]).lower()
    start = head.find(_LENGTH)
    length = 0 if start < 0 else int(head[start + len(_LENGTH) : (head.find(b"\r\n", start) + 1 or len(head) + 1) - 1])
    end = head_end + len(HEAD_END) + length
    return end if len(data) >= end else 0


def thinned(values: list[float]) -> list[float]:
    """In order, about a thousand, the smallest and the largest among them."""
    ordered = sorted(values)
    return ordered[:: max(1, len(ordered) // 1000)] + ordered[-1:]


class Line(asyncio.Protocol):
    """One connection of a generator: one request at a time, and a head for all of them.

    `answered` gets the status; 0 if the connection broke.
    """

    def __init__(self, answered: Callable[["Line", int], None]) -> None:
        self._answered = answered
        self._transport: asyncio.Transport | None = None
        self._data = bytearray()
        self._waiting = False
        self.sent_at = 0.0
        self.head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio.Protocol."""
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """asyncio.Protocol."""
        self._data += data
        if end := end_of_message(self._data):
            status = int(self._data[9:12])
            del self._data[:end]
            self._waiting = False
            self._answered(self, status)

    def connection_lost(self, _error: Exception | None) -> None:
        """asyncio.Protocol."""
        if self._waiting:
            self._waiting = False
            self._answered(self, 0)

    def send(self, request: bytes, at: float) -> None:
        """The next request; `at` is when its time to answer begins."""
        if self._transport is None or self._transport.is_closing():
            self._answered(self, 0)
            return
        self.sent_at = at
        self._waiting = True
        self._transport.write(request)

    def close(self) -> None:
        """Hang up."""
        self._waiting = False
        if self._transport is not None:
            self._transport.close()
