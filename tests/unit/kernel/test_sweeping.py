"""Due work is begun key by key, each within its share, and nothing once the process stops."""

import asyncio
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

from kernel.tasks.running import KeyedTasks
from kernel.tasks.sweeping import Claims, KeyedSweeper
from tests.support.clock import FakeClock

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Rows:
    """A table of due rows by key, as far as a sweeper sees one; what is claimed is due again once its time is over."""

    def __init__(self, **due: int) -> None:
        self._due_at = {key: {uuid4(): _LONG_AGO for _ in range(count)} for key, count in due.items()}

    async def fetch(self, _query: str, key: str, now: datetime, until: datetime, limit: int) -> list[dict[str, UUID]]:
        rows = self._due_at[key]
        claimed = [each for each, at in rows.items() if at <= now][:limit]
        rows.update(dict.fromkeys(claimed, until))
        return [{"partner_id": each, "id": each} for each in claimed]


class Hanging(KeyedTasks):
    """Work that goes on until it is let go."""

    def __init__(self) -> None:
        super().__init__(waiting_max=1)
        self.gate = asyncio.Event()

    def start(self, ref: UUID, key: str) -> bool:
        takes = self._takes(ref)
        if takes:
            self._add(ref, key, self._work())
        return takes

    async def _work(self) -> None:
        await self.gate.wait()


def sweeper(rows: Rows, runner: Hanging, clock: FakeClock, *keys: str) -> KeyedSweeper[UUID]:
    async def swept() -> tuple[str, ...]:
        return keys

    claims = Claims(pool=cast("Any", rows), clock=clock, query="", seconds=30, share=2)
    return KeyedSweeper(claims, runner, swept, lambda _, row_id: row_id)


async def test_each_key_has_a_share_of_its_own(clock: FakeClock) -> None:
    """One whose work hangs takes no room of another's, and gets more only as its own ends."""
    runner = Hanging()
    swept = sweeper(Rows(a=3, b=1), runner, clock, "a", "b")
    assert await swept.run_once() == 3
    assert (runner.busy("a"), runner.busy("b")) == (2, 1)
    assert await swept.run_once() == 0
    runner.gate.set()
    await swept.settle()
    assert await swept.run_once() == 1


async def test_what_is_under_way_is_not_begun_again(clock: FakeClock) -> None:
    """Also where its claim has run out meanwhile; and a process that stops begins nothing."""
    runner = Hanging()
    swept = sweeper(Rows(a=1), runner, clock, "a")
    assert await swept.run_once() == 1
    clock.advance(60)
    assert await swept.run_once() == 0
    runner.gate.set()
    await swept.drain()
    clock.advance(60)
    assert await swept.run_once() == 0


async def test_waiting_ends_with_the_work_or_the_time() -> None:
    """It goes on whether or not anybody waits, and what is not under way is not waited for."""
    runner, row = Hanging(), uuid4()
    assert await runner.wait(row, 5)
    assert runner.start(row, "a")
    assert not await runner.wait(row, 0.001)
    runner.gate.set()
    assert await runner.wait(row, 5)
