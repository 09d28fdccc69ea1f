"""How PostgreSQL runs the hot statements on a database that has never been analysed.

A statement that is planned while its tables are young is remembered; a plan that reads a whole index for fifty rows
cost a hundred times as much (measured).
"""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from kernel.ids import NIL, new_id
from kernel.sql import Queries, beside
from webhooks.dispatch import recording
from webhooks.dispatch.loading import claims
from webhooks.dispatch.loading.claims import id_bounds
from webhooks.reconciler import reconciler

_RECORDING = beside(recording.__file__, "recording.sql")
_LOADING = beside(claims.__file__, "loading.sql")
_RECONCILER = beside(reconciler.__file__, "reconciler.sql")


@pytest.mark.parametrize(
    ("queries", "name", "before", "index"),
    [
        (_RECORDING, "record_results", _RECORDING["begin"], r"deliveries_\d+_\d+_\d+_pkey"),
        (_RECORDING, "free_followers", _RECORDING["begin"], r"partner_id_endpoint_id_ordering_key"),
        (_RECORDING, "find_attempts", _RECORDING["begin"], r"delivery_attempts_\d+_\d+_\d+_pkey"),
        (_LOADING, "load_endpoints", _LOADING["begin"], r"webhook_endpoints_pkey"),
        (_LOADING, "load_endpoints", _LOADING["begin"], r"endpoint_secrets_pkey"),
        (_RECONCILER, "lanes_with_pending", _RECONCILER["plan_by_index"], r"endpoint_id_next_attempt"),
        (_RECONCILER, "due_page", _RECONCILER["plan_by_index"], r"endpoint_id_next_attempt"),
        (_RECONCILER, "stranded_lines", _RECONCILER["plan_by_index"], r"endpoint_id_ordering_key"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isidentifier() else "",
)
async def test_hot_statements_look_rows_up(
    database: "asyncpg.Pool[asyncpg.Record]", queries: Queries, name: str, before: str, index: str
) -> None:
    """On a fresh database, with a plan for any arguments, rows of partitioned tables are found by index."""
    plan = await _plan(database, queries[name], before)
    assert re.search(rf"Index (Only )?Scan (Backward )?using \S*{index}", plan), plan
    assert not re.search(r"Seq Scan on (deliver|events|webhook|endpoint)", plan), plan


async def test_results_do_not_read_what_is_due(database: "asyncpg.Pool[asyncpg.Record]") -> None:
    """The update of results uses the primary key alone: the partial indexes hold every pending row."""
    plan = await _plan(database, _RECORDING["record_results"], _RECORDING["begin"])
    used = set(re.findall(r"Scan using (\S+)", plan))
    assert used
    assert all(name.endswith("_pkey") for name in used), plan
    assert "Hash" not in plan


async def test_loading_looks_rows_up(database: "asyncpg.Pool[asyncpg.Record]") -> None:
    """A batch is loaded by primary keys from the weeks it is of, also from tables that were never analysed."""
    now = datetime.now(UTC)
    ids = [new_id(now) for _ in range(5_000)]
    await _insert(database, ids)
    async with database.acquire() as connection, connection.transaction():
        await connection.execute(_LOADING["begin"])
        arguments = ([NIL] * 50, ids[:50], *id_bounds(ids[:50]))
        lines = await connection.fetch(f"EXPLAIN {_LOADING['load_deliveries']}", *arguments)
    plan = "\n".join(line[0] for line in lines)
    week = f"{now - timedelta(days=now.weekday()):%Y_%m_%d}"
    for index in (f"deliveries_{week}_pkey", f"events_{week}_pkey"):
        assert f"using {index} on" in plan, plan
    assert not re.search(rf"using (deliveries|events)_{week}_(?!pkey)", plan), plan
    assert "Seq Scan" not in plan


async def _insert(pool: "asyncpg.Pool[asyncpg.Record]", ids: list[UUID]) -> None:
    events = [(NIL, i, "test", "a.b", datetime.now(UTC), 1, b"") for i in ids]
    columns = ["partner_id", "id", "environment", "type", "occurred_at", "matched", "sealed_body"]
    await pool.copy_records_to_table("events", records=events, columns=columns)
    deliveries = [(NIL, i, "test", i, NIL, "pending", datetime.now(UTC)) for i in ids]
    columns = ["partner_id", "id", "environment", "event_id", "endpoint_id", "state", "next_attempt_at"]
    await pool.copy_records_to_table("deliveries", records=deliveries, columns=columns)


async def _plan(pool: "asyncpg.Pool[asyncpg.Record]", statement: str, before: str) -> str:
    nulls = ", ".join("NULL" for _ in set(re.findall(r"\$\d+", statement)))
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(before)
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE asked AS {statement}")
        lines = await connection.fetch(f"EXPLAIN EXECUTE asked{f'({nulls})' if nulls else ''}")
        await connection.execute("DEALLOCATE asked")
    return "\n".join(line[0] for line in lines)
