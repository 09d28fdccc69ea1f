"""Assertions are used once. PostgreSQL alone remembers which were (docs/decisions): Redis may forget at any moment."""

import hashlib
from datetime import UTC, datetime

import asyncpg

from gateway.oauth.authentication.assertions import Used
from gateway.oauth.clients.records import Client
from kernel import sql

_QUERIES = sql.beside(__file__, "used.sql")


class UsedAssertions:
    """The one memory of all processes."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def use(self, client: Client, used: Used) -> bool:
        """True the first time, committed; False ever after."""
        digest = hashlib.sha256(used.jti.encode("utf-8", "surrogatepass")).digest()
        expires_at = datetime.fromtimestamp(used.expires_at, UTC)
        first = await self._pool.fetchval(
            _QUERIES["use_assertion"], client.tenant.partner_id, client.id, digest, expires_at
        )
        return bool(first)
