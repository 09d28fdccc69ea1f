"""What is known of a payment whose lease was just committed, and of who waits for it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from adapters.wire import WireRequest
from payments.calls.cases import Background, Case
from payments.calls.operations import Call
from payments.intents.drafting import Beginning
from payments.intents.planning import PlannedSubmission
from payments.intents.request_keys import KeyedRequest
from payments.rows import OperationRow, SubmissionRow
from payments.states.names import OperationState, SubmissionState
from payments.view import PaymentView


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """The case as it was committed, and the call that its lease allows."""

    case: Case
    call: Call


@dataclass(slots=True, kw_only=True)
class Asker:
    """Who asked for a payment, as long as it listens.

    `promised`: the answer's code is being committed together with the bank's word, so it must be waited for. `view` is
    the payment as it was committed then.
    """

    keyed: KeyedRequest
    listens: bool = True
    promised: bool = False
    view: PaymentView | None = None


def carried_from(background: Background, planned: PlannedSubmission, beginning: Beginning) -> Carried | None:
    """The rows of a beginning as they stand after its commit; None without a lease."""
    if beginning.lease is None:
        return None
    lease = beginning.lease
    submission = SubmissionRow(
        id=planned.id,
        sequence=planned.sequence,
        state=SubmissionState.IN_FLIGHT,
        end_to_end_id=planned.end_to_end_id,
        bank_reference=None,
        sent_at=lease.began_at,
        created_at=planned.planned_at,
    )
    operation = OperationRow(
        id=planned.operation.id,
        submission_id=planned.id,
        sequence=planned.operation.sequence,
        kind=planned.operation.kind,
        state=OperationState.IN_FLIGHT,
        idempotency_key=planned.operation.idempotency_key,
        sealed_request=b"",
        sends=1,
        lease_owner=lease.owner,
        lease_until=lease.until,
        first_sent_at=lease.began_at,
        last_sent_at=lease.began_at,
    )
    case = Case(
        background=background,
        payment=beginning.payment,
        submission=submission,
        operation=operation,
        suspended=False,
        disputed=False,
        last_poll=None,
    )
    return Carried(case=case, call=_call(operation, lease.owner, lease.began_at, planned))


def _call(operation: OperationRow, owner: UUID, began_at: datetime, planned: PlannedSubmission) -> Call:
    """The very bytes that were sealed, not those that were built."""
    request = WireRequest.from_bytes(planned.operation.request)
    return Call(kind=operation.kind, operation=operation, began_at=began_at, request=request, lease=owner)
