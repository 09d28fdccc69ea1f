"""What has to be done once before roles run: the schema, and the first admin token."""

import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from secrets import token_hex
from typing import TypeAlias
from uuid import UUID

import asyncpg

from config.database.migrate import migrate
from config.loading import load_settings
from config.resources import measure_clock, reaching_postgresql
from config.settings import Settings
from gateway.admin.journal import Actor, Journal
from gateway.admin.tokens.book import AdminTokens
from kernel.clock import CorrectedClock

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


async def prepare() -> None:
    """Bring the database that the settings name to this version."""
    await prepare_database(load_settings(required=("database.url",)))


async def prepare_database(settings: Settings) -> str:
    """Migrate and make the partitions; the revision that the database has now."""
    return await migrate(settings.database.url.reveal(), weeks_ahead=settings.retention.partition_weeks_ahead)


async def create_admin_token(settings: Settings, name: str, good_for: timedelta | None = None) -> tuple[UUID, str]:
    """A new admin API token and its id, good for so long or until it is revoked.

    Whoever holds the database may make one.
    """
    async with open_journal(settings) as (_, journal):
        expires_at = None if good_for is None else journal.now() + good_for
        row, token = await AdminTokens(journal).create(actor(), name, expires_at=expires_at)
        return row["id"], token.reveal()


async def replace_admin_tokens(settings: Settings, name: str) -> str:
    """A new admin API token; those of that name that the command line made before are revoked."""
    async with open_journal(settings) as (_, journal):
        tokens = AdminTokens(journal)
        for row in await tokens.page():
            if row["name"] == name and row["answers_to"] is None and row["revoked_at"] is None:
                await tokens.revoke(actor(), row["id"])
        _, token = await tokens.create(actor(), name)
        return token.reveal()


def actor() -> Actor:
    """Who sits at this machine; the audit log says so."""
    return Actor(name=f"command line: {getpass.getuser()}", request_id=token_hex(12))


@asynccontextmanager
async def open_journal(settings: Settings) -> AsyncIterator[tuple[Pool, Journal]]:
    """A small pool and a journal on it, for one command. Raises ResourceError."""
    clock = CorrectedClock()
    with reaching_postgresql():
        pool = await asyncpg.create_pool(settings.database.url.reveal(), min_size=1, max_size=2)
    async with pool:
        await measure_clock(pool, clock)
        yield pool, Journal(pool, clock)
