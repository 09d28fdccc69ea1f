"""Brings a database to the newest schema. Safe to run from many processes at once, and again at any time."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from config.database.partitions import ensure_partitions

_MIGRATIONS = Path(__file__).with_name("migrations")
# Any number that nothing else on the server locks; the letters of "threadne".
_LOCK = 0x746872656164_6E65
_WAIT_FOR_OTHERS = "10min"
# Behind a migration that waits for a table's lock all its traffic waits: better to fail and to be run again.
_LOCK_TIMEOUT = "5s"
_STATEMENT_TIMEOUT = "10min"


async def migrate(database_url: str, *, now: datetime | None = None, weeks_ahead: int = 8) -> str:
    """Run what is missing in one transaction, then make the partitions; the revision that the database has now.

    A second process waits for the first, then finds nothing to do. Raises asyncpg's or SQLAlchemy's errors.
    """
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(database_url, statement_cache_size=0),
        poolclass=NullPool,
    )
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"SET LOCAL lock_timeout = '{_WAIT_FOR_OTHERS}'"))
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            await connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
            await connection.execute(text(f"SET LOCAL statement_timeout = '{_STATEMENT_TIMEOUT}'"))
            before = await connection.run_sync(_revision)
            await connection.run_sync(_upgrade)
            after = await connection.run_sync(_revision)
    finally:
        await engine.dispose()
    await _finish(database_url, now or datetime.now(UTC), weeks_ahead, analyze=before != after)
    return str(after)


def migrate_now(database_url: str) -> str:
    """`migrate` for callers outside an event loop."""
    return asyncio.run(migrate(database_url))


async def _finish(database_url: str, now: datetime, weeks_ahead: int, *, analyze: bool) -> None:
    connection = await asyncpg.connect(database_url, statement_cache_size=0)
    try:
        await ensure_partitions(connection, now, weeks_ahead=weeks_ahead)
        if analyze:
            # Plans that are made before the first autovacuum must not take a full table for an empty one.
            await connection.execute("ANALYZE")
    finally:
        await connection.close()


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
