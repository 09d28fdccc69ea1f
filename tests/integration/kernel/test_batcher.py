import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeAlias

import asyncpg
import pytest

from kernel.batcher import Batcher, BatchPolicy
from kernel.batcher.work import BatchConnection
from kernel.errors import Invalid, Unavailable
from tests.support.batches import CREATE, Commit, Note, NoteWork, TrickyPool, until

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


@pytest.fixture
async def notes(database: Pool) -> Pool:
    """A pool on a database with the table of notes."""
    await database.execute(CREATE)
    return database


@asynccontextmanager
async def batching(pool: Any, work: Any, **numbers: Any) -> AsyncIterator[Batcher[Any, Any]]:
    batcher = Batcher[Any, Any](pool, work, BatchPolicy(**numbers))
    await batcher.start()
    try:
        yield batcher
    finally:
        await batcher.close()


async def rows_of(pool: Pool) -> dict[int, int]:
    return {row["key"]: row["writes"] for row in await pool.fetch("SELECT key, writes FROM notes")}


@pytest.mark.parametrize("seed", range(5))
async def test_poison_fails_alone(notes: Pool, seed: int) -> None:
    """Of 500 rows with three that cannot be stored, 497 commit and three callers get a clear error of their own."""
    rows = random.Random(seed)  # noqa: S311 - a seed makes the failure repeatable
    bad = dict(zip(rows.sample(range(500), 3), ("poison", "nul \x00", "\udc80"), strict=True))
    work = NoteWork()
    async with batching(notes, work) as batcher:
        outcomes = await batcher.add_many([Note(key, bad.get(key, "plain")) for key in range(500)])
    failed = {key: outcome for key, outcome in enumerate(outcomes) if isinstance(outcome, Exception)}
    assert failed.keys() == bad.keys()
    assert await rows_of(notes) == {key: 1 for key in range(500) if key not in bad}
    assert sorted(work.told) == sorted(set(range(500)) - bad.keys())
    for key, error in failed.items():
        assert isinstance(error, Invalid), error
        assert bad[key] not in str(error) + str(error.errors)


async def test_rows_that_come_together_are_one_batch(notes: Pool) -> None:
    """Callers that arrive within the linger time share one transaction, whose rows are sorted by key."""
    work = NoteWork()
    async with batching(notes, work) as batcher:
        await asyncio.gather(*(batcher.add(Note(key)) for key in (5, 3, 9, 1)))
    assert work.batches == [[1, 3, 5, 9]]


async def test_a_batch_never_exceeds_its_rows(notes: Pool) -> None:
    """However many arrive at once, a transaction holds no more than the cap."""
    work = NoteWork()
    async with batching(notes, work, rows_max=100, rows_enough=50) as batcher:
        await batcher.add_many([Note(key) for key in range(350)])
    assert [len(batch) for batch in work.batches] == [100, 100, 100, 50]


@pytest.mark.parametrize("writers", [1, 3])
async def test_one_key_twice_at_once(notes: Pool, writers: int) -> None:
    """Rows of one key are all answered, one after the other, and never share a batch nor run at once."""
    work = NoteWork()
    async with batching(notes, work, writers=writers) as batcher:
        results = await asyncio.gather(*(batcher.add(Note(7)) for _ in range(5)), batcher.add(Note(8)))
    assert results == [7, 7, 7, 7, 7, 8]
    assert await rows_of(notes) == {7: 5, 8: 1}
    assert all(len(batch) == len(set(batch)) for batch in work.batches)


async def test_deadlocking_batches_all_commit(notes: Pool) -> None:
    """Two batchers on the same keys, and a third party that locks in the other order: everything commits."""
    keys = range(40)
    await notes.executemany("INSERT INTO notes (key, value) VALUES ($1, 'plain')", [(key,) for key in keys])
    deadlocks = 0

    async def competitor(stop: asyncio.Event) -> None:
        nonlocal deadlocks
        while not stop.is_set():
            try:
                async with notes.acquire() as connection, connection.transaction():
                    for key in reversed(keys):
                        await connection.execute("UPDATE notes SET value = 'theirs' WHERE key = $1", key)
            except asyncpg.DeadlockDetectedError:
                deadlocks += 1

    await notes.execute(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = 10', current_database()); END $$"
    )
    await notes.expire_connections()
    stop, works = asyncio.Event(), (NoteWork(), NoteWork())
    competing = asyncio.create_task(competitor(stop))
    async with batching(notes, works[0]) as first, batching(notes, works[1]) as second:
        for _ in range(10):
            outcomes = await asyncio.gather(
                first.add_many([Note(key) for key in keys]), second.add_many([Note(key) for key in keys])
            )
            assert list(outcomes) == [list(keys), list(keys)]
    stop.set()
    await competing
    assert await rows_of(notes) == dict.fromkeys(keys, 21)
    tries = len(works[0].batches) + len(works[1].batches)
    assert deadlocks + tries - 20 > 0, "the test met no deadlock"


