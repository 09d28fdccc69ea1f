"""Whether this process lives and may be sent requests, and what it counts."""

import asyncio
from typing import Any, TypeAlias

import asyncpg
from prometheus_client import CollectorRegistry, generate_latest

from gateway.limits.gate import Gate
from kernel import sql

_QUERIES = sql.beside(__file__, "health.sql")
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
_CHECK_SECONDS = 2


class Health:
    """Readiness goes down first when the process drains, so that nothing new comes while it finishes."""

    def __init__(self, pool: Pool, gate: Gate | None, registry: CollectorRegistry) -> None:
        self._pool = pool
        self._gate = gate
        self.registry = registry
        self.draining = False

    def drain(self) -> None:
        """From now on the process is not ready."""
        self.draining = True

    async def ready(self) -> tuple[bool, dict[str, Any]]:
        """Ready means: not draining, and PostgreSQL answers. Redis is shown; without it the limits are local."""
        database = await self._database_answers()
        redis = "unknown" if self._gate is None else ("available" if self._gate.redis_available else "unavailable")
        checks = {
            "draining": self.draining,
            "postgresql": "available" if database else "unavailable",
            "redis": redis,
        }
        return database and not self.draining, checks

    def metrics(self) -> bytes:
        """The Prometheus text format."""
        return generate_latest(self.registry)

    async def _database_answers(self) -> bool:
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                return bool(await self._pool.fetchval(_QUERIES["ping"]))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
