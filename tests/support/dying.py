"""A pool that lets something happen before the n-th statement of whoever uses it: a death, or somebody else's act."""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self


class Killed(ConnectionError):
    """The process died here."""


async def die() -> None:
    """What happens."""
    raise Killed


class InterruptedPool:
    """Connections of another pool; `act` comes before statement number `at`, counted from 1 over all of them."""

    def __init__(self, pool: Any, at: int, act: Callable[[], Awaitable[object]] = die) -> None:
        self._pool = pool
        self._act = act
        self.left = at

    def acquire(self) -> "InterruptedConnection":
        """A connection in an `async with`."""
        return InterruptedConnection(self, self._pool.acquire())

    async def before(self) -> None:
        """Called before each statement."""
        self.left -= 1
        if self.left == 0:
            await self._act()

    async def fetch(self, *arguments: Any) -> Any:
        """Rows."""
        await self.before()
        return await self._pool.fetch(*arguments)

    async def fetchrow(self, *arguments: Any) -> Any:
        """One row."""
        await self.before()
        return await self._pool.fetchrow(*arguments)

    async def fetchval(self, *arguments: Any) -> Any:
        """One value."""
        await self.before()
        return await self._pool.fetchval(*arguments)

    async def execute(self, *arguments: Any) -> Any:
        """A tag."""
        await self.before()
        return await self._pool.execute(*arguments)


class DyingPool(InterruptedPool):
    """The pool of a process that dies before statement number `at`: it makes no other one either."""

    @property
    def is_dead(self) -> bool:
        """Whether it came so far."""
        return self.left <= 0

    async def before(self) -> None:
        """Called before each statement."""
        self.left -= 1
        if self.is_dead:
            raise Killed


class InterruptedConnection:
    """Statements of a connection."""

    def __init__(self, pool: InterruptedPool, context: Any) -> None:
        self._pool = pool
        self._context = context
        self._connection: Any = None

    async def __aenter__(self) -> Self:
        self._connection = await self._context.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._context.__aexit__(kind, error, trace)

    def transaction(self, **options: Any) -> Any:
        """The connection's own."""
        return self._connection.transaction(**options)

    async def fetch(self, *arguments: Any) -> Any:
        """Rows."""
        await self._pool.before()
        return await self._connection.fetch(*arguments)

    async def fetchrow(self, *arguments: Any) -> Any:
        """One row."""
        await self._pool.before()
        return await self._connection.fetchrow(*arguments)

    async def fetchval(self, *arguments: Any) -> Any:
        """One value."""
        await self._pool.before()
        return await self._connection.fetchval(*arguments)

    async def execute(self, *arguments: Any) -> Any:
        """A tag."""
        await self._pool.before()
        return await self._connection.execute(*arguments)
