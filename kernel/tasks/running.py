"""Work that belongs to the process, not to the request that asked for it: nobody who stops waiting cancels any."""

import asyncio
import contextvars
from collections import Counter
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

from kernel.tasks.waiting import BoundedWaits


class KeyedTasks:
    """Tasks by id, one each at most, counted by the key that they share: of a bank, its id."""

    def __init__(self, waiting_max: int) -> None:
        """At most `waiting_max` callers wait for tasks of one key; the others do not wait."""
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._key_of: dict[UUID, str] = {}
        self._busy: Counter[str] = Counter()
        self._waits = BoundedWaits(waiting_max)
        self._draining = False

    @property
    def waiting(self) -> int:
        """How many wait here, over all keys."""
        return self._waits.total

    def busy(self, key: str) -> int:
        """How many tasks of a key are under way here."""
        return self._busy[key]

    async def wait(self, task_id: UUID, seconds: float) -> bool:
        """Wait until this id's task here ended, at most so long; False when it goes on."""
        task = self._tasks.get(task_id)
        if task is None:
            return True
        await self._waits.wait(task, self._key_of[task_id], seconds)
        return task.done()

    async def drain(self) -> None:
        """Begin nothing more, and wait for what was begun. Its own deadlines bound how long."""
        self._draining = True
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(set(self._tasks.values()))

    def _takes(self, task_id: UUID) -> bool:
        """Whether a task of this id may begin: none is under way, and the process is not stopping."""
        return not self._draining and task_id not in self._tasks

    def _add(
        self, task_id: UUID, key: str, work: Coroutine[Any, Any, None], context: contextvars.Context | None = None
    ) -> None:
        task = asyncio.create_task(work, name=str(task_id), context=context)
        self._tasks[task_id], self._key_of[task_id] = task, key
        self._busy[key] += 1
        task.add_done_callback(lambda _: self._ended(task_id, key))

    def _ended(self, task_id: UUID, key: str) -> None:
        del self._tasks[task_id], self._key_of[task_id]
        self._busy[key] -= 1
