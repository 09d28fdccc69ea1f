"""Calls belong to the process, not to the request that asked for them: nobody who stops waiting cancels one."""

import asyncio
import contextvars
from collections import Counter
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog

from accounts.consents.rows import ConsentRef
from kernel.tasks.waiting import BoundedWaits

_log = structlog.get_logger()


class ConsentRunner:
    """One task per consent at most. What a task could not do, the sweeper does: it looks at the database only."""

    def __init__(self, advance: Callable[[ConsentRef], Awaitable[None]], waiting_max: int = 200) -> None:
        """At most `waiting_max` callers and returning holders wait for one bank; the others are answered at once."""
        self._advance = advance
        self._waits = BoundedWaits(waiting_max)
        self._bank_of: dict[UUID, str] = {}
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._busy: Counter[str] = Counter()
        self._draining = False

    def start(self, ref: ConsentRef, bank_id: str) -> bool:
        """Begin to advance the consent; False where that is being done already, or the process is stopping."""
        if self._draining or ref.consent_id in self._tasks:
            return False
        # In a context of its own: the deadline of the request that began it is not the call's (kernel/deadline).
        task = asyncio.create_task(self._run(ref), name=f"consent {ref.consent_id}", context=contextvars.Context())
        self._tasks[ref.consent_id] = task
        self._bank_of[ref.consent_id] = bank_id
        self._busy[bank_id] += 1
        task.add_done_callback(lambda _: self._ended(ref, bank_id))
        return True

    @property
    def waiting(self) -> int:
        """How many wait for calls here, over all banks."""
        return self._waits.total

    def busy(self, bank_id: str) -> int:
        """How many consents of a bank are being advanced here."""
        return self._busy[bank_id]

    async def wait(self, consent_id: UUID, seconds: float) -> None:
        """Wait until this consent's calls here ended, at most so long, and not at all where too many do already."""
        task = self._tasks.get(consent_id)
        if task is not None:
            await self._waits.wait(task, self._bank_of[consent_id], seconds)

    async def drain(self) -> None:
        """Begin nothing more, and wait for what was begun. Its own deadlines bound how long."""
        self._draining = True
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(set(self._tasks.values()))

    def _ended(self, ref: ConsentRef, bank_id: str) -> None:
        del self._tasks[ref.consent_id], self._bank_of[ref.consent_id]
        self._busy[bank_id] -= 1

    async def _run(self, ref: ConsentRef) -> None:
        try:
            await self._advance(ref)
        except Exception:  # noqa: BLE001 - whatever it was, the sweeper goes on from the database
            _log.exception("consent.advance_failed", consent_id=str(ref.consent_id))
