"""One connection to Redis or Valkey for calls that many requests share.

Commands come as bytes and go out at once, answers come back in their order. A call starts no task and no timer, only a
future: the driver's own client costs ten times as much, which is right for everything that is rare.
"""

import asyncio
from collections import deque
from typing import Any

import hiredis
from redis.exceptions import ConnectionError, NoScriptError, ResponseError  # noqa: A004 - the driver's names

from kernel.redis.opening import Address
from kernel.redis.resp import pack

_NOT_WHOLE = object()


class RedisLine:
    """Connects with the first call, and again with the first one after the connection was lost. Answers are bytes.

    A call that is not answered in time takes the connection and all calls that wait on it with it: it may have been
    carried out, and its answer would be taken for the next one's.
    """

    def __init__(self, url: str, *, timeout_seconds: float) -> None:
        """Raises ValueError for what is no Redis URL."""
        self._address = Address.of(url)
        self._timeout_seconds = timeout_seconds
        self._opening = asyncio.Lock()
        self._wire: _Wire | None = None

    async def call(self, command: bytes) -> Any:
        """The answer to a command (`kernel.redis.pack`).

        Raises redis.ResponseError for one that Redis refuses, redis.ConnectionError or OSError (TimeoutError too) where
        there is no answer.
        """
        wire = self._wire
        if wire is None or wire.is_lost:
            wire = await self._open()
        return await wire.ask(command)

    async def execute_command(self, *arguments: bytes | str | int) -> Any:
        """The same for a command in parts, as the driver's client has it."""
        return await self.call(pack(*arguments))

    async def close(self) -> None:
        """End the connection; who waits gets redis.ConnectionError."""
        if self._wire is not None:
            self._wire.end(ConnectionError("closed"))

    async def _open(self) -> "_Wire":
        async with self._opening:
            if self._wire is not None and not self._wire.is_lost:
                return self._wire
            async with asyncio.timeout(self._timeout_seconds):
                wire = await self._address.open(lambda: _Wire(self._timeout_seconds))
                try:
                    for command in self._address.greeting():
                        await wire.ask(command)
                except BaseException as error:
                    wire.end(error)
                    raise
            self._wire = wire
            return wire


class _Wire(asyncio.Protocol):
    """One connection from its beginning to its end."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(replyError=_refusal, notEnoughData=_NOT_WHOLE)
        self._waiting: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._watch: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport
        self.is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio.Protocol."""
        self._transport = transport  # type: ignore[assignment]

    def ask(self, command: bytes) -> "asyncio.Future[Any]":
        """The future of the answer."""
        future = self._loop.create_future()
        if self.is_lost:
            future.set_exception(ConnectionError("lost"))
            return future
        self._transport.write(command)
        self._waiting.append((future, self._loop.time()))
        if self._watch is None:
            self._watch = self._loop.call_later(self._timeout_seconds, self._look)
        return future

    def data_received(self, data: bytes) -> None:
        """asyncio.Protocol."""
        self._reader.feed(data)
        try:
            while (answer := self._reader.gets()) is not _NOT_WHOLE:
                _set(self._waiting.popleft()[0], answer)
        except (hiredis.HiredisError, IndexError) as error:
            self.end(error)

    def connection_lost(self, error: Exception | None) -> None:
        """asyncio.Protocol."""
        self.end(error or ConnectionError("Redis closed the connection"))

    def end(self, error: BaseException) -> None:
        """Close; whoever waits for an answer does not know whether the call was carried out."""
        self.is_lost = True
        self._transport.abort()
        if self._watch is not None:
            self._watch.cancel()
        why = error if isinstance(error, OSError) else ConnectionError(type(error).__name__)
        while self._waiting:
            _set(self._waiting.popleft()[0], why)

    def _look(self) -> None:
        """One timer for all calls: it looks at the oldest."""
        self._watch = None
        if not self._waiting:
            return
        left = self._waiting[0][1] + self._timeout_seconds - self._loop.time()
        if left <= 0:
            self.end(TimeoutError())
        else:
            self._watch = self._loop.call_later(left, self._look)


def _set(future: "asyncio.Future[Any]", answer: Any) -> None:
    if future.done():  # its caller did not wait for it
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)


def _refusal(text: str) -> Exception:
    code, _, rest = text.partition(" ")
    return NoScriptError(rest) if code == "NOSCRIPT" else ResponseError(text)
