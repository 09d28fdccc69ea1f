"""Bank calls belong to the process, not to the request that asked for them.

A partner that disconnects or stops waiting cancels nothing; a process that is told to stop waits for its calls.
"""

import asyncio
import contextvars
from collections import Counter
from collections.abc import Awaitable
from typing import Protocol
from uuid import UUID

import structlog

from payments.calls.cases import Background
from payments.rows import PaymentRef

_log = structlog.get_logger()


class Advance(Protocol):
    """Takes a payment one step further (payments/calls/advance.py)."""

    def __call__(self, ref: PaymentRef, known: Background | None) -> Awaitable[None]:
        """`known` is the payment's background, where the caller has it."""
        ...


class CallRunner:
    """One task per payment at most. What a task could not do, the sweeper does: it looks at the database only."""

    def __init__(self, advance: Advance, waiting_max: int = 200) -> None:
        """At most `waiting_max` callers wait for calls at one bank; the others are answered at once.

        `waiting` counts them, over all banks.
        """
        self._advance = advance
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._busy: Counter[str] = Counter()
        self._waiting_max = waiting_max
        self._waiting: Counter[str] = Counter()
        self._bank_of: dict[UUID, str] = {}
        self.waiting = 0
        self._draining = False

    def start(self, ref: PaymentRef, bank_id: str, known: Background | None = None) -> bool:
        """Begin to advance the payment; False where that is being done already, or the process is stopping."""
        if self._draining or ref.payment_id in self._tasks:
            return False
        # In a context of its own: the deadline of the request that began it is not the call's (kernel/deadline).
        name, context = f"payment {ref.payment_id}", contextvars.Context()
        task = asyncio.create_task(self._run(ref, known), name=name, context=context)
        self._tasks[ref.payment_id] = task
        self._bank_of[ref.payment_id] = bank_id
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
        bank_id = self._bank_of[payment_id]
        if seconds > 0 and self._waiting[bank_id] < self._waiting_max:
            await self._wait(task, bank_id, seconds)
        return task.done()

    async def drain(self) -> None:
        """Begin nothing more, and wait for what was begun. Its own deadlines bound how long."""
        self._draining = True
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(set(self._tasks.values()))

    async def _wait(self, task: asyncio.Task[None], bank_id: str, seconds: float) -> None:
        self._waiting[bank_id] += 1
        self.waiting += 1
        try:
            await asyncio.wait({task}, timeout=seconds)
        finally:
            self._waiting[bank_id] -= 1
            self.waiting -= 1

    def _ended(self, ref: PaymentRef, bank_id: str) -> None:
        del self._tasks[ref.payment_id], self._bank_of[ref.payment_id]
        self._busy[bank_id] -= 1

    async def _run(self, ref: PaymentRef, known: Background | None) -> None:
        try:
            await self._advance(ref, known)
        except Exception:  # noqa: BLE001 - whatever it was, the sweeper goes on from the database
            _log.exception("payment.advance_failed", payment_id=str(ref.payment_id))
