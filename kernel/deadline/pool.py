"""A pool of database connections that a request waits for no longer than its own time."""

import math
from typing import TYPE_CHECKING, Any

import asyncpg
from asyncpg.pool import PoolAcquireContext

from kernel.deadline.deadline import check, seconds_left

if TYPE_CHECKING:
    _Pool = asyncpg.Pool[asyncpg.Record]
else:
    _Pool = asyncpg.Pool  # generic in its stubs only


class PatientPool(_Pool):
    """As asyncpg's; but who has a deadline waits for a free connection `acquire_seconds_max` at most, nor beyond it.

    Work without a deadline (the process's own) waits as long as it takes. A wait that ends so raises TimeoutError.
    """

    _queue: Any  # asyncpg's own: the connections that nobody uses

    def __init__(self, *arguments: Any, acquire_seconds_max: float, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._acquire_seconds_max = acquire_seconds_max

    def acquire(self, *, timeout: float | None = None) -> "PoolAcquireContext[asyncpg.Record]":
        """Raises DeadlinePassed where all connections are busy and no time is left."""
        # A free connection is taken at once, without the task and the timer that a bounded wait costs.
        if timeout is None and self._queue.empty():
            left = seconds_left()
            if left < math.inf:
                check()
                timeout = min(left, self._acquire_seconds_max)
        return super().acquire(timeout=timeout)
