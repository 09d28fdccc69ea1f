"""How PostgreSQL runs what stands on the way of every event, planned on a database that was never analysed."""

import re
from typing import TypeAlias

import asyncpg
import pytest

from config.loading import load_settings
from config.resources import open_resources
from kernel.sql import Queries, beside
from webhooks.catalogue import memory
from webhooks.events import checks, matching, publisher, writer

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

_WRITER = beside(writer.__file__, "writer.sql")
_PUBLISHER = beside(publisher.__file__, "publisher.sql")
_MATCHING = beside(matching.__file__, "matching.sql")
_CHECKS = beside(checks.__file__, "checks.sql")
_CATALOGUE = beside(memory.__file__, "memory.sql")

# Query, and the index by which it must find each of its rows.
PLANS: list[tuple[Queries, str, str]] = [
    (_MATCHING, "versions", "environments_pkey"),
    (_MATCHING, "endpoints_of_tenants", "environments_pkey|webhook_endpoints_"),
    (_WRITER, "claim_keys", "environments_pkey"),
    (_WRITER, "find_keys", "event_keys_pkey"),
    (_WRITER, "insert_events", "environments_pkey"),
    (_PUBLISHER, "find_events", r"events_\w+_pkey"),
    (_PUBLISHER, "find_pending", r"partner_id_event_id_idx"),
    (_CHECKS, "find_merchants", "merchants_pkey"),
    (_CATALOGUE, "find_version", "environments_pkey"),
]


@pytest.mark.parametrize(("queries", "name", "index"), PLANS, ids=lambda part: part if isinstance(part, str) else "")
async def test_no_statement_of_an_event_reads_a_table_whole(
    database_url: str, redis_url: str, queries: Queries, name: str, index: str
) -> None:
    """A plan that is made while the tables are young is kept for weeks, so it must be right for tables that are old."""
    environ = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    async with open_resources(load_settings(environ), role="test") as resources:
        plan = await _generic_plan(resources.hot_pool, queries[name])
    assert "Seq Scan" not in plan, plan
    assert "Hash Join" not in plan, plan
    used = re.findall(r"Index (?:Only )?Scan (?:Backward )?using (\S+)", plan)
    assert bool(used) == bool(index), plan
    assert all(re.search(index, each) for each in used), plan


async def _generic_plan(pool: Pool, statement: str) -> str:
    nulls = ", ".join("NULL" for _ in set(re.findall(r"\$\d+", statement)))
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE asked AS {statement}")
        lines = await connection.fetch(f"EXPLAIN EXECUTE asked({nulls})")
        await connection.execute("DEALLOCATE asked")
    return "\n".join(line[0] for line in lines)
