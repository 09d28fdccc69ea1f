"""Who is suspended, and what clients are limited to: read so often that a change is in force within a second."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from uuid import UUID

import asyncpg
import structlog

from gateway.oauth.scopes import Caller
from kernel import sql

_QUERIES = sql.beside(__file__, "standing.sql")
_REFRESH_SECONDS = 0.5
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLimits:
    """The merchants that a client may act for and the networks that it may call from; empty means all."""

    merchants: frozenset[UUID]
    networks: Sequence[IPv4Network | IPv6Network]


class Standing:
    """Suspended partners and clients, and clients' limits. While PostgreSQL is away what was known stays in force."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._suspended: frozenset[UUID] = frozenset()
        self._limits: dict[UUID, ClientLimits] = {}
        self._version = 0
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
        for row in await self._pool.fetch(_QUERIES["list_changed_clients"], self._version, timeout=5):
            self._version = max(self._version, row["version"])
            self._limit(row["id"], ClientLimits(merchants=frozenset(row["merchant_ids"]), networks=row["networks"]))

    def suspended(self, caller: Caller) -> bool:
        """Whether the caller's partner or client is."""
        return caller.client_id in self._suspended or caller.tenant.partner_id in self._suspended

    def limits_of(self, client_id: UUID) -> ClientLimits | None:
        """What the client is limited to; None for most, who are not."""
        return self._limits.get(client_id)

    def _limit(self, client_id: UUID, limits: ClientLimits) -> None:
        if limits.merchants or limits.networks:
            self._limits[client_id] = limits
        else:
            self._limits.pop(client_id, None)

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(_REFRESH_SECONDS)
            try:
                await self.refresh()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                _log.warning("standing.not_refreshed", error=type(error).__name__)
