"""Results on their way to the database."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from kernel.clock import CorrectedClock
from kernel.errors import Unavailable
from kernel.ids import Environment
from webhooks.dispatch.ending import Recorder
from webhooks.dispatch.outcome import About, Outcome
from webhooks.dispatch.recording import Recorded
from webhooks.queue.port import Claim, Finish, Job
from webhooks.states import DeliveryState

DELIVERY, OTHER = UUID(int=3), UUID(int=4)


def outcome(delivery_id: UUID, fence: int) -> Outcome:
    job = Job(partner_id=UUID(int=1), endpoint_id=UUID(int=2), delivery_id=delivery_id)
    about = About(event_id=UUID(int=5), environment=Environment.TEST, is_notice=False)
    return Outcome(claim=Claim(job=job, fence=fence), about=about, state=DeliveryState.DELIVERED)


class Results:
    """Keeps the batches that it is given; says of the first ones that the database is away."""

    def __init__(self, away: int = 0) -> None:
        self.batches: list[list[int]] = []
        self._away = away

    async def write(self, rows: Sequence[Outcome]) -> list[Recorded | Exception]:
        self.batches.append([row.claim.fence for row in rows])
        if len(self.batches) <= self._away:
            return [Unavailable() for _ in rows]
        return [Recorded(superseded=False) for _ in rows]


async def ended(results: Results, *outcomes: Outcome) -> list[int]:
    """The fences whose claims were ended, in order, after these outcomes came in at once."""
    recorder, fences = Recorder(results, CorrectedClock(), 60), list[int]()

    def end(finishes: Sequence[Finish], _lost: int) -> None:
        fences.extend(finish.claim.fence for finish in finishes)

    for each in outcomes:
        recorder.add(each)
    recorder.close()
    async with asyncio.timeout(5):
        await recorder.run(end)
    return fences


async def test_two_results_of_a_delivery_are_never_in_one_batch() -> None:
    """A lease that ended early brings a second result of its delivery; it is written after the first."""
    results = Results()
    fences = await ended(results, outcome(DELIVERY, 1), outcome(DELIVERY, 2), outcome(OTHER, 3))
    assert results.batches == [[1, 3], [2]]
    assert fences == [1, 3, 2]


async def test_results_outlast_a_database_that_is_away() -> None:
    """What could not be committed is written again, and its claim ends only then."""
    results = Results(away=1)
    assert await ended(results, outcome(DELIVERY, 1)) == [1]
    assert results.batches == [[1], [1]]


class Slow(Results):
    """The first batch is committed when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()
        self.commit = asyncio.Event()

    async def write(self, rows: Sequence[Outcome]) -> list[Recorded | Exception]:
        is_first = not self.batches
        recorded = await super().write(rows)
        if is_first:
            self.begun.set()
            await self.commit.wait()
        return recorded


async def test_while_a_batch_commits_the_next_is_written() -> None:
    """Of other deliveries: a second result of one that is being written waits for the first."""
    results = Slow()
    recorder, fences, ended_one = Recorder(results, CorrectedClock(), 60), list[int](), asyncio.Event()

    def end(finishes: Sequence[Finish], _lost: int) -> None:
        fences.extend(finish.claim.fence for finish in finishes)
        ended_one.set()

    running = asyncio.create_task(recorder.run(end))
    async with asyncio.timeout(5):
        recorder.add(outcome(DELIVERY, 1))
        await results.begun.wait()
        recorder.add(outcome(DELIVERY, 2))
        recorder.add(outcome(OTHER, 3))
        await ended_one.wait()
        assert (results.batches, fences) == ([[1], [3]], [3])
        results.commit.set()
        recorder.close()
        await running
    assert (results.batches, fences) == ([[1], [3], [2]], [3, 1, 2])
