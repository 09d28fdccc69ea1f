"""Reads one answer at a time out of the bytes of a connection. No I/O.

llhttp, the parser below, is strict, and that is right: lenient framing is how requests are smuggled. What a receiver
can get wrong is told apart, so that it can be told.
"""

import time
from enum import Enum

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from webhooks.sending.transport import BodyState

_STATUS_FINAL_MIN = 200
_SWITCHING = 101
_STATUS_MIN = 100
_HEADER_OVERHEAD_BYTES = 4
# What llhttp says, and what we say. It names the rule that was broken, and repeats nothing of the answer.
_PROBLEMS = (
    ("Expected HTTP/", "the answer is not HTTP/1.1"),
    ("Content-Length", "the answer's length is stated twice or is no number"),
    ("Transfer-Encoding", "the answer states its length in two ways"),
    ("Missing expected CR", "a line of the answer does not end with CR and LF"),
    ("header", "a header of the answer is not valid"),
    ("status", "the answer's status is not a number of three digits"),
    ("chunk", "the answer's chunks are not valid"),
)


class Ending(Enum):
    """How the reading of an answer ended."""

    ANSWERED = "answered"  # its head was read; `body_state` says what became of the rest
    FAILED = "failed"  # what came is no valid head; `problem` says why


class ReplyReader:
    """One per connection; `begin` before each request, then `feed` until it has an ending.

    The answer is frozen at its first end: what follows in the same bytes never changes it, and only makes the
    connection unfit for another request. Trailers are dropped, or one named Retry-After would be believed.
    """

    __slots__ = (
        "_body_bytes",
        "_body_bytes_max",
        "_fed",
        "_head_bytes",
        "_head_bytes_max",
        "_is_informational",
        "_parser",
        "body",
        "body_state",
        "ending",
        "first_byte_ns",
        "headers",
        "is_reusable",
        "problem",
        "status",
    )

    def __init__(self, head_bytes_max: int, body_bytes_max: int) -> None:
        self._head_bytes_max = head_bytes_max
        self._body_bytes_max = body_bytes_max
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        self.begin()

    def begin(self) -> None:
        """Forget the last answer."""
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.body: list[bytes] = []
        self.body_state = BodyState.COMPLETE
        self.ending: Ending | None = None
        self.problem = ""
        self.first_byte_ns = 0
        self.is_reusable = False
        self._is_informational = False
        self._head_bytes = self._body_bytes = self._fed = 0

    def feed(self, data: bytes) -> bool:
        """Whether the answer has ended with these bytes."""
        if not self.first_byte_ns:
            self.first_byte_ns = time.perf_counter_ns()
        if self._parser is None:
            return True
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self.is_reusable = False
        except HttpParserError as problem:
            self._on_rubbish(str(problem))
        if not self.status:
            self._check_head(len(data))
        return self.ending is not None

    def finish(self) -> None:
        """The receiver has said all that it wants to: the end of a body without length (RFC 9112 §6.3)."""
        if self.status and self.ending is None:
            self._end(BodyState.COMPLETE if self._ends_with_connection() else BodyState.BROKEN)

    def cut(self, state: BodyState) -> None:
        """Nothing more will be read. Without a whole head there is no answer."""
        if self.status and self.ending is None:
            self._end(state)

    def release(self) -> None:
        """Part from the parser: it and this refer to each other, and would wait for the garbage collector."""
        self._parser = None

    def on_message_begin(self) -> None:
        """A head begins; after an answer it is a stray one."""
        if self.ending is not None:
            self.is_reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """A line of a head, or a trailer."""
        if self.status or self.ending is not None:
            return
        self._head_bytes += len(name) + len(value) + _HEADER_OVERHEAD_BYTES
        self.headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """A head is whole: informational ones (RFC 9110 §15.2) are not the answer; 101, never asked for, is."""
        if self._parser is None or self.ending is not None:
            return
        status = self._parser.get_status_code()
        self._is_informational = _STATUS_MIN <= status < _STATUS_FINAL_MIN and status != _SWITCHING
        if self._is_informational:
            return
        if self._head_bytes > self._head_bytes_max:
            self._fail("the answer's head is too long")
        elif status < _STATUS_MIN:
            self._fail("the answer's status is not a number of three digits")
        else:
            self.status = status
            self.is_reusable = status != _SWITCHING and self._parser.should_keep_alive()

    def on_body(self, piece: bytes) -> None:
        """A piece of the body, kept up to the cap; the first byte beyond ends the answer."""
        if self.ending is not None:
            return
        room = self._body_bytes_max - self._body_bytes
        self._body_bytes += len(piece)
        self.body.append(piece[:room] if len(piece) > room else piece)
        if len(piece) > room:
            self._end(BodyState.CAPPED)

    def on_message_complete(self) -> None:
        """The end of an informational head, or of the answer."""
        if self._is_informational:
            self._is_informational = False
            self.headers = []
        elif self.ending is None:
            self.ending = Ending.ANSWERED

    def _end(self, state: BodyState) -> None:
        self.ending, self.body_state = Ending.ANSWERED, state
        self.is_reusable = self.is_reusable and state is BodyState.COMPLETE

    def _fail(self, problem: str) -> None:
        self.ending, self.problem, self.is_reusable = Ending.FAILED, problem, False

    def _on_rubbish(self, problem: str) -> None:
        """After a whole answer it does not count; within a body it breaks it; before the head's end there is none."""
        self.is_reusable = False
        if self.ending is not None:
            return
        if self.status:
            self._end(BodyState.BROKEN)
        else:
            self._fail(next((ours for theirs, ours in _PROBLEMS if theirs in problem), "the answer is not valid HTTP"))

    def _check_head(self, count: int) -> None:
        """A head that never ends. Checked after feeding: one read may bring a short head and a long body."""
        self._fed += count
        if self.ending is None and self._fed > self._head_bytes_max:
            self._fail("the answer's head is too long")

    def _ends_with_connection(self) -> bool:
        fields = {name.lower(): value for name, value in self.headers}
        codings = fields.get("transfer-encoding", "").lower()
        return "content-length" not in fields and not codings.rstrip().endswith("chunked")
