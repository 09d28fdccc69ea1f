"""An event loop whose time leaps: where nothing is left to do but to wait, the wait is over at once.

Sockets, servers and databases are real, and what they need takes as long as it takes; sleeps, deadlines and a bank's
delays take no time. So hours of a payment's life pass in seconds, in the order in which they would have passed.
"""

import asyncio
import selectors
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

# How long nothing may come from a socket until the loop believes that everybody waits.
_IDLE_SECONDS = 0.002
_Value = TypeVar("_Value")


class LeapingLoop(asyncio.SelectorEventLoop):
    """Its time is the machine's and the sum of its leaps, none of which passes over a timer or over work elsewhere."""

    _leapt = 0.0
    _elsewhere = 0

    def __init__(self) -> None:
        super().__init__(_LeapingSelector(self))

    def time(self) -> float:
        """Seconds that only grow."""
        return super().time() + self._leapt

    def leap(self, seconds: float) -> bool:
        """Go forward, unless a database or a thread works for somebody here."""
        if self._elsewhere:
            return False
        self._leapt += seconds
        return True

    async def served(self, work: Awaitable[_Value]) -> _Value:
        """The result of work that somebody outside of this loop does."""
        self._elsewhere += 1
        try:
            return await work
        finally:
            self._elsewhere -= 1

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":
        """As always; meanwhile no leap is made."""
        self._elsewhere += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._came_back)
        return future

    def _came_back(self, _future: "asyncio.Future[Any]") -> None:
        self._elsewhere -= 1


class _LeapingSelector(selectors.DefaultSelector):
    def __init__(self, loop: LeapingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout <= _IDLE_SECONDS:
            return super().select(timeout)
        found = super().select(_IDLE_SECONDS)
        if found or self._loop.leap(timeout - _IDLE_SECONDS):
            return found
        return super().select(timeout - _IDLE_SECONDS)


class LeapingClock:
    """What a room of the product takes for the time: both of its times are the loop's."""

    def __init__(self, loop: LeapingLoop) -> None:
        self._loop = loop
        self._began_at = datetime.now(UTC) - timedelta(seconds=loop.time())

    def now(self) -> datetime:
        """The time of this loop's world."""
        return self._began_at + timedelta(seconds=self._loop.time())

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return self._loop.time()


class MachineClock:
    """What is signed and checked between us and a bank carries the machine's time, which the bank has too."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        """The machine's time."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds of the loop: durations leap."""
        return self._loop.time()


@dataclass(frozen=True, slots=True)
class ServedPool:
    """A pool of connections at whose statements no leap is made."""

    pool: Any
    loop: LeapingLoop

    @asynccontextmanager
    async def acquire(self) -> "AsyncIterator[ServedConnection]":
        connection = await self.loop.served(self.pool.acquire())
        try:
            yield ServedConnection(connection, self.loop)
        finally:
            await self.loop.served(self.pool.release(connection))

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        return _serving(getattr(self.pool, name), self.loop)


@dataclass(frozen=True, slots=True)
class ServedConnection:
    """One of its connections."""

    connection: Any
    loop: LeapingLoop

    @asynccontextmanager
    async def transaction(self, **options: Any) -> AsyncIterator[None]:
        transaction = self.connection.transaction(**options)
        await self.loop.served(transaction.start())
        try:
            yield
        except BaseException:
            await self.loop.served(transaction.rollback())
            raise
        await self.loop.served(transaction.commit())

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.connection, name)
        return _serving(found, self.loop) if asyncio.iscoroutinefunction(found) else found


def _serving(statement: Callable[..., Awaitable[_Value]], loop: LeapingLoop) -> Callable[..., Awaitable[_Value]]:
    async def run(*arguments: Any, **named: Any) -> _Value:
        return await loop.served(statement(*arguments, **named))

    return run
