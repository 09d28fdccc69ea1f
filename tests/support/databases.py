"""A migrated template database, cloned for each test: real PostgreSQL in a few hundredths of a second."""

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from kernel.ids import first_id_at

_SCHEMA = Path(__file__).parents[2] / "config" / "database" / "schema.sql"
_PARTITIONED = ("events", "deliveries", "delivery_attempts")
_WEEKS_AROUND = 4


def url_of(server_url: str, database: str) -> str:
    """The same server, another database."""
    return urlsplit(server_url)._replace(path=f"/{database}").geturl()


def new_name(purpose: str) -> str:
    """A database name that no other run on the same server uses."""
    return f"test_{purpose}_{secrets.token_hex(6)}"


async def create_template(server_url: str, name: str) -> None:
    """A database with the whole schema, to clone from."""
    await _on(server_url, f"CREATE DATABASE {name}")
    await _on(url_of(server_url, name), _SCHEMA.read_text(encoding="utf-8") + "\n".join(_partitions()))


@asynccontextmanager
async def clone_of(server_url: str, template: str) -> AsyncIterator[str]:
    """The URL of a fresh copy, dropped afterwards whoever is still connected."""
    name = new_name("run")
    await _on(server_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield url_of(server_url, name)
    finally:
        await drop(server_url, name)


async def drop(server_url: str, name: str) -> None:
    """Drop it, whoever is still connected."""
    await _on(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def _partitions() -> Iterator[str]:
    monday = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monday -= timedelta(days=monday.weekday())
    for table in _PARTITIONED:
        for week in range(-_WEEKS_AROUND, _WEEKS_AROUND + 1):
            start = monday + timedelta(weeks=week)
            bounds = (first_id_at(start), first_id_at(start + timedelta(weeks=1)))
            yield (
                f"CREATE TABLE {table}_{start:%Y_%m_%d} PARTITION OF {table} "
                f"FOR VALUES FROM ('{bounds[0]}') TO ('{bounds[1]}');"
            )


async def _on(url: str, statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statements)
    finally:
        await connection.close()
