"""How PostgreSQL runs the searches, on tables that were never analysed and hold a week of somebody's deliveries."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import asyncpg
import pytest

from gateway.admin.queue import view as queue_view
from kernel.ids import NIL, Environment, first_id_at
from kernel.sql import Queries, beside
from tests.support.shelf import Shelf
from webhooks.manifests import maker
from webhooks.reading import scanning
from webhooks.reading.scanning import LAST_ID, Span
from webhooks.reading.undelivered import view

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
_DELIVERIES = beside(scanning.__file__, "deliveries.sql")
_ATTEMPTS = beside(scanning.__file__, "attempts.sql")
_GAPS = beside(scanning.__file__, "gaps.sql")
_FEED = beside(scanning.__file__, "feed.sql")
_UNDELIVERED = beside(view.__file__, "undelivered.sql")
_SILENCES = beside(view.__file__, "silences.sql")
_MAKER = beside(maker.__file__, "maker.sql")
_QUEUE = beside(queue_view.__file__, "view.sql")
_LIVE = Environment.LIVE
_SPAN = (LAST_ID, NIL)
_LISTS = r"partner_id_environment_id_idx\d*|events_\w+_pkey"
_NOW = first_id_at(datetime.now(UTC))

# Query, arguments after the partner, the index that must be used, and whether its order must suffice.
PLANS: list[tuple[Queries, str, tuple[Any, ...], str, bool]] = [
    (_DELIVERIES, "keys_of_all", (_LIVE, *_SPAN, 51), "pkey", True),
    (_DELIVERIES, "keys_of_open", (_LIVE, *_SPAN, 51), r"partner_id_environment_id_idx\d*", True),
    (_DELIVERIES, "keys_of_failed", (_LIVE, *_SPAN, 51), r"partner_id_environment_id_idx\d*", True),
    (_DELIVERIES, "keys_of_replay", (NIL, *_SPAN, 51), "partner_id_replay_id_id_idx", True),
    (_DELIVERIES, "keys_of_events", ([NIL], *_SPAN, 51), "partner_id_event_id_idx", False),
    (_DELIVERIES, "keys_of_endpoint", (NIL, *_SPAN, 51, 1 << 62), "partner_id_endpoint_id_sequence_idx", True),
    (_DELIVERIES, "events_of_payment", (_LIVE, NIL, NIL, 51), "partner_id_ordering_key_idx", False),
    (_ATTEMPTS, "keys_by_endpoint", (NIL, *_SPAN, 51, LAST_ID), "partner_id_endpoint_id_id_idx", True),
    (_ATTEMPTS, "keys_by_deliveries", ([_NOW], *_SPAN, 51), "pkey", False),
    (_ATTEMPTS, "keys_of_all", (LAST_ID, LAST_ID, 51), "pkey", True),
    (_ATTEMPTS, "attempts_of_delivery", (_NOW,), "pkey", False),
    (_GAPS, "numbers_after", (NIL, 0, 100, 51), "partner_id_endpoint_id_sequence_idx", False),
    (_GAPS, "oldest_number", (NIL,), "partner_id_endpoint_id_sequence_idx", True),
    (_ATTEMPTS, "deliveries_of_event", (NIL, NIL), "partner_id_event_id_idx", False),
    (_FEED, "count_deliveries", (NIL, NIL), "partner_id_event_id_idx", False),
    (
        _UNDELIVERED,
        "keys_of_undelivered",
        (_LIVE, *_SPAN, 51, True, True, True),
        _LISTS,
        True,
    ),
    (_UNDELIVERED, "count_failed", (_LIVE, *_SPAN, 100), r"partner_id_environment_id_idx\d*", False),
    (_UNDELIVERED, "count_open", (_LIVE, *_SPAN, 100, NIL), r"partner_id_environment_id_idx\d*", False),
    (_UNDELIVERED, "newest_unmatched", (_LIVE, *_SPAN, 100), r"partner_id_environment_id_idx\d*", True),
    (_SILENCES, "keys_within", (_LIVE, [NIL], [LAST_ID], 51), r"events_\w+_pkey", False),
    (
        _SILENCES,
        "show_missed",
        ([_NOW], *reversed(_SPAN), [NIL], ["disabled"], [NIL], [LAST_ID], None, []),
        r"events_\w+_pkey|partner_id_event_id_idx",
        False,
    ),
    (_MAKER, "next_numbers", (NIL, 0, 100), "partner_id_endpoint_id_sequence_idx", True),
]


@pytest.fixture
async def week(shelf: Shelf) -> list[UUID]:
    """Two endpoints that were given 4,000 deliveries within an hour."""
    endpoints = [await shelf.endpoint() for _ in range(2)]
    await shelf.fill(endpoints, 4_000, datetime.now(UTC), timedelta(seconds=0.9))
    return endpoints


async def explained(pool: Pool, statement: str, *arguments: Any) -> str:
    """The plan that the searches would get."""
    async with scanning.looking(pool) as connection:
        lines = await connection.fetch(f"EXPLAIN {statement}", *arguments)
    return "\n".join(line[0] for line in lines)


async def full_weeks(pool: Pool) -> set[str]:
    """The weeks that have rows; of an empty partition every index is as good as another."""
    rows = await pool.fetch("SELECT DISTINCT right(tableoid::regclass::text, 10) AS week FROM deliveries")
    return {f"_{row['week']}_" for row in rows}


def indexes(plan: str, weeks: set[str]) -> list[str]:
    """The indexes of those weeks that a plan uses."""
    used = re.findall(r"Index (?:Only )?Scan (?:Backward )?using (\S+) on", plan)
    return [name for name in used if any(week in name for week in weeks)]


@pytest.mark.usefixtures("week")
async def test_every_search_reads_an_index(database: Pool, shelf: Shelf) -> None:
    """No table is read whole, and candidates come from their index in order: a page costs what a page has."""
    weeks = await full_weeks(database)
    for queries, name, arguments, index, is_ordered in PLANS:
        plan = await explained(database, queries[name], shelf.tenant.partner_id, *arguments)
        used = indexes(plan, weeks)
        assert used, f"{name}\n{plan}"
        assert all(re.search(index, one) for one in used), f"{name}\n{plan}"
        assert not re.search(r"Seq Scan on (deliver|events|webhook|endpoint)", plan), f"{name}\n{plan}"
        if is_ordered:
            assert "Sort" not in plan.replace("Sort Key", ""), f"{name}\n{plan}"


async def test_what_is_shown_is_looked_up_in_its_own_week(database: Pool, shelf: Shelf, week: list[UUID]) -> None:
    """Rows are found by primary keys, and other weeks are not even opened."""
    rows = await database.fetch("SELECT id FROM deliveries WHERE endpoint_id = $1 LIMIT 50", week[0])
    ids = [row["id"] for row in rows]
    span, tenant = Span.around(ids), shelf.tenant
    filters = (None, None, None, None, None, ["order.%"], 500, 599, None, "retry")
    of_deliveries = (tenant.partner_id, tenant.environment, ids, span.low, span.high, *filters)
    shown = await explained(database, _DELIVERIES["show_deliveries"], *of_deliveries)
    of_attempts = (tenant.partner_id, tenant.environment, ids, ids, span.low, span.high, *([None] * 7))
    attempts = await explained(database, _ATTEMPTS["show_attempts"], *of_attempts)
    weeks = await full_weeks(database)
    for plan in (shown, attempts):
        used = indexes(plan, weeks)
        assert used
        assert all(name.endswith("_pkey") for name in used), plan
        assert "Seq Scan" not in plan
    for table, plan in (("deliveries", shown), ("events", shown), ("delivery_attempts", attempts)):
        opened = set(re.findall(rf"on {table}_(\d+_\d+_\d+)", plan))
        assert 1 <= len(opened) <= 2, plan


@pytest.mark.usefixtures("week")
async def test_times_leave_other_weeks_out(database: Pool, shelf: Shelf) -> None:
    """A search of one day opens the partitions of that day only."""
    span, partner_id = Span.of(datetime.now(UTC) - timedelta(days=1), datetime.now(UTC)), shelf.tenant.partner_id
    for name, arguments in (
        ("keys_of_all", (_LIVE, span.high, span.low, 51)),
        ("keys_of_failed", (_LIVE, span.high, span.low, 51)),
        ("keys_of_endpoint", (uuid4(), span.high, span.low, 51, 1 << 62)),
    ):
        plan = await explained(database, _DELIVERIES[name], partner_id, *arguments)
        weeks = set(re.findall(r"deliveries_(\d+_\d+_\d+)", plan))
        assert 1 <= len(weeks) <= 2, plan


@pytest.mark.usefixtures("week")
async def test_the_queue_is_read_lane_by_lane(database: Pool) -> None:
    """However long the lanes are, an admin's look at them is some look-ups per lane."""
    plan = await explained(database, _QUEUE["lanes_with_due"], 100, 1_000)
    assert re.search(r"Index (Only )?Scan using \S*endpoint_id_next_attempt", plan), plan
    assert not re.search(r"Seq Scan on (deliver|webhook)", plan), plan
