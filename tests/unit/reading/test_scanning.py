"""Bounded scans: pages of candidates of which only some pass."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import Invalid
from kernel.ids import NIL, new_id
from webhooks.reading import scanning
from webhooks.reading.scanning import LAST_ID, Scanned, Span, scan

NOW = datetime(2026, 11, 23, tzinfo=UTC)


class Numbers:
    """The numbers below a bound, of which some pass, and how many were looked at."""

    def __init__(self, count: int, passing: frozenset[int]) -> None:
        self.all = range(1, count + 1)
        self.passing = passing
        self.looked_at = 0

    async def candidates(self, after: int | None, size: int) -> Sequence[int]:
        return self.all[after or 0 :][:size]

    async def rows(self, keys: Sequence[int]) -> dict[int, str]:
        self.looked_at += len(keys)
        return {key: str(key) for key in keys if key in self.passing}

    async def page(self, after: int | None, limit: int) -> Scanned[int, str]:
        return await scan(self.candidates, self.rows, after, limit)


@given(
    count=st.integers(0, 40),
    passing=st.frozensets(st.integers(1, 40)),
    limit=st.integers(1, 7),
    chunk=st.integers(1, 9),
    scan_max=st.integers(1, 20),
)
def test_the_pages_together_are_everything_that_passes(
    count: int, passing: frozenset[int], limit: int, chunk: int, scan_max: int
) -> None:
    """In order, each once, whatever the sizes; no page is longer than asked, or looks at much more than it may."""

    async def walk() -> list[str]:
        numbers, found, at = Numbers(count, passing), list[str](), None
        while True:
            numbers.looked_at = 0
            page = await numbers.page(at, limit)
            assert len(page.rows) <= limit
            assert numbers.looked_at < scan_max + max(chunk, limit + 1)
            found += page.rows
            if page.last is None:
                return found
            assert at is None or page.last > at
            at = page.last

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanning, "CHUNK_ROWS", chunk)
        patch.setattr(scanning, "SCAN_ROWS_MAX", scan_max)
        assert asyncio.run(walk()) == [str(number) for number in range(1, count + 1) if number in passing]


async def test_a_page_without_filter_looks_at_one_row_more_than_it_shows() -> None:
    """Nothing is read ahead, and the last page says that it is the last."""
    numbers = Numbers(100, frozenset(range(101)))
    page = await numbers.page(None, 10)
    assert (page.last, numbers.looked_at) == (10, 11)
    assert (await numbers.page(90, 10)).last is None


def test_a_span_holds_the_ids_of_its_time() -> None:
    """Since is included, until is not; without them there is no bound."""
    span = Span.of(NOW, NOW + timedelta(hours=1))
    assert span.low <= new_id(NOW) < span.high
    assert new_id(NOW - timedelta(milliseconds=1)) < span.low
    assert new_id(NOW + timedelta(hours=1)) >= span.high
    assert Span.of(None, None) == Span(low=NIL, high=LAST_ID)
    assert span.below(span.low) == Span(low=span.low, high=span.low)


def test_no_time_breaks_a_span() -> None:
    """Times before 1970 and ids of any time give bounds; an end that is not after the beginning is refused."""
    assert Span.of(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)).low == NIL
    assert Span.around([NIL, LAST_ID]) == Span(low=NIL, high=LAST_ID)
    around = Span.around([new_id(NOW)])
    assert around.low < new_id(NOW - timedelta(hours=23)) < new_id(NOW + timedelta(hours=23)) < around.high
    for until in (NOW, NOW - timedelta(days=1)):
        with pytest.raises(Invalid):
            Span.of(NOW, until)


def test_ids_are_compared_as_the_database_does() -> None:
    """By their bytes, from the first on."""
    assert UUID(int=1) < UUID(int=2) < LAST_ID
