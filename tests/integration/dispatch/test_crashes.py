"""Killed at every place between claim and finish, or left by a store: no delivery is lost, and repeats say why."""

import asyncio
import time
from collections.abc import Sequence

from redis.asyncio import Redis

from kernel.errors import Unavailable
from tests.support.webhooks import FAST_QUEUE, World, kill, until
from webhooks.dispatch.outcome import Outcome
from webhooks.dispatch.recording import Recorded
from webhooks.queue.port import Claim, Finish, QueueUnavailable
from webhooks.queue.redis_queue import RedisQueue
from webhooks.sending.model import Cause


class _NeverRecorded:
    """Stands where the process dies before the commit."""

    async def write(self, rows: Sequence[Outcome]) -> list[Recorded | Exception]:
        assert rows
        await asyncio.Event().wait()
        raise AssertionError


class _NeverFinishing(RedisQueue):
    """Stands where the process dies before the queue is told."""

    async def finish(self, finishes: Sequence[Finish]) -> int:
        assert finishes
        await asyncio.Event().wait()
        raise AssertionError


async def test_killed_between_send_and_record(world: World) -> None:
    """What was sent and not recorded is sent again, with the same event id and `lease_expired` as its cause."""
    await world.endpoint()
    doomed = asyncio.create_task(world.dispatcher(_NeverRecorded()).run())  # type: ignore[arg-type]
    events = await world.publish(3)
    await until(lambda: len(world.sender.sent) == 3)
    await kill(doomed)
    async with world.dispatching():
        await until(lambda: _is_done(world))
    for event_id in events:
        assert world.sender.causes(event_id) == [Cause.FIRST, Cause.LEASE_EXPIRED]
    assert {attempt["why"] for attempt in await world.attempts()} == {"lease_expired"}


async def test_killed_between_record_and_finish(world: World, redis: Redis) -> None:
    """What was recorded and not finished is not sent again: its row says that it has ended."""
    await world.endpoint()
    kept, world.queue = world.queue, _NeverFinishing(redis, FAST_QUEUE)
    async with world.results() as results:
        doomed = asyncio.create_task(world.dispatcher(results).run())
        await world.publish(3)
        await until(lambda: _is_done(world))
        await kill(doomed)
    world.queue = kept
    assert await kept.count() == 3
    async with world.dispatching():
        await until(lambda: _is_empty(world))
    assert len(world.sender.sent) == 3


async def test_killed_between_claim_and_send(world: World) -> None:
    """What was claimed and never sent is sent when its lease has ended."""
    await world.endpoint()
    [event_id] = await world.publish()
    assert len(await world.queue.claim(1)) == 1
    async with world.dispatching():
        await until(lambda: _is_done(world))
    assert world.sender.causes(event_id) == [Cause.LEASE_EXPIRED]


async def test_results_outlast_a_database_that_is_away(world: World) -> None:
    """While results cannot be committed nothing more is claimed and leases are renewed; each event is sent once."""
    await world.endpoint()
    async with world.results() as results:
        away = _AwayFor(results.write, seconds=2 * FAST_QUEUE.lease_seconds)
        dispatcher = world.dispatcher(away)  # type: ignore[arg-type]
        running = asyncio.create_task(dispatcher.run())
        first = await world.publish(2)
        await until(lambda: len(world.sender.sent) == 2)
        await until(lambda: dispatcher._stages.recorder.is_stuck)
        await until(lambda: dispatcher._in_flight == 2)
        await asyncio.wait_for(away.is_back.wait(), 10)
        later = await world.publish(1)
        await until(lambda: _is_done(world))
        dispatcher.stop()
        await running
    assert [sent.event_id for sent in world.sender.sent[2:]] == later
    assert world.sender.events() == {*first, *later}


async def test_a_queue_that_is_away_is_waited_for(world: World, redis: Redis) -> None:
    """A dispatcher whose queue refuses every call goes on by itself when the queue is back."""
    await world.endpoint()
    flaky = _Flaky(redis, FAST_QUEUE)
    world.queue = flaky
    async with world.dispatching():
        await until(lambda: flaky.refused >= 3)
        [event_id] = await world.publish()
        flaky.is_away = False
        await until(lambda: _is_done(world))
    assert world.sender.causes(event_id) == [Cause.FIRST]


class _AwayFor:
    """Refuses results for some time, as their writer does while the database is away."""

    def __init__(self, write: object, *, seconds: float) -> None:
        self._write = write
        self._until = time.monotonic() + seconds
        self.is_back = asyncio.Event()

    async def write(self, rows: Sequence[Outcome]) -> list[Recorded | Exception]:
        if time.monotonic() < self._until:
            return [Unavailable() for _ in rows]
        self.is_back.set()
        return await self._write(rows)  # type: ignore[operator, no-any-return]


class _Flaky(RedisQueue):
    """Refuses to let anything be claimed while it is away."""

    is_away = True
    refused = 0

    async def claim(self, limit: int) -> list[Claim]:
        if self.is_away:
            self.refused += 1
            raise QueueUnavailable
        return await super().claim(limit)


async def _is_done(world: World) -> bool:
    return await world.pending() == 0


async def _is_empty(world: World) -> bool:
    return await world.queue.count() == 0
