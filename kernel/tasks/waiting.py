"""Callers who wait for what goes on without them, bounded so that what hangs cannot fill a process with them."""

import asyncio
from collections import Counter
from typing import Any


class BoundedWaits:
    """At most `waiting_max` wait for tasks of one key at once; the next ones do not wait at all. `total` counts all."""

    def __init__(self, waiting_max: int) -> None:
        self._max = waiting_max
        self._waiting: Counter[str] = Counter()
        self.total = 0

    async def wait(self, task: "asyncio.Task[Any]", key: str, seconds: float) -> None:
        """Wait until the task ended, at most so long; it goes on whether or not anybody waits."""
        if seconds <= 0 or self._waiting[key] >= self._max:
            return
        self._waiting[key] += 1
        self.total += 1
        try:
            await asyncio.wait({task}, timeout=seconds)
        finally:
            self._waiting[key] -= 1
            self.total -= 1
