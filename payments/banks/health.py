"""How banks fare at the moment, over all processes: each tells the database what it saw, and anyone reads the sum.

Nothing decides by this: each process has its own breakers (adapters/engine/guards.py). It is for people to look at.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import uuid4

import asyncpg
import structlog

from adapters.engine.recent import WINDOW_SECONDS, Standing
from kernel.sql import beside
from payments.tools import Pool

_SQL = beside(__file__, "health.sql")
_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
_TELL_SECONDS = 5.0
# A process that has not told anything for so long has ended.
_TOLD_WITHIN = timedelta(seconds=3 * _TELL_SECONDS)
_FAILING_SHARE = 0.5
_FAILING_CALLS_MIN = 3
_log = structlog.get_logger()


class Condition(StrEnum):
    """A bank's health in a word."""

    SUSPENDED = "suspended"  # By an admin: payments wait.
    PAUSED = "paused"  # A process leaves it alone for a while, after failures or because it asked for that.
    FAILING = "failing"  # At least half of the last minute's calls failed.
    HEALTHY = "healthy"
    IDLE = "idle"  # Nobody called it in the last minute, so nobody knows.


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What all processes saw in the last `window_seconds`; failed are calls without an answer, or with a 5xx."""

    calls: int = 0
    failures: int = 0
    shut_until: datetime | None = None
    window_seconds: int = WINDOW_SECONDS

    def condition(self, *, suspended: bool) -> Condition:
        """In a word."""
        if suspended:
            return Condition.SUSPENDED
        if self.shut_until is not None:
            return Condition.PAUSED
        if self.calls >= _FAILING_CALLS_MIN and self.failures >= _FAILING_SHARE * self.calls:
            return Condition.FAILING
        return Condition.HEALTHY if self.calls else Condition.IDLE


NOTHING_KNOWN = Health()


async def read_health(pool: Pool) -> Mapping[str, Health]:
    """By bank; one that is not in it was not called lately."""
    rows = await pool.fetch(_SQL["read_bank_health"], _TOLD_WITHIN)
    return {
        row["bank_id"]: Health(calls=row["calls"], failures=row["failures"], shut_until=row["shut_until"])
        for row in rows
    }


class HealthTeller:
    """Tells the database what this process sees, every few seconds while there is something to tell."""

    def __init__(self, pool: Pool, standings: Callable[[], Mapping[str, Standing]]) -> None:
        self._pool = pool
        self._standings = standings
        self._process_id = uuid4()
        self._told: set[str] = set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_TELL_SECONDS)
            try:
                await self.run_once()
            except _AWAY as error:
                _log.warning("bank_health.untold", error=type(error).__name__)

    async def run_once(self) -> None:
        """Banks with calls or a shut breaker, and once more those that have neither any longer."""
        standings = self._standings()
        busy = {bank_id for bank_id, standing in standings.items() if standing.calls or standing.shut_seconds}
        told = sorted(bank_id for bank_id in busy | self._told if bank_id in standings)
        if told:
            each = [standings[bank_id] for bank_id in told]
            await self._pool.execute(
                _SQL["tell_bank_health"],
                self._process_id,
                told,
                [standing.calls for standing in each],
                [standing.failures for standing in each],
                [standing.shut_seconds for standing in each],
            )
        self._told = busy
