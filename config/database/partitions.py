"""The weekly partitions of events, deliveries and delivery_attempts: made ahead, and dropped together.

A week begins on Monday 00:00 UTC. Its bounds are the smallest UUIDs of its times, and a delivery's id carries its
event's time, so an event, its deliveries and their attempts lie in the partitions of one week and go at once.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from kernel.ids import first_id_at
from kernel.sql import beside

TABLES = ("events", "deliveries", "delivery_attempts")
_SQL = beside(__file__, "partitions.sql")
_NAME = re.compile(rf"^({'|'.join(TABLES)})_([0-9]{{4}})_([0-9]{{2}})_([0-9]{{2}})$")
_WEEK = timedelta(weeks=1)
_WEEKS_BACK = 2
_DETACH_SECONDS_MAX = 300

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, order=True)
class Week:
    """One week by its Monday, 00:00 UTC."""

    start: datetime

    @classmethod
    def of(cls, at: datetime) -> "Week":
        """The week that a time lies in."""
        day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return cls(day - timedelta(days=day.weekday()))

    @property
    def end(self) -> datetime:
        """The next week's start."""
        return self.start + _WEEK

    @property
    def bounds(self) -> tuple[UUID, UUID]:
        """The smallest id of this week, and that of the next."""
        return first_id_at(self.start), first_id_at(self.end)

    def partition_of(self, table: str) -> str:
        """The name of this week's partition."""
        return f"{table}_{self.start:%Y_%m_%d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Partition:
    table: str
    name: str
    is_attached: bool
    is_detaching: bool


async def ensure_partitions(
    connection: "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]",
    now: datetime,
    *,
    weeks_ahead: int = 8,
) -> list[str]:
    """Make the partitions from two weeks back to `weeks_ahead`; the names of those that were missing.

    Traffic goes on: a finished table is attached, which locks less than making it in place. Safe to run at once and
    again. Raises asyncpg's errors.
    """
    made: list[str] = []
    async with connection.transaction():
        await connection.execute(_SQL["lock_making"])
        known = {row["name"] for row in await connection.fetch(_SQL["find_partitions"], _NAME.pattern)}
        for week in _weeks(now, weeks_ahead):
            for table in TABLES:
                name = week.partition_of(table)
                if name not in known:
                    await connection.execute(_creation(week, table))
                    made.append(name)
    if made:
        _log.info("partitions.created", partitions=len(made), last=made[-1])
    return made


async def drop_expired(pool: "asyncpg.Pool[asyncpg.Record]", now: datetime, *, retention_days: int) -> list[str]:
    """Drop the weeks that ended before the retention, all three tables together; the names of the dropped tables.

    A week stays for as long as one of its deliveries is pending or waiting, or a replay that runs or is paused covers
    it. What a killed process left detached is
    finished by the next. Another process at the same work leaves this one nothing to do.
    """
    async with pool.acquire() as guard:
        try:
            # Without arguments it is a simple query, which leaves no open portal: a snapshot that this connection kept
            # would hold up the very detaching that it guards.
            async with guard.transaction():
                await guard.execute(_SQL["lock_dropping"])
                dropped = await _drop_weeks(pool, now - timedelta(days=retention_days))
        except asyncpg.LockNotAvailableError:
            return []
    if dropped:
        _log.info("partitions.dropped", partitions=len(dropped), last=dropped[-1])
    return dropped


async def _drop_weeks(pool: "asyncpg.Pool[asyncpg.Record]", before: datetime) -> list[str]:
    dropped: list[str] = []
    await _finish_detaching(pool)
    for week, partitions in sorted((await _found(pool)).items()):
        if week.end > before:
            break
        if why := await pool.fetchval(_SQL["why_kept"], *week.bounds, week.start, week.end):
            _log.warning("partitions.kept", week=week.start, why=why)
            continue
        for partition in partitions:
            await _drop(pool, partition)
            dropped.append(partition.name)
    return dropped


def _weeks(now: datetime, ahead: int) -> Iterator[Week]:
    present = Week.of(now)
    return (Week(present.start + _WEEK * number) for number in range(-_WEEKS_BACK, ahead + 1))


def _creation(week: Week, table: str) -> str:
    name, (first, after) = week.partition_of(table), week.bounds
    return (
        f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL);"
        f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{first}') TO ('{after}')"
    )


async def _found(pool: "asyncpg.Pool[asyncpg.Record]") -> dict[Week, list[_Partition]]:
    """The partitions by week, whatever became of them."""
    found: dict[Week, list[_Partition]] = {}
    for row in await pool.fetch(_SQL["find_partitions"], _NAME.pattern):
        match = _NAME.match(row["name"])
        if match is None:
            continue
        table, year, month, day = match.groups()
        week = Week(datetime(int(year), int(month), int(day), tzinfo=UTC))
        found.setdefault(week, []).append(_Partition(table=table, **row))
    return found


async def _finish_detaching(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    """End what a killed process began: while one partition is detached by half, PostgreSQL detaches no other."""
    for partitions in (await _found(pool)).values():
        for partition in partitions:
            if partition.is_detaching:
                await pool.execute(f"ALTER TABLE {partition.table} DETACH PARTITION {partition.name} FINALIZE")


async def _drop(pool: "asyncpg.Pool[asyncpg.Record]", partition: _Partition) -> None:
    """Detach without stopping readers, then drop. DETACH CONCURRENTLY refuses to run in a transaction."""
    async with pool.acquire() as connection:
        if partition.is_attached:
            statement = f"ALTER TABLE {partition.table} DETACH PARTITION {partition.name} CONCURRENTLY"
            await connection.execute(statement, timeout=_DETACH_SECONDS_MAX)
        await connection.execute(f"DROP TABLE {partition.name}")
