"""Bank calls belong to the process, not to the request that asked for them.

A partner that disconnects or stops waiting cancels nothing; a process that is told to stop waits for its calls.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog

from payments.rows import PaymentRef

_log = structlog.get_logger()


class CallRunner:
    """One task per payment at most. What a task could not do, the sweeper does: it looks at the database only."""

    def __init__(self, advance: Callable[[PaymentRef], Awaitable[None]]) -> None:
        self._advance = advance
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._busy: Counter[str] = Counter()
        self._draining = False

    def start(self, ref: PaymentRef, bank_id: str) -> bool:
        """Begin to advance the payment; False where that is being done already, or the process is stopping."""
        if self._draining or ref.payment_id in self._tasks:
            return False
        task = asyncio.create_task(self._run(ref), name=f"payment {ref.payment_id}")
        self._tasks[ref.payment_id] = task
        self._busy[bank_id] += 1
        task.add_done_callback(lambda _: self._ended(ref, bank_id))
        return True

    def busy(self, bank_id: str) -> int:
        """How many payments of a bank are being advanced here."""
        return self._busy[bank_id]

    async def wait(self, payment_id: UUID, seconds: float) -> bool:
        """Wait until this payment's call here ended, at most so long; False when it goes on."""
        task = self._tasks.get(payment_id)
        if task is None:
            return True
        if seconds > 0:
            await asyncio.wait({task}, timeout=seconds)
        return task.done()

    async def drain(self) -> None:
        """Begin nothing more, and wait for what was begun. Its own deadlines bound how long."""
        self._draining = True
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(set(self._tasks.values()))

    def _ended(self, ref: PaymentRef, bank_id: str) -> None:
        del self._tasks[ref.payment_id]
        self._busy[bank_id] -= 1

    async def _run(self, ref: PaymentRef) -> None:
        try:
            await self._advance(ref)
        except Exception:  # noqa: BLE001 - whatever it was, the sweeper goes on from the database
            _log.exception("payment.advance_failed", payment_id=str(ref.payment_id))
