"""The reconciler's statements find their rows by index on a database that has never been analysed."""

import re

import asyncpg
import pytest

from kernel.sql import beside
from webhooks.reconciler import reconciler

_SQL = beside(reconciler.__file__, "reconciler.sql")


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("lanes_with_pending", r"endpoint_id_next_attempt"),
        ("due_page", r"endpoint_id_next_attempt"),
        ("count_due", r"endpoint_id_next_attempt"),
        ("take_probes", r"endpoint_id_next_attempt"),
        ("take_probes", r"webhook_endpoints_probes"),
        ("releasing_lanes", r"webhook_endpoints_releasing"),
        ("release_portion", r"endpoint_id_next_attempt"),
        ("end_pending", r"endpoint_id_next_attempt"),
        ("end_waiting", r"endpoint_id_ordering_key"),
        ("stranded_lines", r"endpoint_id_ordering_key"),
        ("still_due", r"deliveries_\d+_\d+_\d+_pkey"),
        ("lanes_now", r"webhook_endpoints_pkey"),
    ],
)
async def test_rows_are_looked_up(database: "asyncpg.Pool[asyncpg.Record]", name: str, index: str) -> None:
    """With a plan for any arguments no partitioned table and no table of endpoints is read whole."""
    statement = _SQL[name]
    nulls = ", ".join("NULL" for _ in set(re.findall(r"\$\d+", statement)))
    async with database.acquire() as connection, connection.transaction():
        await connection.execute(_SQL["plan_by_index"])
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE asked AS {statement}")
        lines = await connection.fetch(f"EXPLAIN EXECUTE asked{f'({nulls})' if nulls else ''}")
        await connection.execute("DEALLOCATE asked")
    plan = "\n".join(line[0] for line in lines)
    assert re.search(rf"Index (Only )?Scan using \S*{index}", plan), plan
    assert not re.search(r"Seq Scan on (deliver|events|webhook|endpoint)", plan), plan
