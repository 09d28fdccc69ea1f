import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import asyncpg
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from config.loading import load_settings
from config.resources import ResourceError, check_postgres, check_redis, measure_clock, open_resources
from config.settings import Settings
from kernel.clock import CorrectedClock
from kernel.ids import NIL, id_beside, new_id

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
CLOSED_PORT = "redis://127.0.0.1:1/0"


def settings_for(database_url: str, redis_url: str, **more: str) -> Settings:
    return load_settings({"DATABASE_URL": database_url, "REDIS_URL": redis_url, **more})


async def test_resources_open_and_close(database_url: str, redis_url: str) -> None:
    """All pools and clients serve while open and are closed afterwards; the clock was measured."""
    settings = settings_for(database_url, redis_url)
    async with open_resources(settings, role="test") as resources:
        for pool in (resources.pool, resources.hot_pool, resources.key_pool):
            assert await pool.fetchval("SELECT 1") == 1
        assert await resources.queue_redis.ping()
        assert resources.limits_redis is resources.queue_redis
        assert abs(resources.clock.offset) < timedelta(seconds=5)
        assert await resources.pool.fetchval("SELECT current_setting('application_name')") == "threadneedle test"
    with pytest.raises(asyncpg.InterfaceError):
        await resources.pool.fetchval("SELECT 1")


async def test_limits_may_live_on_a_server_of_their_own(database_url: str, redis_url: str) -> None:
    """A second URL gives the limits a client of their own."""
    settings = settings_for(database_url, redis_url, THREADNEEDLE_REDIS__LIMITS_URL=redis_url)
    async with open_resources(settings, role="test") as resources:
        assert resources.limits_redis is not resources.queue_redis
        assert await resources.limits_redis.ping()


async def test_hot_statements_go_by_index_on_a_young_table(database_url: str, redis_url: str) -> None:
    """On a fresh database the result update finds its rows by primary key, not by scanning what is due."""
    statement = (
        "EXPLAIN UPDATE deliveries AS d SET state = 'delivered'"
        " FROM unnest($1::uuid[], $2::uuid[]) AS r (partner_id, id)"
        " WHERE d.partner_id = r.partner_id AND d.id = r.id AND d.state = 'pending'"
    )
    async with open_resources(settings_for(database_url, redis_url), role="test") as resources:
        ids = [id_beside(new_id(datetime.now(UTC))) for _ in range(50)]
        rows = await resources.hot_pool.fetch(statement, [NIL] * 50, ids)
    plan = "\n".join(row[0] for row in rows)
    assert "Hash Join" not in plan
    assert "Seq Scan" not in plan
    assert "_pkey" in plan


async def test_behind_pgbouncer_nothing_is_sent_at_start(database_url: str, redis_url: str) -> None:
    """A pooler refuses start parameters that it does not know, so none are sent through one."""
    settings = settings_for(database_url, redis_url, THREADNEEDLE_DATABASE__THROUGH_PGBOUNCER="true")
    async with open_resources(settings, role="test") as resources:
        assert await resources.hot_pool.fetchval("SELECT current_setting('enable_seqscan')") == "on"


async def test_an_unreachable_database_is_one_line(redis_url: str) -> None:
    """Without PostgreSQL nothing starts; the line names the setting and not the password."""
    settings = settings_for("postgresql://app:hunter2@127.0.0.1:1/none", redis_url)
    with pytest.raises(ResourceError, match="DATABASE_URL") as raised:
        async with open_resources(settings, role="test"):
            pass
    assert "hunter2" not in str(raised.value)


async def test_an_absent_redis_is_no_reason_not_to_start(database_url: str) -> None:
    """What is committed waits in PostgreSQL, so a process starts without Redis and finds it later."""
    async with open_resources(settings_for(database_url, CLOSED_PORT), role="test") as resources:
        with pytest.raises(RedisError):
            await resources.queue_redis.ping()


async def test_a_redis_that_evicts_is_refused(database_url: str, redis: Redis, redis_url: str) -> None:
    """A server that throws keys away under pressure would lose what is queued."""
    await redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(ResourceError, match="allkeys-lru; set it to noeviction"):
            async with open_resources(settings_for(database_url, redis_url), role="test"):
                pass
    finally:
        await redis.config_set("maxmemory-policy", "noeviction")
    await check_redis(redis)


class _Fixed:
    """A pool whose server answers one value."""

    def __init__(self, value: Any) -> None:
        self._value = value

    async def fetchval(self, _query: str) -> Any:
        return self._value


@pytest.mark.parametrize(("version", "is_refused"), [("130011", True), ("140000", False), ("180001", False)])
async def test_an_old_postgresql_is_refused(version: str, is_refused: bool) -> None:  # noqa: FBT001 - a case of the table
    """PostgreSQL 14 is the oldest that serves."""
    pool: Any = _Fixed(version)
    if is_refused:
        with pytest.raises(ResourceError, match="PostgreSQL 13 is too old"):
            await check_postgres(pool)
    else:
        await check_postgres(pool)


async def test_the_clock_follows_the_database(database: Pool) -> None:
    """A machine whose clock is ten minutes late signs with the database's time."""
    clock = CorrectedClock(lambda: datetime.now(UTC) - timedelta(minutes=10))
    await measure_clock(database, clock)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=1)


async def test_more_callers_than_connections_wait(database_url: str, redis_url: str) -> None:
    """Callers beyond the connections of Redis wait their turn and are served."""
    limits: Mapping[str, str] = {"THREADNEEDLE_REDIS__CONNECTIONS_MAX": "2"}
    async with open_resources(settings_for(database_url, redis_url, **limits), role="test") as resources:
        answers = await asyncio.gather(*(resources.queue_redis.echo(str(n)) for n in range(50)))
    assert answers == [str(n).encode() for n in range(50)]
