"""One connection to a receiver: at most one request at a time."""

import asyncio
import ssl
from typing import cast

from webhooks.sending.dialing.problems import SendError, tls_problem
from webhooks.sending.lean_transport.reply import Ending, ReplyReader
from webhooks.sending.model import ErrorClass
from webhooks.sending.transport import BodyState


class Connection(asyncio.Protocol):
    """Writes a request and reads its answer. `deadline` is the loop's time at which `expire` will be called."""

    __slots__ = ("_answer", "_transport", "born", "deadline", "problem", "reader")

    def __init__(self, reader: ReplyReader, born: float) -> None:
        self.reader = reader
        self.born = born
        self.deadline = 0.0
        self.problem: SendError | None = None
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether a request could be written."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def is_reusable(self) -> bool:
        """Whether the last exchange left it fit for another: whole answer, whole request, nothing more said."""
        transport = self._transport
        return (
            self.reader.is_reusable
            and transport is not None
            and not transport.is_closing()
            and not transport.get_write_buffer_size()
        )

    def exchange(self, request: bytes) -> "asyncio.Future[None]":
        """Write the request; the future is done when the reader has an answer or `problem` says why there is none."""
        self.reader.begin()
        self.problem = None
        self._answer = asyncio.get_running_loop().create_future()
        if self._transport is None:
            self._fail(ErrorClass.RESET, "the connection was lost before the answer")
        else:
            self._transport.write(request)
        return self._answer

    def expire(self) -> None:
        """The time is over: what of the answer is there counts."""
        self.reader.cut(BodyState.LATE)
        if self.reader.ending is None:
            self._fail(ErrorClass.TIMEOUT, "the time was over while waiting for the answer")
        self.drop()
        self._done()

    def drop(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes from the socket. What comes while no answer is waited for is never one: it ends the connection."""
        if self._answer is None:
            self.drop()
        elif self.reader.feed(data):
            if self.reader.ending is Ending.FAILED:
                self._fail(ErrorClass.PROTOCOL, self.reader.problem)
            self._done()

    def eof_received(self) -> None:
        """The receiver says no more; the event loop closes the connection next."""
        if self._answer is not None and self.reader.status:
            self.reader.finish()
            self._done()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop, once."""
        self._transport = None
        self.reader.release()
        if self._answer is None:
            return
        self.reader.cut(BodyState.BROKEN)
        if self.reader.ending is None:
            self._fail(*_loss(exc, is_within_head=bool(self.reader.first_byte_ns)))
        self._done()

    def _fail(self, error: ErrorClass, detail: str) -> None:
        self.problem = SendError(error, detail)

    def _done(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(None)


def _loss(problem: Exception | None, *, is_within_head: bool) -> tuple[ErrorClass, str]:
    """A reset and a close cannot be told apart on every event loop; what was seen can be."""
    if is_within_head:
        return ErrorClass.RESET, "the connection was lost within the head of the answer"
    if isinstance(problem, ssl.SSLError):
        return ErrorClass.TLS, tls_problem(problem)
    return ErrorClass.RESET, "the connection was lost before the answer: not a byte of it came"
