import asyncio
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from uuid import UUID

import asyncpg
import pytest

from config.database.partitions import TABLES, Week, drop_expired, ensure_partitions
from kernel.ids import NIL, first_id_at, id_beside, new_id

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
LONG_AGO = datetime(2025, 1, 15, 12, 0, tzinfo=UTC)
LATER = LONG_AGO + timedelta(days=200)


async def publish(pool: Pool, at: datetime, state: str = "delivered") -> tuple[UUID, UUID]:
    """One event of that time with one delivery and one attempt."""
    event_id = new_id(at)
    delivery_id = id_beside(event_id)
    await pool.execute(
        "INSERT INTO events (partner_id, id, environment, type, occurred_at, matched, sealed_body)"
        " VALUES ($1, $2, 'test', 'a.b', $3, 1, '')",
        NIL,
        event_id,
        at,
    )
    await pool.execute(
        "INSERT INTO deliveries (partner_id, id, environment, event_id, endpoint_id, state)"
        " VALUES ($1, $2, 'test', $3, $1, $4)",
        NIL,
        delivery_id,
        event_id,
        state,
    )
    await pool.execute(
        "INSERT INTO delivery_attempts (partner_id, delivery_id, id, round, step, cause, superseded, started_at,"
        " total_us, sealed_exchange) VALUES ($1, $2, $3, 0, 0, 'first', false, $4, 1, '')",
        NIL,
        delivery_id,
        new_id(at + timedelta(days=6)),
        at,
    )
    return event_id, delivery_id


async def partitions(pool: Pool) -> set[str]:
    rows = await pool.fetch(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = ANY($1::regclass[])", TABLES
    )
    return {row["name"] for row in rows}


async def ensure(pool: Pool, now: datetime, weeks_ahead: int = 8) -> list[str]:
    async with pool.acquire() as connection:
        return await ensure_partitions(connection, now, weeks_ahead=weeks_ahead)


@pytest.fixture
async def aged(database: Pool) -> Pool:
    """A database that has partitions around a time long ago."""
    await ensure(database, LONG_AGO)
    return database


async def test_partitions_reach_from_two_weeks_back_to_eight_ahead(database: Pool) -> None:
    """Eleven weeks of three tables are made, and made once."""
    made = await ensure(database, LONG_AGO)
    assert len(made) == 3 * 11
    assert "events_2024_12_30" in made
    assert "delivery_attempts_2025_03_10" in made
    assert set(made) <= await partitions(database)
    assert await ensure(database, LONG_AGO) == []


async def test_processes_make_partitions_at_once(database: Pool) -> None:
    """Daily runs of several workers agree: each partition is made by exactly one of them."""
    made = await asyncio.gather(*(ensure(database, LONG_AGO) for _ in range(4)))
    assert sorted(len(names) for names in made) == [0, 0, 0, 33]


async def test_partitions_are_made_beside_open_transactions(aged: Pool) -> None:
    """A writer that has not committed yet neither waits for new partitions nor holds them up."""
    async with aged.acquire() as writer, writer.transaction():
        await writer.execute("UPDATE deliveries SET step = step")
        async with asyncio.timeout(5):
            assert await ensure(aged, LONG_AGO + timedelta(weeks=1))


@pytest.mark.parametrize("offset", [timedelta(0), timedelta(microseconds=-1000), timedelta(days=3, hours=7)])
async def test_an_event_and_what_follows_from_it_share_a_week(aged: Pool, offset: timedelta) -> None:
    """Also at a week's very edge, an event, its delivery and a later attempt lie in the partitions of one week."""
    at = datetime(2025, 1, 20, tzinfo=UTC) + offset
    event_id, delivery_id = await publish(aged, at)
    week = Week.of(at)
    for table, column, identifier in (
        ("events", "id", event_id),
        ("deliveries", "id", delivery_id),
        ("delivery_attempts", "delivery_id", delivery_id),
    ):
        where = await aged.fetchval(f"SELECT tableoid::regclass::text FROM {table} WHERE {column} = $1", identifier)  # noqa: S608
        assert where == week.partition_of(table)


async def test_partitions_keep_what_their_table_says(aged: Pool) -> None:
    """A partition has its table's indexes and keeps sealed bytes out of line and uncompressed."""
    indexes = await aged.fetchval("SELECT count(*) FROM pg_indexes WHERE tablename = 'deliveries_2025_01_13'")
    assert indexes == await aged.fetchval("SELECT count(*) FROM pg_indexes WHERE tablename = 'deliveries'")
    storage = (
        "SELECT attstorage FROM pg_attribute WHERE attrelid = 'events_2025_01_13'::regclass AND attname = 'sealed_body'"
    )
    assert await aged.fetchval(storage) == b"e"


