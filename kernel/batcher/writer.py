"""One batch: committed, told to its work, measured. For callers who gather their batches themselves."""

import asyncio
from collections.abc import Sequence
from typing import Generic

import asyncpg
import structlog

from kernel.batcher.commit import Committer
from kernel.batcher.metrics import BatchMetrics
from kernel.batcher.policy import BatchPolicy
from kernel.batcher.work import BatchWork, Result, Row

_log = structlog.get_logger()


class BatchWriter(Generic[Row, Result]):
    """Writes batches of one kind of work."""

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        work: BatchWork[Row, Result],
        policy: BatchPolicy | None = None,
        metrics: BatchMetrics | None = None,
    ) -> None:
        self._work = work
        self._policy = policy or BatchPolicy()
        self._metrics = metrics
        self._committer = Committer(pool, work, self._policy, metrics)

    async def write(self, rows: Sequence[Row]) -> list[Result | Exception]:
        """Commit and tell; one outcome each, in order. No two rows have one key, nor do rows of two calls at once."""
        keys = [self._work.key(row) for row in rows]
        order = sorted(range(len(rows)), key=keys.__getitem__)
        ordered = await self.commit([rows[place] for place in order])
        await self.tell(ordered)
        outcomes = dict(zip(order, ordered, strict=True))
        return [outcomes[place] for place in range(len(rows))]

    async def commit(self, rows: Sequence[Row]) -> list[Result | Exception]:
        """The outcome of each of these rows, which are in the order of their keys. Raises nothing."""
        started = asyncio.get_running_loop().time()
        try:
            outcomes = await self._committer.commit(rows)
        except Exception as error:  # noqa: BLE001 - a fault in the work must not end who writes
            outcomes = [error for _ in rows]
        if self._metrics:
            self._metrics.rows.labels(self._work.name).observe(len(rows))
            self._metrics.seconds.labels(self._work.name).observe(asyncio.get_running_loop().time() - started)
        return outcomes

    async def tell(self, outcomes: Sequence[Result | Exception]) -> None:
        """Tell the work of what was committed. Raises nothing: the rows are committed, whatever follows."""
        results = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
        if not results:
            return
        try:
            async with asyncio.timeout(self._policy.after_commit_seconds):
                await self._work.committed(results)
        except Exception as error:  # noqa: BLE001 - see above
            _log.warning(
                "batch.committed_unheard", batch=self._work.name, rows=len(results), error=type(error).__name__
            )
