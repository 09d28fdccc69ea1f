"""Brings a database to the newest schema. Safe to run from many processes at once, and again at any time."""

import asyncio
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config

from config.database.partitions import ensure_partitions
from config.resources import reaching_postgresql
from kernel.sql import beside

_SQL = beside(__file__, "migrate.sql")
_MIGRATIONS = Path(__file__).with_name("migrations")
# Any number that nothing else in the database locks.
_LOCK = 0x7468_7265_6164_6E65


async def migrate(database_url: str, *, now: datetime | None = None, weeks_ahead: int = 8) -> str:
    """Run what is missing in one transaction, then make the partitions; the revision that the database has now.

    A second process waits for the first, then finds nothing to do. One process migrates one database at a time. Raises
    ResourceError where there is no database, and asyncpg's errors; the database is then as it was.
    """
    with reaching_postgresql():
        connection = await asyncpg.connect(database_url, statement_cache_size=0)
    try:
        async with connection.transaction():
            before = await _wait_for_turn(connection)
            # Alembic reads files and imports them: not on the event loop.
            if script := await asyncio.to_thread(_script_after, before):
                await connection.execute(script)
            after = await _revision(connection)
        await ensure_partitions(connection, now or datetime.now(UTC), weeks_ahead=weeks_ahead)
        if before != after:
            await connection.execute(_SQL["analyze"])
    finally:
        await connection.close()
    return str(after)


def migrate_now(database_url: str) -> str:
    """`migrate` for callers outside an event loop."""
    return asyncio.run(migrate(database_url))


async def _wait_for_turn(connection: "asyncpg.Connection[asyncpg.Record]") -> str | None:
    await connection.execute(_SQL["wait_for_others"])
    await connection.execute(_SQL["lock_migrations"], _LOCK)
    await connection.execute(_SQL["limit_waiting"])
    return await _revision(connection)


async def _revision(connection: "asyncpg.Connection[asyncpg.Record]") -> str | None:
    if await connection.fetchval(_SQL["find_version_table"]) is None:
        return None
    revision: str | None = await connection.fetchval(_SQL["find_revision"])
    return revision


def _script_after(revision: str | None) -> str:
    """The SQL from a revision to the newest one, with Alembic's own note of it; empty if there is nothing to do."""
    script = StringIO()
    config = Config(output_buffer=script)
    config.set_main_option("script_location", str(_MIGRATIONS))
    command.upgrade(config, f"{revision}:head" if revision else "head", sql=True)
    return script.getvalue()