async def killed_before(connection: Any, commit: Commit) -> str:
    """The backend dies before COMMIT reaches it."""
    await kill(connection)
    return await commit()


async def killed_after(connection: Any, commit: Commit) -> str:
    """COMMIT takes effect, then its answer is lost."""
    await commit()
    await kill(connection)
    raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")


async def never_answered(_connection: Any, commit: Commit) -> str:
    """COMMIT takes effect, and nothing is heard again."""
    await commit()
    raise TimeoutError


async def kill(connection: Any) -> None:
    other = await asyncpg.connect(dsn_of(connection))
    await other.execute("SELECT pg_terminate_backend($1)", connection.get_server_pid())
    await other.close()


def dsn_of(connection: Any) -> str:
    params, addr = connection._con._params, connection._con._addr
    return f"postgresql://{params.user}:{params.password}@{addr[0]}:{addr[1]}/{params.database}"


@pytest.mark.parametrize("trick", [killed_before, killed_after, never_answered])
async def test_unknown_commit_is_looked_up(notes: Pool, trick: Any) -> None:
    """When the answer to COMMIT is lost, rows are looked up by key: none is lost, none is written twice."""
    lost = 0

    async def on_commit(connection: Any, commit: Commit) -> str:
        nonlocal lost
        lost += 1
        return await (trick(connection, commit) if lost == 1 else commit())

    work = NoteWork()
    async with batching(TrickyPool(notes, on_commit), work) as batcher:
        assert await batcher.add_many([Note(key) for key in range(20)]) == list(range(20))
    assert await rows_of(notes) == dict.fromkeys(range(20), 1)
    assert work.found == ([None] * 20 if trick is killed_before else list(range(20)))
    assert sorted(work.told) == list(range(20))


class SlowCommit(NoteWork):
    """Plain inserts, so that a repeat of what is there already fails."""

    async def write(self, connection: BatchConnection, rows: Sequence[Note]) -> Sequence[int | Exception]:
        await connection.execute(
            "INSERT INTO notes SELECT key, 'x' FROM unnest($1::int[]) AS key", [r.key for r in rows]
        )
        return [row.key for row in rows]


async def test_unknown_commit_that_is_still_under_way(notes: Pool) -> None:
    """A lost COMMIT that takes effect only after the look-up is found by the conflict it causes: answered as done."""
    background: list[asyncio.Task[None]] = []

    async def on_commit(connection: Any, commit: Commit) -> str:
        if background:
            return await commit()
        # Another session holds the same rows, uncommitted, as a backend does whose client is gone; ours rolls back.
        twin = await asyncpg.connect(dsn_of(connection))
        await connection.execute("ROLLBACK")
        await twin.execute("BEGIN; INSERT INTO notes SELECT key, 'x' FROM generate_series(0, 9) AS key")

        async def commit_later() -> None:
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            while not await notes.fetchval(waiting):  # noqa: ASYNC110 - it watches the database
                await asyncio.sleep(0.005)
            await twin.execute("COMMIT")
            await twin.close()

        background.append(asyncio.create_task(commit_later()))
        raise asyncpg.ConnectionDoesNotExistError("lost")

    async with batching(TrickyPool(notes, on_commit), SlowCommit()) as batcher:
        assert await batcher.add_many([Note(key) for key in range(10)]) == list(range(10))
    await background[0]
    assert await rows_of(notes) == dict.fromkeys(range(10), 1)


async def test_connection_lost_while_writing(notes: Pool) -> None:
    """A backend that dies in the middle of a batch costs a repeat and nothing else."""
    killed = False

    class Dying(NoteWork):
        async def write(self, connection: BatchConnection, rows: Sequence[Note]) -> Sequence[int | Exception]:
            nonlocal killed
            results = await super().write(connection, rows)
            if not killed:
                killed = True
                await kill(connection)
            return results

    async with batching(notes, Dying()) as batcher:
        assert await batcher.add_many([Note(key) for key in range(20)]) == list(range(20))
    assert await rows_of(notes) == dict.fromkeys(range(20), 1)


