"""The numbers of an endpoint that did not arrive."""

from typing import TypeAlias

import asyncpg
import pytest

from kernel.errors import Invalid, NotFound
from kernel.ids import Environment, Tenant
from tests.support.shelf import Shelf
from tests.support.tenants import add_tenant
from webhooks.reading import gaps as gaps_module
from webhooks.reading.gaps import Gap, GapPage, Gaps

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


@pytest.fixture
def gaps(database: Pool) -> Gaps:
    """The reader."""
    return Gaps(database)


def shown(page: GapPage) -> list[tuple[int, int, str | None]]:
    return [(gap.first, gap.last, gap.state) for gap in page.gaps]


async def walk(gaps: Gaps, shelf: Shelf, endpoint: object, limit: int) -> list[Gap]:
    """Every page's gaps, one after the other."""
    found: list[Gap] = []
    since = 0
    while True:
        page = await gaps.after(shelf.tenant, endpoint, since, limit)  # type: ignore[arg-type]
        found += page.gaps
        if page.next_since == page.last_sequence:
            return found
        assert page.next_since > since
        since = page.next_since


async def test_gaps_are_what_is_not_delivered(shelf: Shelf, gaps: Gaps) -> None:
    """Each undelivered number with its delivery, event, state and reason; delivered ones are none."""
    endpoint = await shelf.endpoint()
    assert await gaps.after(shelf.tenant, endpoint, 0, 10) == GapPage(
        gaps=(), last_sequence=0, next_since=0, oldest_kept=None
    )
    await shelf.delivery(endpoint)
    event = await shelf.event()
    dead = await shelf.delivery(endpoint, event, state="dead", state_reason="steps_used", last_status_code=503)
    await shelf.delivery(endpoint, state="pending")
    await shelf.delivery(endpoint)
    page = await gaps.after(shelf.tenant, endpoint, 0, 10)
    assert shown(page) == [(2, 2, "dead"), (3, 3, "pending")]
    first = page.gaps[0]
    assert (first.delivery_id, first.event_id, first.state_reason, first.last_status_code) == (
        dead,
        event,
        "steps_used",
        503,
    )
    assert (page.last_sequence, page.next_since, page.oldest_kept) == (4, 4, 1)
    assert shown(await gaps.after(shelf.tenant, endpoint, 2, 10)) == [(3, 3, "pending")]
    assert (await gaps.after(shelf.tenant, endpoint, 4, 10)).next_since == 4
    with pytest.raises(Invalid) as refused:
        await gaps.after(shelf.tenant, endpoint, 5, 10)
    assert [error.pointer for error in refused.value.errors] == ["/since"]


async def test_numbers_that_are_no_longer_kept_are_said_to_be_dropped(database: Pool, shelf: Shelf, gaps: Gaps) -> None:
    """Below the oldest kept number, between others, and above the last one, missing numbers show as ranges."""
    endpoint = await shelf.endpoint()
    ids = [await shelf.delivery(endpoint) for _ in range(9)]
    await database.execute("DELETE FROM deliveries WHERE id = ANY ($1)", [ids[n] for n in (0, 1, 4, 7, 8)])
    page = await gaps.after(shelf.tenant, endpoint, 0, 10)
    assert shown(page) == [(1, 2, None), (5, 5, None), (8, 9, None)]
    assert (page.oldest_kept, page.last_sequence, page.next_since) == (3, 9, 9)
    await database.execute("DELETE FROM deliveries")
    assert shown(await gaps.after(shelf.tenant, endpoint, 0, 10)) == [(1, 9, None)]


@pytest.mark.parametrize("numbers_max", [1, 2, 3, 20_000])
async def test_pages_neither_skip_nor_repeat(
    database: Pool, shelf: Shelf, gaps: Gaps, monkeypatch: pytest.MonkeyPatch, numbers_max: int
) -> None:
    """However few gaps a page holds and however little it may look at, the pages together are all gaps."""
    monkeypatch.setattr(gaps_module, "NUMBERS_MAX", numbers_max)
    endpoint = await shelf.endpoint()
    ids = [await shelf.delivery(endpoint, state="dead" if n % 3 else "delivered") for n in range(12)]
    await database.execute("DELETE FROM deliveries WHERE id = ANY ($1)", [ids[n] for n in (5, 6, 11)])
    numbers = [2, 3, 5, 6, 7, 8, 9, 11, 12]
    for limit in (1, 2, 3, 50):
        found = await walk(gaps, shelf, endpoint, limit)
        assert [n for gap in found for n in range(gap.first, gap.last + 1)] == numbers


async def test_nobody_reads_over_the_wall(database: Pool, shelf: Shelf, gaps: Gaps) -> None:
    """Another partner's endpoint, or one of the other environment, is not found."""
    endpoint = await shelf.endpoint()
    for other in (await add_tenant(database), Tenant(shelf.tenant.partner_id, Environment.TEST)):
        with pytest.raises(NotFound):
            await gaps.after(other, endpoint, 0, 10)
