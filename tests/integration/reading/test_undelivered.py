"""The view of what did not arrive: four lists that page as one."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import asyncpg
import pytest

from kernel.errors import Invalid
from kernel.ids import Environment, Tenant, new_id
from tests.support.clock import FakeClock
from tests.support.shelf import Shelf
from tests.support.tenants import add_tenant
from webhooks.reading import scanning
from webhooks.reading.undelivered import silences
from webhooks.reading.undelivered import summary as summary_module
from webhooks.reading.undelivered.summary import UndeliveredSummary
from webhooks.reading.undelivered.view import Undelivered, UndeliveredQuery, UndeliveredView

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
FAILED = {"last_status_code": 503, "last_error_class": "status"}


@pytest.fixture
def view(database: Pool, clock: FakeClock) -> UndeliveredView:
    """The reader."""
    return UndeliveredView(database, clock)


@pytest.fixture
def summary(database: Pool, clock: FakeClock) -> UndeliveredSummary:
    """What counts."""
    return UndeliveredSummary(database, clock)


async def pages(view: UndeliveredView, tenant: Tenant, **fields: Any) -> list[Undelivered]:
    """Every page's rows, one after the other."""
    found: list[Undelivered] = []
    cursor = None
    while True:
        page = await view.list(tenant, UndeliveredQuery(cursor=cursor, **fields))
        found += page.rows
        cursor = page.next_cursor
        if cursor is None:
            return found


async def furnish(shelf: Shelf, now: datetime) -> tuple[UUID, dict[str, int]]:
    """One of everything that did not arrive, and what did; the endpoint of most, and how many of each reason."""
    well, held = await shelf.endpoint(), await shelf.endpoint(held_at=now, next_probe_at=now)
    paused, old = await shelf.endpoint(paused_at=now), now - timedelta(hours=1)
    due = {"state": "pending", "next_attempt_at": now - timedelta(seconds=1)}
    await shelf.delivery(well)
    await shelf.delivery(well, **due)
    for state, reason in (("dead", "steps_used"), ("dead", "too_old"), ("undelivered", "endpoint_disabled")):
        await shelf.delivery(well, state=state, state_reason=reason, ended_at=now, last_attempt_at=now, **FAILED)
    await shelf.delivery(well, state="cancelled", state_reason="receiver_aborted", ended_at=now)
    soon = now + timedelta(hours=1)
    await shelf.delivery(well, state="pending", next_attempt_at=soon, last_attempt_at=now, **FAILED)
    await shelf.delivery(well, await shelf.event(old), **due)
    await shelf.delivery(well, await shelf.event(old), state="waiting", ordering_key=uuid4())
    await shelf.delivery(held, await shelf.event(old), **due)
    await shelf.delivery(paused, await shelf.event(old), **due)
    await shelf.event(old, matched=0)
    reasons = ("steps_used", "too_old", "endpoint_disabled", "receiver_aborted", "retry", "queue", "turn", "held")
    return well, dict.fromkeys((*reasons, "paused", "unmatched"), 1)


async def test_everything_that_did_not_arrive_has_its_reason(
    shelf: Shelf, view: UndeliveredView, summary: UndeliveredSummary, clock: FakeClock
) -> None:
    """Each reason is listed, found by itself, and counted; what arrived or is on its way is not."""
    well, expected = await furnish(shelf, clock.now())
    rows = await pages(view, shelf.tenant)
    assert Counter(row.reason for row in rows) == expected
    for reason in expected:
        assert [row.reason for row in await pages(view, shelf.tenant, reasons=frozenset({reason}))] == [reason]
    by_reason = {row.reason: row for row in rows}
    dead, unmatched = by_reason["steps_used"], by_reason["unmatched"]
    assert dead.delivery is not None
    assert (dead.delivery.last_status_code, dead.since) == (503, clock.now())
    assert (unmatched.endpoint_id, unmatched.delivery) == (None, None)
    of_endpoint = await pages(view, shelf.tenant, endpoint_id=well)
    assert {row.reason for row in of_endpoint} == set(expected) - {"held", "paused", "unmatched"}
    counted = await summary.read(shelf.tenant, None, None)
    assert {reason: one.count for reason, one in counted.reasons.items()} == expected
    assert counted.is_complete
    young = await summary.read(shelf.tenant, clock.now() - timedelta(minutes=5), None)
    assert "unmatched" not in young.reasons
    assert "steps_used" in young.reasons


