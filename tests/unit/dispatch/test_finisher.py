"""Telling the queue what was committed."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from prometheus_client import CollectorRegistry

from webhooks.dispatch.ending import Finisher
from webhooks.dispatch.metrics import DispatchMetrics
from webhooks.queue.port import Claim, Finish, Job, QueueUnavailable

FINISH = Finish(claim=Claim(job=Job(partner_id=UUID(int=1), endpoint_id=UUID(int=2), delivery_id=UUID(int=3)), fence=1))


class StumblingQueue:
    """Refuses the first call and takes the second."""

    def __init__(self) -> None:
        self.calls = 0
        self.taken = asyncio.Event()

    async def finish(self, finishes: Sequence[Finish]) -> int:
        self.calls += 1
        if self.calls == 1:
            raise QueueUnavailable
        self.taken.set()
        return len(finishes)


async def test_a_queue_that_stumbles_once_is_told_again_at_once() -> None:
    """One lost connection does not keep lanes full for the longest pause."""
    queue = StumblingQueue()
    finisher = Finisher(queue, DispatchMetrics.registered(CollectorRegistry()), backoff_seconds_max=60)  # type: ignore[arg-type]
    running = asyncio.create_task(finisher.run())
    finisher.add([FINISH])
    async with asyncio.timeout(5):
        await queue.taken.wait()
    finisher.close()
    await running
    assert queue.calls == 2