async def test_swallowed_error_is_not_taken_for_a_commit(notes: Pool) -> None:
    """PostgreSQL answers COMMIT of a failed transaction with ROLLBACK; nobody is told that it was written."""

    class Careless(NoteWork):
        async def write(self, connection: BatchConnection, rows: Sequence[Note]) -> Sequence[int | Exception]:
            with suppress(asyncpg.PostgresError):
                await super().write(connection, rows)
            return [row.key for row in rows]

    async with batching(notes, Careless()) as batcher:
        with pytest.raises(RuntimeError):
            await batcher.add(Note(1, "poison"))
    assert await rows_of(notes) == {}


async def test_refused_rows_harm_no_other(notes: Pool) -> None:
    """A row that the work itself refuses gets its error; the rest of its batch is committed in one go."""

    class Refusing(NoteWork):
        async def write(self, connection: BatchConnection, rows: Sequence[Note]) -> Sequence[int | Exception]:
            good = [row for row in rows if row.key != 3]
            await super().write(connection, good)
            return [LookupError("unknown merchant") if row.key == 3 else row.key for row in rows]

    work = Refusing()
    async with batching(notes, work) as batcher:
        outcomes = await batcher.add_many([Note(key) for key in range(5)])
    assert [type(outcome) for outcome in outcomes] == [int, int, int, LookupError, int]
    assert len(work.batches) == 1
    assert work.told == [0, 1, 2, 4]


async def test_full_is_unavailable(notes: Pool) -> None:
    """Beyond its bound a batcher refuses at once; those who wait are still served."""
    blocker = await notes.acquire()
    await blocker.execute("BEGIN; LOCK TABLE notes")
    async with batching(notes, NoteWork(), rows_max=10, rows_enough=10, waiting_max=20) as batcher:
        first = asyncio.create_task(batcher.add_many([Note(key) for key in range(10)]))
        await until(lambda: batcher._waiting == 0 and bool(batcher._keys))
        waiting = asyncio.create_task(batcher.add_many([Note(key) for key in range(10, 35)]))
        await until(lambda: batcher._waiting == 20)
        with pytest.raises(Unavailable):
            await batcher.add(Note(99))
        await blocker.execute("COMMIT")
        await notes.release(blocker)
        assert await first == list(range(10))
        outcomes = await waiting
    assert outcomes[:20] == list(range(10, 30))
    assert all(isinstance(outcome, Unavailable) for outcome in outcomes[20:])


async def test_close_drains(notes: Pool) -> None:
    """Whoever was let in before the close is written and answered; whoever comes after is refused."""
    work = NoteWork()
    batcher = Batcher[Note, int](notes, work, BatchPolicy(rows_max=10, rows_enough=10))
    await batcher.start()
    callers = [asyncio.create_task(batcher.add(Note(key % 50))) for key in range(100)]
    await until(lambda: batcher._waiting > 0)
    await batcher.close()
    assert await asyncio.gather(*callers) == [key % 50 for key in range(100)]
    assert await rows_of(notes) == dict.fromkeys(range(50), 2)
    with pytest.raises(Unavailable):
        await batcher.add(Note(1))


async def test_cancelled_callers_disturb_nobody(notes: Pool) -> None:
    """A caller that goes away leaves its row and the others' answers as they were."""
    async with batching(notes, NoteWork(), linger_seconds_min=0.02) as batcher:
        callers = [asyncio.create_task(batcher.add(Note(key))) for key in range(10)]
        await until(lambda: batcher._waiting == 10)
        for caller in callers[::2]:
            caller.cancel()
        assert await asyncio.gather(*callers[1::2]) == [1, 3, 5, 7, 9]
    assert (await rows_of(notes)).keys() == set(range(10))


async def test_database_away_too_long(notes: Pool) -> None:
    """A batch that cannot be written within its time is refused as unavailable, and nothing of it is there."""
    blocker = await notes.acquire()
    await blocker.execute("BEGIN; LOCK TABLE notes")
    async with batching(notes, NoteWork(), retry_seconds_max=0.2) as batcher:
        with pytest.raises(Unavailable):
            await batcher.add(Note(1))
    await blocker.execute("ROLLBACK")
    await notes.release(blocker)
    assert await rows_of(notes) == {}


async def test_after_commit_hook_holds_nobody_up(notes: Pool) -> None:
    """A hook that hangs or fails costs its callers a twentieth of a second at most, and no error."""

    class Deaf(NoteWork):
        async def committed(self, results: Sequence[int]) -> None:
            if results == [1]:
                raise ConnectionError
            await asyncio.Event().wait()

    async with batching(notes, Deaf()) as batcher:
        started = asyncio.get_running_loop().time()
        assert await batcher.add(Note(1)) == 1
        assert await batcher.add(Note(2)) == 2
        assert asyncio.get_running_loop().time() - started < 0.05 * 10
    assert await rows_of(notes) == {1: 1, 2: 1}
