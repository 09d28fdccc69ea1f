"""Keeps the queue equal to what is due. One process leads at a time; a second one would do no harm."""

import asyncio

import asyncpg
import structlog

from kernel.clock import Clock
from kernel.sql import beside
from webhooks.queue.port import QueueError, RebuildableQueue
from webhooks.reconciler.healing import Healing
from webhooks.reconciler.model import NotQueued, ReconcilerMetrics, ReconcilerPolicy
from webhooks.reconciler.walk import Lane, Walk, Walked

_SQL = beside(__file__, "reconciler.sql")
_log = structlog.get_logger()

_REST_PER_WORK = 10


class Reconciler:
    """Checks the queue's epoch often and walks the lanes now and then. Its pool has room for two connections."""

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        queue: RebuildableQueue,
        clock: Clock,
        policy: ReconcilerPolicy,
        metrics: ReconcilerMetrics,
    ) -> None:
        self._pool = pool
        self._queue = queue
        self._clock = clock
        self._policy = policy
        self._metrics = metrics
        self._healing = Healing(pool, _SQL, policy.rows_healed_max)
        self._walk_at = self._heal_at = clock.monotonic()

    async def run(self) -> None:
        """Run until cancelled; a database or queue that is away is waited for."""
        while True:
            try:
                await self.run_once()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                _log.warning("reconciler.postponed", error=type(error).__name__)
            await asyncio.sleep(self._policy.check_seconds)

    async def run_once(self) -> None:
        """Lead if nobody else does: rebuild a lost queue, walk and heal if it is time.

        Raises what the database's driver raises; a queue that is away is noted.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(_SQL["lead"]):
                return
            try:
                await self._reconcile()
            except QueueError as error:
                _log.warning("reconciler.postponed", error=type(error).__name__, why=str(error))

    async def _reconcile(self) -> None:
        is_lost, now = await self._queue.is_lost(), self._clock.monotonic()
        if is_lost:
            self._walk_at = now
            await self._open_epoch()
        if now >= self._heal_at:
            self._heal_at = now + self._policy.heal_seconds
            self._healed("stranded", await self._healing.free_stranded())
        if is_lost or now >= self._walk_at:
            await self._walk(rebuilding=is_lost)

    async def _open_epoch(self) -> None:
        """The number is committed before the epoch opens, so that it never comes again.

        A database that was restored may first give numbers that the queue has seen.
        """
        while await self._queue.is_lost():
            number = await self._pool.fetchval(_SQL["next_epoch"])
            if await self._queue.open_epoch(number):
                self._metrics.epochs.inc()
                _log.warning("queue.epoch_opened", epoch=number)

    async def _walk(self, *, rebuilding: bool) -> None:
        started = self._clock.monotonic()
        walked = await Walk(self._pool, self._queue, _SQL, self._policy, rebuilding=rebuilding).run()
        await self._end_closed(walked.lanes)
        seconds = self._clock.monotonic() - started
        policy = self._policy
        rest = min(max(policy.walk_seconds, seconds * _REST_PER_WORK), policy.walk_seconds_max)
        self._walk_at = self._clock.monotonic() + rest
        self._note(walked, seconds)
        if rebuilding:
            await self._queue.drop_old_epochs()

    async def _end_closed(self, lanes: list[Lane]) -> None:
        if lanes:
            self._healed("closed", await self._healing.end_closed(lanes))

    def _healed(self, why: str, deliveries: int) -> None:
        if deliveries:
            self._metrics.healed.labels(why).inc(deliveries)
            _log.warning("deliveries.healed", why=why, deliveries=deliveries)

    def _note(self, walked: Walked, seconds: float) -> None:
        for why in NotQueued:
            self._metrics.due_not_queued.labels(why).set(walked.not_queued[why])
        self._metrics.oldest_due_seconds.set(walked.oldest_due_seconds)
        if walked.enqueued:
            _log.info(
                "queue.reconciled", lanes=len(walked.lanes), enqueued=walked.enqueued, duration_ms=round(seconds * 1000)
            )
