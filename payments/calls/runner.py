"""Bank calls belong to the process, not to the request that asked for them.

A partner that disconnects or stops waiting cancels nothing; a process that is told to stop waits for its calls.
"""

import asyncio
import contextvars
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar
from uuid import UUID

import structlog

from kernel import deadline
from kernel.tasks.waiting import BoundedWaits
from payments.calls.cases import Background
from payments.rows import PaymentRef

_log = structlog.get_logger()
_Committed = TypeVar("_Committed")


class Advance(Protocol):
    """Takes a payment one step further (payments/calls/advance.py)."""

    def __call__(self, ref: PaymentRef, known: Background | None) -> Awaitable[None]:
        """`known` is the payment's background, where the caller has it."""
        ...


class CallRunner:
    """One task per payment at most. What a task could not do, the sweeper does: it looks at the database only."""

    def __init__(self, advance: Advance, waiting_max: int = 200) -> None:
        """At most `waiting_max` callers wait for calls at one bank; the others are answered at once."""
        self._advance = advance
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._busy: Counter[str] = Counter()
        self._waits = BoundedWaits(waiting_max)
        self._bank_of: dict[UUID, str] = {}
        self._draining = False

    def start(self, ref: PaymentRef, bank_id: str, known: Background | None = None) -> bool:
        """Begin to advance the payment; False where that is being done already, or the process is stopping."""
        if self._draining or ref.payment_id in self._tasks:
            return False
        # In a context of its own: the deadline of the request that began it is not the call's (kernel/deadline).
        self._add(ref.payment_id, bank_id, self._run(ref, known), contextvars.Context())
        return True

    def begin(
        self,
        payment_id: UUID,
        bank_id: str,
        commit: Callable[[], Awaitable[_Committed]],
        carry: Callable[[_Committed], Awaitable[None]],
    ) -> "asyncio.Future[_Committed] | None":
        """Commit a new payment and carry it on, in one task: whoever asked may go, and it goes on all the same.

        The future has what was committed, or what `commit` raised. None where the process is stopping.
        """
        if self._draining:
            return None
        committed: asyncio.Future[_Committed] = asyncio.get_running_loop().create_future()
        self._add(payment_id, bank_id, self._commit_and_carry(payment_id, committed, commit, carry))
        return committed

    @property
    def waiting(self) -> int:
        """How many wait for calls here, over all banks."""
        return self._waits.total

    def busy(self, bank_id: str) -> int:
        """How many payments of a bank are being advanced here."""
        return self._busy[bank_id]

    async def wait(self, payment_id: UUID, seconds: float) -> bool:
        """Wait until this payment's call here ended, at most so long; False when it goes on."""
        task = self._tasks.get(payment_id)
        if task is None:
            return True
        await self._waits.wait(task, self._bank_of[payment_id], seconds)
        return task.done()

    async def drain(self) -> None:
        """Begin nothing more, and wait for what was begun. Its own deadlines bound how long."""
        self._draining = True
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(set(self._tasks.values()))

    def _add(
        self,
        payment_id: UUID,
        bank_id: str,
        work: Coroutine[Any, Any, None],
        context: contextvars.Context | None = None,
    ) -> None:
        task = asyncio.create_task(work, name=f"payment {payment_id}", context=context)
        self._tasks[payment_id] = task
        self._bank_of[payment_id] = bank_id
        self._busy[bank_id] += 1
        task.add_done_callback(lambda _: self._ended(payment_id, bank_id))

    def _ended(self, payment_id: UUID, bank_id: str) -> None:
        del self._tasks[payment_id], self._bank_of[payment_id]
        self._busy[bank_id] -= 1

    async def _commit_and_carry(
        self,
        payment_id: UUID,
        committed: "asyncio.Future[_Committed]",
        commit: Callable[[], Awaitable[_Committed]],
        carry: Callable[[_Committed], Awaitable[None]],
    ) -> None:
        try:
            written = await commit()
        except asyncio.CancelledError:
            committed.cancel()
            raise
        except BaseException as error:  # noqa: BLE001 - it is told to whoever asked, who raises it
            if not committed.done():
                committed.set_exception(error)
            return
        if not committed.done():
            committed.set_result(written)
        deadline.lift()
        try:
            await carry(written)
        except Exception:  # noqa: BLE001 - whatever it was, the sweeper goes on from the database
            _log.exception("payment.advance_failed", payment_id=str(payment_id))

    async def _run(self, ref: PaymentRef, known: Background | None) -> None:
        try:
            await self._advance(ref, known)
        except Exception:  # noqa: BLE001 - whatever it was, the sweeper goes on from the database
            _log.exception("payment.advance_failed", payment_id=str(ref.payment_id))
