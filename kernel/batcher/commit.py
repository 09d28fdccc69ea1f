"""One batch from its rows to an outcome for each: written, tried again, looked up or halved. It raises nothing."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Generic, TypeVar

import asyncpg
import structlog

from kernel.batcher.metrics import BatchMetrics
from kernel.batcher.policy import (
    BatchPolicy,
    error_of_row,
    halves,
    is_commit_refused,
    is_worth_retrying,
    retry_delay_seconds,
)
from kernel.batcher.work import BatchConnection, BatchWork, Result, Row
from kernel.errors import Unavailable

Answer = TypeVar("Answer")
_ROLLBACK_SECONDS_MAX = 1.0
_log = structlog.get_logger()


class _CommitUnknown(Exception):
    """COMMIT was sent and its answer was lost."""


class _ConnectionLost(OSError):
    """The connection ended before COMMIT was sent, so nothing was committed."""


class Committer(Generic[Row, Result]):
    """Commits batches of one kind of work."""

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        work: BatchWork[Row, Result],
        policy: BatchPolicy,
        metrics: BatchMetrics | None,
    ) -> None:
        self._pool = pool
        self._work = work
        self._policy = policy
        self._metrics = metrics

    async def commit(self, rows: Sequence[Row]) -> list[Result | Exception]:
        """The outcome of each row: its result, which is committed, or the error that only its caller gets."""
        deadline = asyncio.get_running_loop().time() + self._policy.retry_seconds_max
        return await self._settle(rows, deadline, suspect=False)

    async def _settle(self, rows: Sequence[Row], deadline: float, *, suspect: bool) -> list[Result | Exception]:
        """`suspect` rows may have been committed by an earlier try whose answer was lost."""
        tries = 0
        while True:
            try:
                return await self._write(rows, deadline)
            except _CommitUnknown as error:
                self._note("commit_unknown", rows, error)
                return await self._find_or_settle(rows, deadline)
            except Exception as error:  # noqa: BLE001 - whatever it is, each caller gets an answer
                if not is_worth_retrying(error):
                    return await self._narrow(rows, error, deadline, suspect=suspect)
                self._note("retried", rows, error)
            if not await self._pause(tries, deadline):
                return [_unavailable(suspect=suspect) for _ in rows]
            tries += 1

    async def _find_or_settle(self, rows: Sequence[Row], deadline: float) -> list[Result | Exception]:
        """What is there is answered; the rest is written (again).

        A row that is not found may still be on its way, if its lost transaction has not ended. Writing it again then
        waits for that end at the row's own lock and either finds a repeat or fails on it, which is looked up once more.
        """
        found = await self._look_up(rows, deadline)
        if found is None:
            return [_unavailable(suspect=True) for _ in rows]
        missing = [row for row, result in zip(rows, found, strict=True) if result is None]
        rest = iter(await self._settle(missing, deadline, suspect=True) if missing else ())
        return [next(rest) if result is None else result for result in found]

    async def _narrow(
        self, rows: Sequence[Row], error: Exception, deadline: float, *, suspect: bool
    ) -> list[Result | Exception]:
        """Halve until the bad row stands alone."""
        if len(rows) > 1:
            self._note("halved", rows, error)
            first, second = halves(rows)
            return [
                *await self._settle(first, deadline, suspect=suspect),
                *await self._settle(second, deadline, suspect=suspect),
            ]
        if suspect and (found := await self._look_up(rows, deadline)) and found[0] is not None:
            return [found[0]]
        return [error_of_row(error)]

    async def _write(self, rows: Sequence[Row], deadline: float) -> list[Result | Exception]:
        async with self._pool.acquire(timeout=deadline - asyncio.get_running_loop().time()) as connection:
            try:
                async with asyncio.timeout_at(deadline):
                    await connection.execute(self._work.begin)
                    results = _one_each(await self._work.write(connection, rows), rows)
                await self._end(connection)
            except BaseException as error:
                if await _left_behind(connection, error):
                    raise _ConnectionLost from error
                raise
            return results

    async def _end(self, connection: BatchConnection) -> None:
        """Commit, and tell a refusal (nothing is committed) from a lost answer (nobody knows)."""
        try:
            tag = await connection.execute("COMMIT", timeout=self._policy.commit_seconds_max)
        except Exception as error:
            if is_commit_refused(error):
                raise
            _terminate(connection)
            raise _CommitUnknown from error
        if tag != "COMMIT":
            raise RuntimeError(f"{self._work.name}: write swallowed an error that had ended its transaction")

    async def _look_up(self, rows: Sequence[Row], deadline: float) -> list[Result | None] | None:
        """What `find` says of each row, or None if the database did not answer in time."""
        tries = 0
        while True:
            try:
                async with asyncio.timeout_at(deadline), self._pool.acquire() as connection:
                    return _one_each(await self._work.find(connection, rows), rows)
            except Exception as error:  # noqa: BLE001 - nothing may be answered before the rows are looked up
                self._note("look_up_failed", rows, error)
            if not await self._pause(tries, deadline):
                return None
            tries += 1

    async def _pause(self, tries: int, deadline: float) -> bool:
        """Wait before the next try; False if there is no time for one."""
        delay = retry_delay_seconds(self._policy, tries)
        if asyncio.get_running_loop().time() + delay >= deadline:
            return False
        await asyncio.sleep(delay)
        return True

    def _note(self, why: str, rows: Sequence[Row], error: Exception) -> None:
        sqlstate = error.sqlstate if isinstance(error, asyncpg.PostgresError) else None
        _log.warning(
            f"batch.{why}", batch=self._work.name, rows=len(rows), error=type(error).__name__, sqlstate=sqlstate
        )
        if self._metrics:
            self._metrics.repeated.labels(self._work.name, why).inc()


async def _left_behind(connection: BatchConnection, error: BaseException) -> bool:
    """Leave no transaction behind. True where the connection ended before COMMIT was sent."""
    if isinstance(error, _CommitUnknown):
        return False
    if not isinstance(error, Exception):
        _terminate(connection)
        return False
    if _is_over(connection):
        return True
    try:
        await connection.execute("ROLLBACK", timeout=_ROLLBACK_SECONDS_MAX)
    except Exception:  # noqa: BLE001 - the server rolls back what its client leaves
        _terminate(connection)
    return False


def _is_over(connection: BatchConnection) -> bool:
    """A pool takes a connection back by itself when it ends; its methods then raise."""
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True


def _terminate(connection: BatchConnection) -> None:
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


def _one_each(answers: Sequence[Answer], rows: Sequence[object]) -> list[Answer]:
    if len(answers) != len(rows):
        raise RuntimeError("the work of a batch must answer each of its rows")
    return list(answers)


def _unavailable(*, suspect: bool) -> Unavailable:
    if suspect:
        return Unavailable("The database does not answer; the write may have been made. Repeat it with the same key.")
    return Unavailable("The database does not answer; nothing was written.")
