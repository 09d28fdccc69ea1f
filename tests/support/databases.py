"""A migrated template database, cloned for each test: real PostgreSQL in a few hundredths of a second."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg

from config.database.migrate import migrate

_WEEKS_AHEAD = 4


def url_of(server_url: str, database: str) -> str:
    """The same server, another database."""
    return urlsplit(server_url)._replace(path=f"/{database}").geturl()


def new_name(purpose: str) -> str:
    """A database name that no other run on the same server uses."""
    return f"test_{purpose}_{secrets.token_hex(6)}"


async def create_template(server_url: str, name: str) -> None:
    """A database with the whole schema, to clone from."""
    await _on(server_url, f"CREATE DATABASE {name}")
    await migrate(url_of(server_url, name), weeks_ahead=_WEEKS_AHEAD)


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


async def _on(url: str, statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statements)
    finally:
        await connection.close()