async def test_what_a_disabled_endpoint_missed_is_shown_for_ever(
    database: Pool, shelf: Shelf, view: UndeliveredView
) -> None:
    """Events while it was disabled that it would have heard of, by type and merchant, and has no delivery of."""
    now, merchant = datetime.now(UTC), new_id(datetime.now(UTC))
    other = await shelf.endpoint()
    since = now - timedelta(minutes=30)
    endpoint = await shelf.endpoint(
        state="disabled", disabled_at=since, event_types=["order.*"], merchant_id=merchant, updated_at=now
    )
    before = await shelf.event(now - timedelta(minutes=40), merchant_id=merchant)
    heard = await shelf.event(now - timedelta(minutes=20), merchant_id=merchant)
    missed = await shelf.event(now - timedelta(minutes=10), merchant_id=merchant)
    await shelf.event(now - timedelta(minutes=10), merchant_id=merchant, type="refund.made")
    await shelf.event(now - timedelta(minutes=10))
    ended = {"state": "undelivered", "state_reason": "endpoint_disabled", "ended_at": now}
    await shelf.delivery(endpoint, heard, **ended)
    await shelf.delivery(other, missed)
    await shelf.delivery(other, before)
    expected = [(missed, endpoint, "endpoint_disabled"), (heard, endpoint, "endpoint_disabled")]
    for fields in ({"endpoint_id": endpoint}, {}):
        rows = await pages(view, shelf.tenant, limit=1, **fields)
        assert [(row.event_id, row.endpoint_id, row.reason) for row in rows] == expected
        await database.execute("UPDATE webhook_endpoints SET state = 'enabled', disabled_at = NULL")
    await shelf.delivery(endpoint, missed)
    assert [row.event_id for row in await pages(view, shelf.tenant, endpoint_id=endpoint)] == [heard]


async def test_an_event_is_missed_by_each_silent_endpoint(
    database: Pool, shelf: Shelf, view: UndeliveredView, summary: UndeliveredSummary
) -> None:
    """Each has a row and counts; nobody heard it only where none would have; our own events are no matter."""
    now = datetime.now(UTC)
    since = now - timedelta(minutes=30)
    silent = {await shelf.endpoint(state="disabled", disabled_at=since, event_types=["order.*"]) for _ in range(3)}
    unproven = await shelf.endpoint(state="unproven", event_types=["order.shipped"])
    unheard = await shelf.event(matched=0)
    await shelf.event(matched=0, type="secret.rotated")
    nobodys = await shelf.event(now - timedelta(minutes=1), matched=0, type="refund.made")
    earlier = await shelf.event(now - timedelta(hours=1), matched=0)
    erased = await shelf.event(matched=0, erased_at=now)
    await database.execute("UPDATE webhook_endpoints SET state = 'enabled' WHERE id = $1", unproven)
    for limit in (1, 2, 3, 50):
        rows = await pages(view, shelf.tenant, limit=limit)
        assert [row.event_id for row in rows] == [erased, *[unheard] * 4, nobodys, earlier]
        assert {row.endpoint_id for row in rows[1:5]} == silent | {unproven}
        assert {row.reason for row in rows if row.endpoint_id in silent} == {"endpoint_disabled"}
    counted = await summary.read(shelf.tenant, None, None)
    counts = {reason: one.count for reason, one in counted.reasons.items()}
    assert counts == {"endpoint_disabled": 3, "endpoint_unproven": 1, "unmatched": 3}
    asked = await pages(view, shelf.tenant, types=("secret.*",))
    assert [(row.event_type, row.reason) for row in asked] == [("secret.rotated", "unmatched")]
    refunds = await pages(view, shelf.tenant, types=("refund.made",), reasons=frozenset({"unmatched"}))
    assert [row.event_id for row in refunds] == [nobodys]


