"""Time. `now` is the database's time as far as this process can tell; deadlines use the monotonic clock instead.

Machines' clocks differ. Each process measures its offset to the database's clock and adds it, so that signatures,
tokens, ids and logs of all processes agree. What crosses to Redis is a delay, never a time.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the rooms ask for the time. Tests give one that they move by hand."""

    def now(self) -> datetime:
        """The corrected time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow, for deadlines and leases inside this process."""
        ...


class CorrectedClock:
    """This machine's clock plus the measured offset to the database's."""

    def __init__(self, system_now: Callable[[], datetime] | None = None) -> None:
        self._system_now = system_now or _system_now
        self.offset = timedelta(0)

    def now(self) -> datetime:
        """The corrected time, aware, in UTC."""
        return self._system_now() + self.offset

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return time.monotonic()

    async def measure(self, database_now: Callable[[], Awaitable[datetime]], rounds: int = 3) -> timedelta:
        """Measure the offset: the round with the shortest trip wins, half of its trip is its error at most."""
        best: tuple[float, timedelta] | None = None
        for _ in range(rounds):
            started, before = time.monotonic(), self._system_now()
            there = await database_now()
            trip = time.monotonic() - started
            if best is None or trip < best[0]:
                best = (trip, there - before - timedelta(seconds=trip / 2))
        if best is not None:
            self.offset = best[1]
        return self.offset


def _system_now() -> datetime:
    return datetime.now(UTC)
