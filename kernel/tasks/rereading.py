"""What every process keeps of a table: read again and again, so that a change anywhere is known everywhere soon."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import structlog

from kernel.errors import ThreadneedleError
from kernel.tasks.ending import end

_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ThreadneedleError)
_log = structlog.get_logger()


class Rereader:
    """Calls `read` when it starts, and then every so many seconds until it is closed.

    While the database is away the last known stays in force; `name` is what the log calls it then.
    """

    def __init__(self, name: str, read: Callable[[], Awaitable[object]], seconds: float) -> None:
        self._name = name
        self._read = read
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read once. Raises what `read` raises: without a first reading nothing is known."""
        await self._read()
        self._task = asyncio.create_task(self._go_on())

    async def close(self) -> None:
        """Read no more."""
        if self._task is not None:
            await end(self._task)

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self._read()
            except _AWAY as error:
                _log.warning("not_reread", what=self._name, error=type(error).__name__)
