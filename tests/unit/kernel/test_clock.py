from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from kernel.clock import CorrectedClock

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that each round's trip takes by the monotonic clock; the test fills it."""
    seconds: list[float] = []

    def moments() -> Iterator[float]:
        now = 0.0
        for trip in seconds:
            yield now
            now += trip
            yield now

    walk = moments()
    monkeypatch.setattr("kernel.clock.time", SimpleNamespace(monotonic=lambda: next(walk)))
    return seconds


async def test_the_shortest_trip_is_believed(trips: list[float]) -> None:
    """Of several rounds the quickest decides, and half its trip is taken off."""
    trips += [2.0, 0.02, 5.0]
    answers = iter([NOON + timedelta(hours=1), NOON + timedelta(minutes=10, seconds=0.01), NOON])
    clock = CorrectedClock(lambda: NOON)

    async def database_now() -> datetime:
        return next(answers)

    assert await clock.measure(database_now) == timedelta(minutes=10)
    assert clock.now() == NOON + timedelta(minutes=10)


async def test_a_clock_that_was_not_measured_is_the_machines() -> None:
    """Without a measurement, or without rounds, the offset stays."""
    clock = CorrectedClock(lambda: NOON)

    async def database_now() -> datetime:
        raise AssertionError

    assert await clock.measure(database_now, rounds=0) == timedelta(0)
    assert clock.now() == NOON
    assert CorrectedClock().now().tzinfo is UTC


def test_seconds_only_grow() -> None:
    """The monotonic clock never goes back."""
    clock = CorrectedClock()
    assert clock.monotonic() <= clock.monotonic()