async def test_a_week_is_dropped_whole(aged: Pool) -> None:
    """Past the retention the three tables of a week go together; a younger week stays."""
    await publish(aged, LONG_AGO)
    dropped = await drop_expired(aged, LATER, retention_days=193)
    assert set(dropped) == {
        Week.of(LONG_AGO - timedelta(weeks=back)).partition_of(t) for t in TABLES for back in (0, 1, 2)
    }
    assert await aged.fetchval("SELECT count(*) FROM events") == 0
    assert "events_2025_01_20" in await partitions(aged)


@pytest.mark.parametrize("state", ["pending", "waiting"])
async def test_a_week_with_something_to_send_stays(aged: Pool, state: str) -> None:
    """However old, a week is kept while one of its deliveries is not ended."""
    await publish(aged, LONG_AGO, state)
    dropped = await drop_expired(aged, LATER, retention_days=30)
    assert dropped
    assert not [name for name in dropped if name.endswith("2025_01_13")]
    await aged.execute("UPDATE deliveries SET state = 'dead'")
    assert len(await drop_expired(aged, LATER, retention_days=30)) == 3


@pytest.mark.parametrize("state", ["running", "paused"])
@pytest.mark.parametrize("reach", ["time", "one delivery", "a delivery that it made due"])
async def test_a_week_in_a_replay_stays(aged: Pool, state: str, reach: str) -> None:
    """A replay that has not ended keeps the weeks that it covers, by its time range or by its deliveries."""
    _, delivery_id = await publish(aged, LONG_AGO)
    replay_id, elsewhere = new_id(LATER), LATER - timedelta(days=1)
    since = LONG_AGO - timedelta(hours=1) if reach == "time" else elsewhere
    await aged.execute(
        "INSERT INTO replays (partner_id, id, environment, state, requested_by, delivery_id, since, until,"
        " rate_per_second, total) VALUES ($1, $2, 'test', $3, 'c', $4, $5, $6, 1, 1)",
        NIL,
        replay_id,
        state,
        delivery_id if reach == "one delivery" else None,
        since,
        LONG_AGO if reach == "time" else LATER,
    )
    if reach == "a delivery that it made due":
        await aged.execute("UPDATE deliveries SET replay_id = $1", replay_id)
    dropped = await drop_expired(aged, LATER, retention_days=30)
    assert dropped
    assert not [name for name in dropped if name.endswith("2025_01_13")]
    await aged.execute("UPDATE replays SET state = 'completed', ended_at = now()")
    assert len(await drop_expired(aged, LATER, retention_days=30)) >= 3


async def test_a_killed_drop_is_finished_by_the_next(aged: Pool) -> None:
    """What was detached, or detached by half, when a process died is dropped by the next run."""
    await aged.execute("ALTER TABLE events DETACH PARTITION events_2025_01_13")
    blocker = await aged.acquire()
    await blocker.execute("BEGIN; SELECT FROM deliveries")
    async with aged.acquire() as dying:
        detach = "ALTER TABLE deliveries DETACH PARTITION deliveries_2025_01_13 CONCURRENTLY"
        with pytest.raises(TimeoutError):
            await dying.execute(detach, timeout=0.3)
    await blocker.execute("COMMIT")
    await aged.release(blocker)
    pending = "SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = 'deliveries_2025_01_13'::regclass"
    assert await aged.fetchval(pending) is True
    dropped = await drop_expired(aged, LATER, retention_days=30)
    assert {f"{table}_2025_01_13" for table in TABLES} <= set(dropped)
    assert await aged.fetchval("SELECT to_regclass('deliveries_2025_01_13')") is None


async def test_two_workers_drop_at_once(aged: Pool) -> None:
    """One does the work; the other leaves it to that one."""
    dropped = await asyncio.gather(*(drop_expired(aged, LATER, retention_days=30) for _ in range(2)))
    assert sorted(map(bool, dropped)) == [False, True]


def test_a_week_begins_on_monday_utc() -> None:
    """The bounds of a week are the smallest ids of Monday 00:00 UTC and of the next one."""
    week = Week.of(datetime(2026, 11, 22, 23, 59, tzinfo=UTC))
    assert week.start == datetime(2026, 11, 16, tzinfo=UTC)
    assert week.bounds == (first_id_at(week.start), first_id_at(datetime(2026, 11, 23, tzinfo=UTC)))
