"""Work for batchers on a table of their own: a key and a value a row, and a place to lose the answer to a COMMIT."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from kernel.batcher.work import BatchConnection

CREATE = """
CREATE TABLE notes (key int PRIMARY KEY, value text NOT NULL CHECK (value <> 'poison'), writes int NOT NULL DEFAULT 1)
"""


@dataclass(frozen=True, slots=True)
class Note:
    key: int
    value: str = "plain"


@dataclass(slots=True)
class NoteWork:
    """Counts how often a key was written, and remembers what was told after commits."""

    name: str = "notes"
    begin: str = "BEGIN"
    batches: list[list[int]] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    found: list[int | None] = field(default_factory=list)

    def key(self, row: Note) -> int:
        return row.key

    async def write(self, connection: BatchConnection, rows: Sequence[Note]) -> Sequence[int | Exception]:
        self.batches.append([row.key for row in rows])
        await connection.execute(
            "INSERT INTO notes (key, value) SELECT * FROM unnest($1::int[], $2::text[])"
            " ON CONFLICT (key) DO UPDATE SET writes = notes.writes + 1",
            [row.key for row in rows],
            [row.value for row in rows],
        )
        return [row.key for row in rows]

    async def find(self, connection: BatchConnection, rows: Sequence[Note]) -> Sequence[int | None]:
        known = await connection.fetch("SELECT key FROM notes WHERE key = ANY($1)", [row.key for row in rows])
        keys = {row["key"] for row in known}
        found = [row.key if row.key in keys else None for row in rows]
        self.found += found
        return found

    async def committed(self, results: Sequence[int]) -> None:
        self.told += results


Commit = Callable[[], Awaitable[str]]


class TrickyPool:
    """A pool whose connections hand every COMMIT to `on_commit`, which may send it, lose it, or lose its answer."""

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        on_commit: "Callable[[asyncpg.Connection[asyncpg.Record], Commit], Awaitable[str]]",
    ) -> None:
        self._pool = pool
        self._on_commit = on_commit

    @asynccontextmanager
    async def acquire(self, *, timeout: float | None = None) -> AsyncIterator[Any]:  # noqa: ASYNC109 - as asyncpg's
        async with self._pool.acquire(timeout=timeout) as connection:
            yield _TrickyConnection(connection, self._on_commit)


class _TrickyConnection:
    def __init__(self, connection: Any, on_commit: Any) -> None:
        self._connection = connection
        self._on_commit = on_commit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def execute(self, statement: str, *args: Any, timeout: float | None = None) -> str:  # noqa: ASYNC109
        if statement != "COMMIT":
            return str(await self._connection.execute(statement, *args, timeout=timeout))
        return str(await self._on_commit(self._connection, lambda: self._connection.execute("COMMIT", timeout=timeout)))


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for a condition of this process."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - it watches plain state
            await asyncio.sleep(0.001)
