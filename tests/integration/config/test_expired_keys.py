import asyncio
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import asyncpg

from config.database.expired_keys import delete_expired_keys

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
INSERTS = {
    "event_keys": "INSERT INTO event_keys (partner_id, environment, key_digest, fingerprint, event_id, created_at)"
    " SELECT gen_random_uuid(), 'test', 'd', 'f', gen_random_uuid(), $1 FROM generate_series(1, $2)",
    "request_keys": "INSERT INTO request_keys"
    " (partner_id, environment, key_digest, fingerprint, resource_id, status_code, created_at)"
    " SELECT gen_random_uuid(), 'test', 'd', 'f', gen_random_uuid(), 201, $1 FROM generate_series(1, $2)",
}


async def test_old_keys_go_and_young_ones_stay(database: Pool) -> None:
    """Each kind of key is forgotten at its own age, in chunks, also by two workers at once."""
    for insert in INSERTS.values():
        await database.execute(insert, NOW - timedelta(days=40), 6_000)
        await database.execute(insert, NOW - timedelta(days=20), 10)
    deleted = await asyncio.gather(
        *(delete_expired_keys(database, NOW, event_keys_days=30, request_keys_days=90) for _ in range(2))
    )
    assert sum(deleted) == 6_000
    assert await database.fetchval("SELECT count(*) FROM event_keys") == 10
    assert await database.fetchval("SELECT count(*) FROM request_keys") == 6_010
    assert await delete_expired_keys(database, NOW, event_keys_days=30, request_keys_days=30) == 6_000
    assert await database.fetchval("SELECT count(*) FROM request_keys") == 10
