import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from config.database.migrate import migrate
from config.embedded.supervisor import EmbeddedUrls
from tests.support import databases

SCHEMA = Path(__file__).parents[3] / "config/database/schema.sql"
VERSIONS = Path(__file__).parents[3] / "config/database/migrations/versions"
NOW = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)

# What a schema consists of, as the catalog tells it; partitions and Alembic's own table left out.
CATALOG = {
    "columns": """
        SELECT c.relname, a.attname, a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attstorage,
               pg_get_expr(d.adbin, d.adrelid)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition AND c.relkind IN ('r', 'p')
          AND a.attnum > 0 AND NOT a.attisdropped AND c.relname <> 'alembic_version'""",
    "indexes": """
        SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i
        JOIN pg_class c ON c.oid = i.indrelid
        WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition AND c.relname <> 'alembic_version'""",
    "constraints": """
        SELECT c.relname, k.conname, pg_get_constraintdef(k.oid) FROM pg_constraint k
        JOIN pg_class c ON c.oid = k.conrelid
        WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition AND c.relname <> 'alembic_version'""",
    "enums": "SELECT t.typname, e.enumlabel, e.enumsortorder FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid",
    "functions": "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "triggers": "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "sequences": "SELECT sequencename, start_value, increment_by FROM pg_sequences WHERE schemaname = 'public'",
    "partitioned": "SELECT partrelid::regclass::text, pg_get_partkeydef(partrelid) FROM pg_partitioned_table",
}


@pytest.fixture
async def empty_url(servers: EmbeddedUrls) -> AsyncIterator[str]:
    """The URL of a database with nothing in it."""
    async with empty_database(servers) as url:
        yield url


@asynccontextmanager
async def empty_database(servers: EmbeddedUrls) -> AsyncIterator[str]:
    async with databases.clone_of(servers.database_url, "template0") as url:
        yield url


async def catalog(url: str) -> dict[str, set[Any]]:
    connection = await asyncpg.connect(url)
    try:
        return {name: {tuple(row) for row in await connection.fetch(query)} for name, query in CATALOG.items()}
    finally:
        await connection.close()


async def test_migrations_from_zero_make_the_schema(servers: EmbeddedUrls, empty_url: str) -> None:
    """All migrations in order give exactly what schema.sql says."""
    await migrate(empty_url, now=NOW)
    async with empty_database(servers) as other:
        connection = await asyncpg.connect(other)
        await connection.execute(SCHEMA.read_text(encoding="utf-8"))
        await connection.close()
        assert await catalog(empty_url) == await catalog(other)


async def test_two_processes_migrate_at_once(empty_url: str) -> None:
    """Every process of a roll-out may migrate: one does it, the others wait and find it done."""
    revisions = await asyncio.gather(*(migrate(empty_url, now=NOW) for _ in range(3)))
    assert len(set(revisions)) == 1


async def test_migrating_again_changes_nothing(empty_url: str) -> None:
    """A database that is up to date stays as it is."""
    first = await migrate(empty_url, now=NOW)
    before = await catalog(empty_url)
    assert await migrate(empty_url, now=NOW) == first
    assert await catalog(empty_url) == before


async def test_a_failed_migration_leaves_nothing(empty_url: str) -> None:
    """All of it is one transaction: what stands in the way leaves the database as it was."""
    connection = await asyncpg.connect(empty_url)
    await connection.execute("CREATE TABLE audit_log (id int)")
    with pytest.raises(Exception, match="audit_log"):
        await migrate(empty_url, now=NOW)
    tables = await connection.fetch("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
    await connection.close()
    assert [row["relname"] for row in tables] == ["audit_log"]


def numbers() -> Iterator[str]:
    return (path.name.split("_")[0] for path in VERSIONS.glob("0*.py"))


def test_migrations_are_numbered_once() -> None:
    """No two migrations share a number, and each has its SQL. Some may be left out."""
    found = list(numbers())
    assert len(found) == len(set(found))
    assert all(path.with_suffix(".sql").exists() for path in VERSIONS.glob("0*.py"))
