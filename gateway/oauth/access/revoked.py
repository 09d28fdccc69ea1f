"""Tokens that were revoked. PostgreSQL has them; each process asks twice a second for what is new."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from kernel.clock import Clock
from kernel.ids import Tenant
from kernel.sql import beside

_QUERIES = beside(__file__, "revoked.sql")
# A row's time is its transaction's begin, so one that commits late may be older than one that was read before.
_OVERLAP = timedelta(seconds=30)
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


class RevokedTokens:
    """Those that have not expired. While PostgreSQL is away the last known ones stay revoked."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._expiry_by_jti: dict[str, datetime] = {}
        self._read_until = _EVER

    def __contains__(self, jti: str) -> bool:
        return jti in self._expiry_by_jti

    async def add(self, tenant: Tenant, client_id: UUID, jti: str, expires_at: datetime) -> None:
        """Revoke a token: committed when this returns, in force here at once and everywhere within a second."""
        await self._pool.execute(_QUERIES["revoke_token"], tenant.partner_id, jti, client_id, expires_at)
        self._expiry_by_jti[jti] = expires_at

    async def refresh(self) -> bool:
        """Read what is new; whether anything is."""
        now, before = self._clock.now(), len(self._expiry_by_jti)
        rows = await self._pool.fetch(_QUERIES["list_revoked"], self._read_until - _OVERLAP, now, timeout=5)
        self._expiry_by_jti |= {row["jti"]: row["expires_at"] for row in rows}
        self._read_until = max((row["revoked_at"] for row in rows), default=self._read_until)
        is_new = len(self._expiry_by_jti) > before
        self._expiry_by_jti = {jti: at for jti, at in self._expiry_by_jti.items() if at > now}
        return is_new
