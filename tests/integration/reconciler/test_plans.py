"""The reconciler's statements find their rows by index in tables that were never analysed."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from kernel.ids import NIL, first_id_at, new_id
from kernel.sql import beside
from webhooks.reconciler import reconciler

_SQL = beside(reconciler.__file__, "reconciler.sql")
_NOW = datetime.now(UTC)
_ENDPOINTS = [UUID(int=n) for n in range(1, 51)]
_IDS = [new_id(_NOW) for _ in range(5_000)]
_LANES = ([NIL] * 50, _ENDPOINTS)
_PLACES = ([_NOW - timedelta(days=1)] * 50, [NIL] * 50)
_SOME = (NIL, _IDS[:100], min(_IDS[:100]), max(_IDS[:100]))
_DUE, _LINES = r"endpoint_id_next_attempt", r"endpoint_id_ordering_key"
_KEY = rf"deliveries_{_NOW - timedelta(days=_NOW.weekday()):%Y_%m_%d}_pkey"


@pytest.mark.parametrize(
    ("name", "arguments", "index"),
    [
        ("lanes_with_pending", (), _DUE),
        ("due_page", (*_LANES, *_PLACES, 600, 200, 1), _DUE),
        ("count_due", (*_LANES, *_PLACES, 200), _DUE),
        ("take_probes", (500, 60, 5), _DUE),
        ("take_probes", (500, 60, 5), "webhook_endpoints_probes"),
        ("releasing_lanes", (50,), "webhook_endpoints_releasing"),
        ("lanes_now", _LANES, "webhook_endpoints_pkey"),
        ("release_page", (NIL, _ENDPOINTS[0], 500), _DUE),
        ("release_deliveries", _SOME, _KEY),
        ("closed_page", (NIL, _ENDPOINTS[0], _NOW, NIL, 500), _DUE),
        ("closed_lines_page", (NIL, _ENDPOINTS[0], 500), _LINES),
        ("aged_page", (NIL, _ENDPOINTS[0], first_id_at(_NOW), _NOW, 500), _DUE),
        ("end_deliveries", (*_SOME, "dead", "too_old"), _KEY),
        ("still_due", ([NIL] * 50, _IDS[:50], [0] * 50, [0] * 50), _KEY),
        ("stranded_lines", (500,), _LINES),
    ],
)
async def test_rows_are_looked_up(
    database: "asyncpg.Pool[asyncpg.Record]", name: str, arguments: tuple[object, ...], index: str
) -> None:
    """With thousands of rows that no ANALYZE has seen, nothing is read whole or by another index."""
    await _fill(database)
    async with database.acquire() as connection, connection.transaction():
        await connection.execute(_SQL["plan_by_index"])
        lines = await connection.fetch(f"EXPLAIN {_SQL[name]}", *arguments)
    plan = "\n".join(line[0] for line in lines)
    assert re.search(rf"Index (Only )?Scan using \S*{index}", plan), plan
    assert not re.search(r"Seq Scan on (deliver|events|webhook|endpoint)", plan), plan


async def _fill(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    rows = [(NIL, i, "test", i, _ENDPOINTS[n % 50], i, "pending", _NOW) for n, i in enumerate(_IDS)]
    columns = ["partner_id", "id", "environment", "event_id", "endpoint_id", "ordering_key", "state", "next_attempt_at"]
    await pool.copy_records_to_table("deliveries", records=rows, columns=columns)
    endpoints = [(NIL, endpoint_id, "test", b"", ["*"]) for endpoint_id in _ENDPOINTS]
    columns = ["partner_id", "id", "environment", "sealed_settings", "event_types"]
    await pool.copy_records_to_table("webhook_endpoints", records=endpoints, columns=columns)
