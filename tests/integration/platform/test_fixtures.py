"""The fixtures themselves."""

from uuid import UUID

import asyncpg
import pytest
from redis.asyncio import Redis

from kernel.sealing import Vault


@pytest.mark.parametrize("turn", ["first", "second"])
async def test_each_test_has_an_empty_database_and_an_empty_valkey(
    database: "asyncpg.Pool[asyncpg.Record]", redis: Redis, turn: str
) -> None:
    """What one test writes, no other test sees."""
    assert await database.fetchval("SELECT count(*) FROM partners") == 0
    assert await redis.dbsize() == 0
    await database.execute("INSERT INTO partners (id, name) VALUES (gen_random_uuid(), $1)", turn)
    await redis.set("left", turn)


async def test_the_vault_seals_on_the_database_of_the_test(
    vault: Vault, database: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    """What the vault of a test seals, it opens, and its key lies in the test's own database."""
    partner_id = UUID(int=7)
    sealed = vault.seal(await vault.data_key(partner_id), b"plain", b"context")
    assert await vault.open(partner_id, sealed, b"context") == b"plain"
    assert await database.fetchval("SELECT count(*) FROM data_keys WHERE partner_id = $1", partner_id) == 1
