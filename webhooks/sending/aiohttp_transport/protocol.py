"""Two rules about answers that aiohttp's client does not keep by itself."""

from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.helpers import set_exception

_END_OF_HEAD = b"\r\n\r\n"


class HeadFirstHandler(ResponseHandler):
    """Lets the head of an answer stand, whatever follows it.

    aiohttp's parser forgets a whole answer when rubbish comes behind it in the same packet: a 204 with a body, say,
    which some frameworks send. So bytes are fed head by head until the answer is there. And where a body breaks the
    rules it leaves the reader waiting for the deadline; here the reader hears of it at once.

    What comes after a whole answer is never taken for the answer to the next request on the connection: it ends it.
    """

    _answered = False
    _before = b""

    def set_response_params(self, **parameters: Any) -> None:
        """Begin a new exchange."""
        self._answered = False
        self._before = b""
        super().set_response_params(**parameters)

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Called with each parsed head; informational ones (RFC 9110 §15.2) are not the answer."""
        self._answered = self._answered or data[0].code >= 200
        super().feed_data(data, size)

    def data_received(self, data: bytes) -> None:
        """Bytes from the socket, or none: aiohttp's own call where it has paused and goes on."""
        if not data:
            self._feed(data)
            return
        if self._is_answer_complete():
            self._drop()
            return
        while data and not self._answered and (end := self._end_of_head(data)):
            self._feed(data[:end])
            data = data[end:]
        if data and self._is_answer_complete():
            self._drop()
        elif data:
            self._before = data[-3:]
            self._feed(data)

    def _is_answer_complete(self) -> bool:
        return self._answered and (self._payload is None or self._payload.is_eof())

    def _drop(self) -> None:
        self.force_close()
        if self.transport is not None:
            self.transport.abort()

    def _end_of_head(self, data: bytes) -> int:
        """Where the next head ends in `data`, or 0; its last four bytes may have begun in what came before."""
        found = (self._before + data).find(_END_OF_HEAD)
        end = found + len(_END_OF_HEAD) - len(self._before)
        return end if found >= 0 and end > 0 else 0

    def _feed(self, data: bytes) -> None:
        payload = self._payload
        super().data_received(data)
        payload = self._payload or payload
        problem = self.exception()
        if problem is not None and payload is not None and not payload.is_eof():
            set_exception(payload, aiohttp.ClientPayloadError("the body is not valid"), problem)