async def test_silences_that_are_not_looked_at_are_admitted(
    shelf: Shelf, view: UndeliveredView, summary: UndeliveredSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With more silences than it looks at, the newest are shown, and neither the list nor the summary is complete."""
    monkeypatch.setattr(silences, "SILENCES_MAX", 1)
    now = datetime.now(UTC)
    await shelf.endpoint(state="disabled", disabled_at=now - timedelta(hours=2))
    assert (await view.list(shelf.tenant, UndeliveredQuery())).is_complete
    newest = await shelf.endpoint(state="disabled", disabled_at=now - timedelta(hours=1))
    await shelf.event(now - timedelta(minutes=5))
    page = await view.list(shelf.tenant, UndeliveredQuery())
    assert ([row.endpoint_id for row in page.rows], page.is_complete) == ([newest], False)
    assert not (await summary.read(shelf.tenant, None, None)).is_complete
    later = await view.list(shelf.tenant, UndeliveredQuery(until=now - timedelta(minutes=90)))
    assert (later.rows, later.is_complete) == ((), True)


async def test_a_silence_ends_and_begins_with_the_state(database: Pool, shelf: Shelf) -> None:
    """Each change between enabled, disabled and unproven is kept; a change of anything else is none."""
    endpoint = await shelf.endpoint()
    for state in ("disabled", "disabled", "unproven", "enabled", "unproven", "deleted"):
        await database.execute("UPDATE webhook_endpoints SET state = $2 WHERE id = $1", endpoint, state)
    rows = await database.fetch(
        "SELECT state::text, ended_at >= began_at AS is_over FROM endpoint_silences WHERE endpoint_id = $1"
        " ORDER BY began_at",
        endpoint,
    )
    assert [tuple(row) for row in rows] == [("disabled", True), ("unproven", True), ("unproven", True)]


async def test_only_what_is_simply_on_its_way_is_hidden(
    shelf: Shelf, view: UndeliveredView, summary: UndeliveredSummary, clock: FakeClock
) -> None:
    """A young delivery that was never tried shows as soon as something stops it."""
    now = clock.now()
    well, paused = await shelf.endpoint(), await shelf.endpoint(paused_at=now)
    held = await shelf.endpoint(held_at=now, next_probe_at=now)
    due = {"state": "pending", "next_attempt_at": now - timedelta(seconds=1)}
    for endpoint in (well, paused, held):
        await shelf.delivery(endpoint, await shelf.event(now), **due)
    await shelf.delivery(well, await shelf.event(now), state="waiting", ordering_key=uuid4())
    assert Counter(row.reason for row in await pages(view, shelf.tenant)) == {"paused": 1, "held": 1, "turn": 1}
    counted = await summary.read(shelf.tenant, None, None)
    assert {reason: one.count for reason, one in counted.reasons.items()} == {"paused": 1, "held": 1, "turn": 1}


async def test_it_is_narrowed_by_merchant_and_by_type(shelf: Shelf, view: UndeliveredView) -> None:
    """Whichever of the lists a row comes from."""
    merchant, now = new_id(datetime.now(UTC)), datetime.now(UTC)
    endpoint = await shelf.endpoint()
    await shelf.endpoint(state="disabled", disabled_at=now - timedelta(hours=1), event_types=["refund.made"])
    for whose in (merchant, None):
        for kind in ("order.made", "refund.made", "other"):
            event = await shelf.event(merchant_id=whose, type=kind, matched=0)
            await shelf.delivery(endpoint, event, state="dead", state_reason="too_old")
    assert len(await pages(view, shelf.tenant, merchant_id=merchant)) == 6
    rows = await pages(view, shelf.tenant, merchant_id=merchant, types=("refund.*", "other"))
    assert sorted(row.reason for row in rows) == ["endpoint_disabled", "too_old", "too_old", "unmatched"]


@pytest.mark.parametrize("scan_max", [2, 10_000])
async def test_pages_neither_skip_nor_repeat_while_rows_move(
    database: Pool,
    shelf: Shelf,
    view: UndeliveredView,
    monkeypatch: pytest.MonkeyPatch,
    scan_max: int,
) -> None:
    """A delivery that dies between two pages moves from one list to another and is still shown exactly once."""
    monkeypatch.setattr(scanning, "SCAN_ROWS_MAX", scan_max)
    monkeypatch.setattr(scanning, "CHUNK_ROWS", 2)
    endpoint, now = await shelf.endpoint(), datetime.now(UTC)
    events = [await shelf.event(now - timedelta(minutes=minutes), matched=minutes % 2) for minutes in range(2, 14)]
    for event in events[1::2]:
        await shelf.delivery(endpoint, event, state="pending", next_attempt_at=now)
    found: list[UUID] = []
    cursor = None
    while True:
        page = await view.list(shelf.tenant, UndeliveredQuery(cursor=cursor, limit=1))
        found += [row.event_id for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            break
        await database.execute(
            "UPDATE deliveries SET state = 'dead', state_reason = 'too_old'"
            " WHERE id = (SELECT id FROM deliveries WHERE state = 'pending' ORDER BY id DESC LIMIT 1)"
        )
    assert found == events


async def test_the_summary_costs_no_more_than_it_says(
    shelf: Shelf, summary: UndeliveredSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond so many rows of a list it counts no further, and says so."""
    monkeypatch.setattr(summary_module, "COUNTED_MAX", 3)
    endpoint = await shelf.endpoint()
    for _ in range(4):
        await shelf.delivery(endpoint, state="dead", state_reason="too_old")
    counted = await summary.read(shelf.tenant, None, None)
    assert ({reason: one.count for reason, one in counted.reasons.items()}, counted.is_complete) == (
        {"too_old": 3},
        False,
    )


async def test_nobody_reads_over_the_wall(
    database: Pool, shelf: Shelf, view: UndeliveredView, summary: UndeliveredSummary, clock: FakeClock
) -> None:
    """Another partner, and the other environment, see none of it, whatever they ask for."""
    well, _ = await furnish(shelf, clock.now())
    for other in (await add_tenant(database), Tenant(shelf.tenant.partner_id, Environment.TEST)):
        assert await pages(view, other) == await pages(view, other, endpoint_id=well) == []
        assert (await summary.read(other, None, None)).reasons == {}
    with pytest.raises(Invalid):
        await view.list(shelf.tenant, UndeliveredQuery(cursor="nothing"))
