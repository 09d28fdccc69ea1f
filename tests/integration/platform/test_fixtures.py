"""The fixtures themselves."""

import asyncpg
import pytest
from redis.asyncio import Redis


@pytest.mark.parametrize("turn", [1, 2, 3, 4, 5, 6])
async def test_each_test_has_an_empty_database_and_an_empty_valkey(
    database: "asyncpg.Pool[asyncpg.Record]", redis: Redis, turn: int
) -> None:
    """What one test writes, no other test sees."""
    assert await database.fetchval("SELECT count(*) FROM partners") == 0
    assert await redis.dbsize() == 0
    await database.execute("INSERT INTO partners (id, name) VALUES (gen_random_uuid(), 'Example Books Ltd')")
    await redis.set("left", "over")
