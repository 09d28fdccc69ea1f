"""Bank calls belong to the process, not to the request that asked for them.

A partner that disconnects or stops waiting cancels nothing; a process that is told to stop waits for its calls.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar
from uuid import UUID

import structlog

from kernel import deadline
from kernel.tasks.running import KeyedTasks
from payments.calls.cases import Background
from payments.rows import PaymentRef

_log = structlog.get_logger()
_Committed = TypeVar("_Committed")


class Advance(Protocol):
    """Takes a payment one step further (payments/calls/advance.py)."""

    def __call__(self, ref: PaymentRef, known: Background | None) -> Awaitable[None]:
        """`known` is the payment's background, where the caller has it."""
        ...


class CallRunner(KeyedTasks):
    """One task per payment at most. What a task could not do, the sweeper does: it looks at the database only."""

    def __init__(self, advance: Advance, waiting_max: int = 200) -> None:
        """At most `waiting_max` callers wait for calls at one bank; the others are answered at once."""
        super().__init__(waiting_max)
        self._advance = advance

    def start(self, ref: PaymentRef, bank_id: str, known: Background | None = None) -> bool:
        """Begin to advance the payment; False where that is being done already, or the process is stopping."""
        if not self._takes(ref.payment_id):
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
