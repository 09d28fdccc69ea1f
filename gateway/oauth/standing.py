"""Who is suspended. One query a second per process makes a suspension bite everywhere within a second."""

import asyncio
import contextlib
from uuid import UUID

import asyncpg
import structlog

from gateway.oauth.scopes import Caller
from kernel import sql

_QUERIES = sql.beside(__file__, "standing.sql")
_REFRESH_SECONDS = 0.5
_log = structlog.get_logger()


class Standing:
    """The suspended partners and clients. While PostgreSQL is away the last known set stays in force."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._suspended: frozenset[UUID] = frozenset()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read the set once, then again and again."""
        await self.refresh()
        self._task = asyncio.create_task(self._keep_fresh())

    async def close(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def refresh(self) -> None:
        """Read the set now."""
        rows = await self._pool.fetch(_QUERIES["list_suspended"], timeout=5)
        self._suspended = frozenset(row["id"] for row in rows)

    def suspended(self, caller: Caller) -> bool:
        """Whether the caller's partner or client is."""
        return caller.client_id in self._suspended or caller.tenant.partner_id in self._suspended

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(_REFRESH_SECONDS)
            try:
                await self.refresh()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                _log.warning("standing.not_refreshed", error=type(error).__name__)
