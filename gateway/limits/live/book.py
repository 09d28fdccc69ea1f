"""The limits in force: the settings, and what admins have changed since, in force in every process within a second."""

import asyncpg
import structlog

from gateway.limits.live.rows import by_owner
from gateway.limits.plan import Plans
from gateway.limits.policy import LimitPolicy
from kernel import sql
from kernel.tasks import Rereader

_QUERIES = sql.beside(__file__, "book.sql")
_REFRESH_SECONDS = 0.5
_READ_SECONDS_MAX = 5
_log = structlog.get_logger()


class LimitBook:
    """Asks PostgreSQL for one number twice a second, and reads the limits anew when it moved.

    While PostgreSQL is away the last known limits stay in force.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", policy: LimitPolicy) -> None:
        self._pool = pool
        self._policy = policy
        self._version: int | None = None
        self._plans = Plans(policy)
        self._rereader = Rereader("limits", self.refresh, _REFRESH_SECONDS)

    @property
    def plans(self) -> Plans:
        """For the limits as they were read last."""
        return self._plans

    async def start(self) -> None:
        """Read the limits once, then whenever they changed."""
        await self._rereader.start()

    async def close(self) -> None:
        """Stop reading."""
        await self._rereader.close()

    async def refresh(self) -> None:
        """Read them now, if they changed. The number is read first, so that a change meanwhile is read again."""
        version = await self._pool.fetchval(_QUERIES["read_version"], timeout=_READ_SECONDS_MAX) or 0
        if version == self._version:
            return
        tiers = await self._fetch("list_tier_limits")
        own = await self._fetch("list_own_limits")
        partners = await self._fetch("list_partner_tiers")
        # A tier is stored whole, but by a version of the program that may know fewer limits.
        changed = {name: self._policy.tier(name).with_own(limits) for name, limits in by_owner(tiers, "tier").items()}
        self._plans = Plans(
            self._policy.with_tiers(changed),
            {row["id"]: row["tier"] for row in partners},
            by_owner(own, "owner_id"),
        )
        self._version = version

    async def _fetch(self, query: str) -> list[asyncpg.Record]:
        return await self._pool.fetch(_QUERIES[query], timeout=_READ_SECONDS_MAX)


class FixedBook:
    """Limits that nobody changes."""

    def __init__(self, policy: LimitPolicy) -> None:
        self._plans = Plans(policy)

    @property
    def plans(self) -> Plans:
        """Always the same."""
        return self._plans
