"""Keeps the queue equal to what is due. One process leads at a time; a second one would do no harm."""

import asyncio

import asyncpg
import structlog

from webhooks.queue.port import QueueError
from webhooks.reconciler.healing import Healing
from webhooks.reconciler.keeping import Keeper
from webhooks.reconciler.lanes import LaneBook
from webhooks.reconciler.model import LaneKey, NotQueued, Standing
from webhooks.reconciler.tools import Tools
from webhooks.reconciler.walk import Filling, Walk, Walked

_log = structlog.get_logger()

_REST_PER_WORK = 10
_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Reconciler:
    """Looks at the queue and at lanes often, and walks over everything that is due now and then.

    Its pool has room for two connections.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._book = LaneBook(self._tools)
        self._keeper = Keeper(self._tools, self._book)
        self._filling = Filling(self._tools)
        self._healing = Healing(self._tools)
        self._walk: Walk | None = None
        self._excuses: dict[LaneKey, NotQueued] = {}
        self._is_rebuilding = False
        self._walk_at = self._walk_began = self._heal_at = tools.clock.monotonic()

    async def run(self) -> None:
        """Run until cancelled; a database or queue that is away is waited for."""
        while True:
            try:
                is_busy = await self.look()
            except _AWAY as error:
                is_busy = False
                _log.warning("reconciler.postponed", error=type(error).__name__)
            await asyncio.sleep(0 if is_busy else self._tools.policy.check_seconds)

    async def run_once(self) -> None:
        """Look until a walk that has begun is done. Raises what the database's driver raises."""
        while await self.look():
            pass

    async def look(self) -> bool:
        """Lead if nobody else does. True: a walk is under way, look again at once.

        Raises what the database's driver raises; a queue that is away is noted.
        """
        async with self._tools.pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(self._tools.queries["lead"]):
                self._walk = None
                return False
            try:
                await self._heal()
                await self._keep_queue()
                return await self._walk_on()
            except QueueError as error:
                self._walk = None
                _log.warning("reconciler.postponed", error=type(error).__name__, why=str(error))
                return False

    async def _heal(self) -> None:
        self._healed("closed", await self._healing.advance(self._slice_end()))
        now = self._tools.clock.monotonic()
        if now >= self._heal_at:
            self._heal_at = now + self._tools.policy.heal_seconds
            self._healed("stranded", await self._healing.free_stranded())

    async def _keep_queue(self) -> None:
        """What must not wait for a walk."""
        if await self._tools.queue.is_lost():
            await self._open_epoch()
        await self._keeper.probe()
        for lane in await self._keeper.release():
            self._filling.begin(lane)
        await self._filling.advance(self._slice_end())

    async def _open_epoch(self) -> None:
        """The number is committed before the epoch opens, so that it never comes again.

        A database that was restored may first give numbers that the queue has seen.
        """
        while await self._tools.queue.is_lost():
            number = await self._tools.pool.fetchval(self._tools.queries["next_epoch"])
            if await self._tools.queue.open_epoch(number):
                self._tools.metrics.epochs.inc()
                _log.warning("queue.epoch_opened", epoch=number)
        self._walk, self._is_rebuilding, self._walk_at = None, True, self._tools.clock.monotonic()

    async def _walk_on(self) -> bool:
        now = self._tools.clock.monotonic()
        if self._walk is None:
            if now < self._walk_at:
                return False
            self._walk_began = now
            self._walk = Walk(self._tools, self._book, self._excuses, rebuilding=self._is_rebuilding)
        walk, self._walk = self._walk, None  # one that fails is not gone on with
        if await walk.advance(self._slice_end()):
            self._walk = walk
            return True
        await self._end_walk(walk)
        return False

    async def _end_walk(self, walk: Walk) -> None:
        walked, seconds = walk.walked, self._tools.clock.monotonic() - self._walk_began
        self._rest(seconds)
        self._note(walked, seconds)
        self._excuses = walked.excuses()
        self._filling.go_on(walked.full)
        self._healing.close(walked.standing(Standing.CLOSED))
        self._healed("closed", await self._healing.advance(self._slice_end()))
        stuck = walked.standing(Standing.HELD, Standing.PAUSED)
        self._healed("aged", await self._healing.end_aged(stuck, self._tools.clock.now()))
        if walk.is_rebuilding:
            self._is_rebuilding = False
            await self._tools.queue.drop_old_epochs()

    def _rest(self, seconds: float) -> None:
        policy = self._tools.policy
        rest = min(max(policy.walk_seconds, seconds * _REST_PER_WORK), max(policy.walk_seconds_max - seconds, 0))
        self._walk_at = self._tools.clock.monotonic() + rest

    def _slice_end(self) -> float:
        return self._tools.clock.monotonic() + self._tools.policy.slice_seconds

    def _healed(self, why: str, deliveries: int) -> None:
        if deliveries:
            self._tools.metrics.healed.labels(why).inc(deliveries)
            _log.warning("deliveries.healed", why=why, deliveries=deliveries)

    def _note(self, walked: Walked, seconds: float) -> None:
        metrics = self._tools.metrics
        for why in NotQueued:
            metrics.due_not_queued.labels(why).set(walked.not_queued[why])
        for standing in Standing:
            metrics.lanes.labels(standing).set(len(walked.standing(standing)))
            if standing is not Standing.CLOSED:
                metrics.oldest_due_seconds.labels(standing).set(walked.oldest_due_seconds[standing])
        if walked.enqueued:
            _log.info(
                "queue.reconciled", lanes=len(walked.lanes), enqueued=walked.enqueued, duration_ms=round(seconds * 1000)
            )
