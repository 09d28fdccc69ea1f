"""Withdraws a payment: at once while no byte has left, by asking the bank where that can be asked, else not at all.

Some banks want the payer's approval for it: then the payment says where the payer is expected (approval.py).
"""

from dataclasses import dataclass

from adapters.declaration import OperationKind
from kernel.errors import Conflict, Unavailable
from kernel.sql import beside
from payments.calls import operations
from payments.calls.cases import Background, Case, Cases
from payments.calls.ledger import Ledger
from payments.calls.runner import CallRunner
from payments.cancelling.approval import CancellationApproval
from payments.intents.planning import plan_cancel
from payments.recovery.unsent import WITHDRAWING
from payments.rows import PaymentRef
from payments.states.names import OperationState, PaymentStatus, SubmissionState
from payments.tools import Connection, Tools
from webhooks.queue.port import Job

_SQL = beside(__file__, "cancel.sql")
NOT_CANCELLABLE = "not_cancellable"
_UNAVAILABLE = "bank_unavailable"
_MOVED = "Read the payment; money that moved can only be sent back by its receiver."
_ENDED = "There is nothing to withdraw: the payment has ended, and no money moved."
_ACTIONS = {
    PaymentStatus.SUBMITTING: "The bank is being called: read the payment in a moment, and ask again then.",
    PaymentStatus.OUTCOME_UNKNOWN: (
        "Nobody knows yet whether the bank has it: do not pay again. Ask again when it is known; recovery says when."
    ),
    PaymentStatus.SETTLED: _MOVED,
    PaymentStatus.COMPLETED: _MOVED,
    PaymentStatus.RETURNED: "There is nothing to withdraw: the money came back.",
    PaymentStatus.REJECTED: _ENDED,
    PaymentStatus.EXPIRED: _ENDED,
}
_NOT_AT_THIS_BANK = "This bank takes no cancellation, so the payment goes on there: read what becomes of it."
_BANK_REFUSED = "The bank did not withdraw it, so the payment goes on there: read what becomes of it."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Whether the bank must be asked now, and what to offer after the commit."""

    bank_asked: bool
    jobs: tuple[Job, ...] = ()


class Canceller:
    """One per process; the call to the bank, if one is needed, is the runner's."""

    def __init__(self, tools: Tools, runner: CallRunner) -> None:
        self._tools = tools
        self._runner = runner
        self._cases = Cases(tools)
        self._ledger = Ledger(tools)
        self._approval = CancellationApproval(tools, self._ledger)

    async def cancel(self, ref: PaymentRef, wait_seconds: float) -> None:
        """Withdraw the payment, or begin to; what became of it is read from its status.

        Raises Conflict `not_cancellable` where its state or its bank forbids it, Unavailable where the bank could not
        be reached. Without an error the payment is cancelled, or the bank's answer, or its payer, is still awaited.
        """
        background = await self._cases.background(ref)
        async with self._tools.pool.acquire() as connection, connection.transaction():
            asked = await self._begin(connection, await self._cases.lock(connection, background))
        await self._tools.enqueuer.offer(asked.jobs)
        if asked.bank_asked:
            await self._ask(ref, background.bank.bank.id, wait_seconds)
            await self._check(background)

    async def _ask(self, ref: PaymentRef, bank_id: str, wait_seconds: float) -> None:
        """What is under way of the payment here was begun before the request to withdraw it: that is begun after it."""
        if not self._runner.start(ref, bank_id):
            await self._runner.wait(ref.payment_id, wait_seconds)
            self._runner.start(ref, bank_id)
        await self._runner.wait(ref.payment_id, wait_seconds)

    async def _begin(self, connection: Connection, case: Case) -> _Asked:
        status = case.payment.status
        if status is PaymentStatus.CANCELLED:
            return _Asked(bank_asked=False)
        if case.submission.state is SubmissionState.PLANNED:
            return await self._withdraw(connection, case)
        can_ask = OperationKind.CANCEL in case.background.bank.declaration.operations
        if case.submission.state is not SubmissionState.ACCEPTED or not can_ask:
            raise _not_cancellable(status)
        if await self._approval.is_awaited(connection, case):
            return _Asked(bank_asked=False)
        open_states = {OperationState.PLANNED, OperationState.IN_FLIGHT}
        if case.operation.kind not in WITHDRAWING or case.operation.state not in open_states:
            await self._plan(connection, case)
        return _Asked(bank_asked=True)

    async def _withdraw(self, connection: Connection, case: Case) -> _Asked:
        await operations.withdraw(connection, self._tools, case)
        never, cancelled = SubmissionState.NEVER_LEFT, PaymentStatus.CANCELLED
        recorded = await self._ledger.set_standing(connection, case, never, cancelled)
        return _Asked(bank_asked=False, jobs=recorded.jobs)

    async def _plan(self, connection: Connection, case: Case) -> None:
        now, background = self._tools.clock.now(), case.background
        planned = plan_cancel(background.facts, background.bank, case.reference, case.operation.sequence + 1, now)
        await operations.add(connection, self._tools, case, planned)
        ref = case.payment.ref
        await connection.execute(_SQL["request_cancel"], ref.partner_id, ref.payment_id, now)

    async def _check(self, background: Background) -> None:
        """What the bank's answer was, if it came: a refusal and a call that never left are told as such."""
        ref = background.ref
        now = self._tools.clock.now()
        row = await self._tools.pool.fetchrow(_SQL["find_outcome"], ref.partner_id, ref.payment_id, now)
        if row is None or row["status"] == PaymentStatus.CANCELLED.value:
            return
        state, is_start = row["operation_state"], row["operation_kind"] == OperationKind.AUTHORISE_CANCEL.value
        if is_start and state == OperationState.UNKNOWN.value:
            raise Unavailable(
                "the bank did not say how its payer approves that; it is not cancelled", code=_UNAVAILABLE
            )
        if state == OperationState.ANSWERED.value and not is_start and not row["is_awaited"]:
            status = PaymentStatus(row["status"])
            raise _not_cancellable(status, _ACTIONS.get(status, _BANK_REFUSED))
        if state == OperationState.NEVER_LEFT.value:
            raise Unavailable("the bank cannot be reached; the payment is not cancelled", code=_UNAVAILABLE)


def _not_cancellable(status: PaymentStatus, action: str | None = None) -> Conflict:
    return Conflict(
        f"the payment is {status.value.replace('_', ' ')} and cannot be cancelled",
        code=NOT_CANCELLABLE,
        action=action or _ACTIONS.get(status, _NOT_AT_THIS_BANK),
    )
