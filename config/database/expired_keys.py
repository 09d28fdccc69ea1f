"""Forgets what makes repeats recognisable, once it is old enough: event ids and Idempotency-Keys."""

from datetime import datetime, timedelta

import asyncpg
import structlog

from kernel.sql import beside

_SQL = beside(__file__, "expired_keys.sql")
# A short transaction each, so that no insert waits for long.
_CHUNK_ROWS = 5_000

_log = structlog.get_logger()


async def delete_expired_keys(
    pool: "asyncpg.Pool[asyncpg.Record]", now: datetime, *, event_keys_days: int, request_keys_days: int
) -> int:
    """Delete, chunk by chunk, keys older than so many days; how many went. Safe to run from many processes at once."""
    deleted = 0
    for name, days in (("delete_event_keys", event_keys_days), ("delete_request_keys", request_keys_days)):
        while went := await _chunk(pool, name, now - timedelta(days=days)):
            deleted += went
    if deleted:
        _log.info("keys.expired", keys=deleted)
    return deleted


async def _chunk(pool: "asyncpg.Pool[asyncpg.Record]", name: str, before: datetime) -> int:
    status = await pool.execute(_SQL[name], before, _CHUNK_ROWS)
    return int(status.removeprefix("DELETE "))
