"""A clock that tests move by hand."""

import time
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


class FakeClock:
    """Stands still until told to move; both of its times move together."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now
        self._monotonic = 1000.0

    def now(self) -> datetime:
        """The time that was set."""
        return self._now

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return self._monotonic

    def advance(self, seconds: float) -> datetime:
        """Move forward; the new time."""
        if seconds < 0:
            raise ValueError("time goes forward")
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds
        return self._now


class RunningClock(FakeClock):
    """Runs like a real one from now on, and can be moved forward besides."""

    def __init__(self) -> None:
        super().__init__(datetime.now(UTC))
        self._began = time.monotonic()

    def now(self) -> datetime:
        """The time that it is here."""
        return super().now() + timedelta(seconds=time.monotonic() - self._began)

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return super().monotonic() + time.monotonic() - self._began
