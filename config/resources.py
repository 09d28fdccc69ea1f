"""Opens what a process holds: PostgreSQL pools, Redis clients, the measured clock. Closes them in reverse."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import asyncpg
import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from config.cluster import ClusterNodes
from config.sections import DatabaseSettings, RedisSettings
from config.settings import Settings
from kernel.clock import CorrectedClock
from kernel.deadline.pool import PatientPool
from kernel.masked import Secret
from kernel.redis import RedisLine

_POSTGRES_MIN = 140_000
_KEEP = "noeviction"
# asyncpg's own defaults, which only its factory knows.
_CONNECTION_QUERIES_MAX = 50_000
_CONNECTION_IDLE_SECONDS_MAX = 300.0
_OFFSET_WORTH_A_LINE = timedelta(milliseconds=100)
# A plan that was made while a table was young must not scan it when it is old: the hot statements find rows by index,
# always (measured: 14 ms instead of 0.3 ms a batch until somebody runs ANALYZE).
_HOT_PLANS = {
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
}

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

_log = structlog.get_logger()


class ResourceError(Exception):
    """A server cannot serve us as it is. One line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What one process holds. `hot_pool` is for ingest, claims and results; `key_pool` for the vault alone.

    `queue_redis` is the queue's server, or the node of its cluster that the settings name; `queue_line` is one
    connection to it for calls that are many and short.
    """

    pool: Pool
    hot_pool: Pool
    key_pool: Pool
    queue_redis: Redis
    queue_line: RedisLine
    queue_cluster: ClusterNodes | None
    limits_redis: Redis
    clock: CorrectedClock


@asynccontextmanager
async def open_resources(
    settings: Settings, *, role: str, clock: CorrectedClock | None = None
) -> AsyncIterator[Resources]:
    """Everything opened and checked. `role` names the connections in the servers' own lists; `clock` is corrected.

    Raises ResourceError where a server is too old, evicts keys or is not there. An absent Redis is only logged: what is
    committed waits for it in PostgreSQL.
    """
    database, clock = settings.database, clock or CorrectedClock()
    async with AsyncExitStack() as stack:
        pools = [
            await stack.enter_async_context(_pool(database, size, f"threadneedle {role}", plans))
            for size, plans in (
                (database.connections_max, {}),
                (database.hot_connections_max, _HOT_PLANS),
                (database.key_connections_max, {}),
            )
        ]
        await check_postgres(pools[0])
        await measure_clock(pools[0], clock)
        redis = settings.redis
        cluster = await stack.enter_async_context(_cluster(redis)) if redis.queue_cluster else None
        queue_redis = cluster.seed if cluster else await stack.enter_async_context(_redis(redis, redis.queue_url))
        limits_redis = queue_redis
        if redis.limits_url.reveal():
            limits_redis = await stack.enter_async_context(_redis(redis, redis.limits_url))
            await check_redis(limits_redis)
        await (check_cluster(cluster) if cluster else check_redis(queue_redis))
        yield Resources(
            pool=pools[0],
            hot_pool=pools[1],
            key_pool=pools[2],
            queue_redis=queue_redis,
            queue_line=await stack.enter_async_context(_line(redis)),
            queue_cluster=cluster,
            limits_redis=limits_redis,
            clock=clock,
        )


async def check_postgres(pool: Pool) -> None:
    """Raises ResourceError for a PostgreSQL that is too old."""
    version = int(await pool.fetchval("SELECT current_setting('server_version_num')"))
    if version < _POSTGRES_MIN:
        raise ResourceError(f"PostgreSQL {version // 10_000} is too old; Threadneedle needs 14 or newer")


async def check_redis(client: Redis) -> None:
    """Raises ResourceError for a Redis that may throw our keys away."""
    try:
        policy = (await client.info("memory")).get("maxmemory_policy")
    except (RedisError, OSError) as error:
        _log.warning("redis.absent", error=type(error).__name__)
        return
    if policy != _KEEP:
        raise ResourceError(f"Redis has maxmemory-policy {policy}; set it to {_KEEP}, or it will drop what is queued")


async def check_cluster(cluster: ClusterNodes) -> None:
    """The same of every node of a cluster."""
    try:
        clients = await cluster.clients()
    except (RedisError, OSError) as error:
        _log.warning("redis.absent", error=type(error).__name__)
        return
    for client in clients:
        await check_redis(client)


async def measure_clock(pool: Pool, clock: CorrectedClock) -> None:
    """Measure this machine's offset to the database's clock and correct ours by it."""
    async with pool.acquire() as connection:

        async def database_now() -> datetime:
            now: datetime = await connection.fetchval("SELECT clock_timestamp()")
            return now

        offset = await clock.measure(database_now)
    if abs(offset) > _OFFSET_WORTH_A_LINE:
        _log.warning("clock.corrected", offset_ms=round(offset.total_seconds() * 1000))


async def keep_clock(pool: Pool, clock: CorrectedClock, interval_seconds: float = 60.0) -> None:
    """Measure again for as long as the process runs; the composition root starts and cancels it."""
    while True:
        await asyncio.sleep(interval_seconds)
        try:
            await measure_clock(pool, clock)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            _log.warning("clock.not_measured", error=type(error).__name__)


@contextmanager
def reaching_postgresql() -> Iterator[None]:
    """Says of a connection that fails in here whose it was. Raises ResourceError in its place."""
    try:
        yield
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise ResourceError(f"PostgreSQL cannot be reached ({type(error).__name__}); check DATABASE_URL") from None


@asynccontextmanager
async def _pool(
    settings: DatabaseSettings, connections_max: int, name: str, plans: dict[str, str]
) -> AsyncIterator[Pool]:
    timeout_ms = round(settings.statement_timeout_seconds * 1000)
    start = {"application_name": name, "statement_timeout": str(timeout_ms), "jit": "off", **plans}
    with reaching_postgresql():
        pool = await PatientPool(
            settings.url.reveal(),
            acquire_seconds_max=settings.acquire_timeout_seconds,
            min_size=1,
            max_size=connections_max,
            max_queries=_CONNECTION_QUERIES_MAX,
            max_inactive_connection_lifetime=_CONNECTION_IDLE_SECONDS_MAX,
            loop=asyncio.get_running_loop(),
            connection_class=asyncpg.Connection,
            record_class=asyncpg.Record,
            timeout=settings.connect_timeout_seconds,
            command_timeout=settings.statement_timeout_seconds,
            statement_cache_size=settings.prepared_statements_max,
            server_settings=None if settings.through_pgbouncer else start,
            reset=_keep_session,
        )
    try:
        yield pool
    finally:
        await _close(pool, settings.statement_timeout_seconds)


async def _keep_session(_connection: Any) -> None:
    """Nothing to reset between uses: no statement of ours leaves session state. It saves a round trip each."""


async def _close(pool: Pool, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await pool.close()
    except TimeoutError:
        pool.terminate()


@asynccontextmanager
async def _redis(settings: RedisSettings, url: Secret) -> AsyncIterator[Redis]:
    client = _client(settings, url)
    try:
        yield client
    finally:
        await client.aclose()


@asynccontextmanager
async def _line(settings: RedisSettings) -> AsyncIterator[RedisLine]:
    line = RedisLine(settings.queue_url.reveal(), timeout_seconds=settings.call_timeout_seconds)
    try:
        yield line
    finally:
        await line.close()


@asynccontextmanager
async def _cluster(settings: RedisSettings) -> AsyncIterator[ClusterNodes]:
    cluster = ClusterNodes(lambda address: _client(settings, settings.queue_url, address))
    try:
        yield cluster
    finally:
        await cluster.close()


def _client(settings: RedisSettings, url: Secret, address: tuple[str, int] | None = None) -> Redis:
    """A client that answers bytes and never repeats a call by itself: its callers know what may be repeated.

    With an address it goes there, and takes the rest (password, TLS) from the URL.
    """
    pool = BlockingConnectionPool.from_url(
        url.reveal(),
        max_connections=settings.connections_max,
        timeout=settings.connection_wait_seconds,
        socket_connect_timeout=settings.connect_timeout_seconds,
        socket_timeout=settings.call_timeout_seconds,
        retry=Retry(NoBackoff(), 0),
    )
    if address is not None:
        pool.connection_kwargs.update(host=address[0], port=address[1])
    return Redis.from_pool(pool)
