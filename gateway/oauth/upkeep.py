"""What the worker does for OAuth: rotates signing keys, and forgets what has expired."""

import asyncpg

from gateway.oauth.signing.rotation import KeyRotation
from kernel.clock import Clock
from kernel.sql import beside

_QUERIES = beside(__file__, "upkeep.sql")
# A short transaction each, so that nobody waits for long.
_CHUNK_ROWS = 5_000


class OAuthUpkeep:
    """Safe to run from many processes at once."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", rotation: KeyRotation, clock: Clock) -> None:
        self._pool = pool
        self._rotation = rotation
        self._clock = clock

    async def run_once(self) -> None:
        """All of it."""
        await self._rotation.run_once()
        for name in ("forget_proofs", "forget_revoked"):
            while await self._pool.execute(_QUERIES[name], self._clock.now(), _CHUNK_ROWS) != "DELETE 0":
                pass
