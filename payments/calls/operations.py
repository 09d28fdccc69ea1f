"""Operations in the database: planned with their exact bytes, leased before they are sent, ended by who leased them."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID, uuid4

from adapters.declaration import Declaration, OperationKind
from adapters.wire import Credential, WireRequest
from kernel.errors import Conflict
from kernel.masked import Secret
from kernel.sealing import Vault
from kernel.sql import beside
from payments.calls.cases import Case
from payments.intents.planning import PlannedOperation, PlannedSubmission, Reference, request_context
from payments.journeys.authorisations import open_access
from payments.rows import OperationRow, Owner
from payments.states.names import AuthorisationStatus, OperationState, SubmissionState
from payments.tools import Connection, Tools

_SQL = beside(__file__, "operations.sql")
# What a call may wait inside this process before its own deadline begins: for a slot, for a token.
WAIT_SECONDS = 10
# What asking about a payer may take: its calls begin within one total deadline, and each ends within two.
ASKING_DEADLINES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that may be made now. `lease` is None for an enquiry, which needs none: it changes nothing.

    `payer_access` is there where the call is made as the payer.
    `reference` is by what the bank knows the payment, and `payer` how it stood with its payer, for an enquiry.
    `resent`: earlier sends of the same bytes may have arrived, so that nothing about this one proves absence.
    """

    kind: OperationKind
    operation: OperationRow
    began_at: datetime
    request: WireRequest = field(repr=False)
    payer_access: Secret | None = None
    lease: UUID | None = None
    resent: bool = False
    reference: Reference | None = None
    payer: AuthorisationStatus | None = None

    def is_late(self, now: datetime) -> bool:
        """Whether so much of the lease is gone that the call may not be begun any more."""
        return now > self.began_at + timedelta(seconds=WAIT_SECONDS)


async def insert_submission(connection: Connection, vault: Vault, owner: Owner, planned: PlannedSubmission) -> None:
    """A submission with its first operation; the database refuses it while another one is live."""
    await connection.execute(
        _SQL["insert_submission"],
        *_operation_row(vault, owner, planned.id, planned.operation),
        planned.sequence,
        planned.bank_id,
        SubmissionState.PLANNED.value,
        planned.end_to_end_id,
        planned.planned_at,
    )


async def owner_of(tools: Tools, case: Case) -> Owner:
    """Whose rows are written: the payment's, sealed under its merchant's key."""
    facts = case.background.facts
    key = await tools.vault.data_key(facts.tenant.partner_id, facts.merchant_id)
    return Owner(tenant=facts.tenant, payment_id=facts.payment_id, key=key)


async def add(connection: Connection, tools: Tools, case: Case, planned: PlannedOperation) -> Case:
    """The case with another operation as its newest one; its exact bytes are sealed."""
    owner = await owner_of(tools, case)
    *plain, sealed = _operation_row(tools.vault, owner, case.submission.id, planned)
    await connection.execute(_SQL["insert_operation"], *plain, sealed)
    operation = OperationRow(
        id=planned.id,
        submission_id=case.submission.id,
        sequence=planned.sequence,
        kind=planned.kind,
        state=OperationState.PLANNED,
        idempotency_key=planned.idempotency_key,
        sealed_request=cast("bytes", sealed),
        sends=0,
        lease_owner=None,
        lease_until=None,
        first_sent_at=None,
        last_sent_at=None,
    )
    return replace(case, operation=operation)


def _operation_row(vault: Vault, owner: Owner, submission_id: UUID, operation: PlannedOperation) -> tuple[object, ...]:
    """Its first ten values in both statements."""
    return (
        owner.tenant.partner_id,
        submission_id,
        owner.payment_id,
        operation.id,
        operation.sequence,
        operation.kind.value,
        OperationState.PLANNED.value,
        operation.idempotency_key,
        operation.digest,
        vault.seal(owner.key, operation.request, request_context(operation.id)),
    )


async def lease(connection: Connection, tools: Tools, case: Case) -> Call:
    """Take the newest operation for one send. The lease outlasts the deadline and what the bank needs after it."""
    operation, now = case.operation, tools.clock.now()
    owner = uuid4()
    leased = await connection.fetchval(
        _SQL["take_lease"],
        case.payment.tenant.partner_id,
        operation.id,
        operation.state.value,
        owner,
        lease_until(tools, case),
        now,
    )
    if leased is None:
        raise Conflict("the operation is not in the state that was read")
    opened = await tools.vault.open(
        case.payment.tenant.partner_id, operation.sealed_request, request_context(operation.id)
    )
    request = WireRequest.from_bytes(opened)
    return Call(
        kind=operation.kind,
        operation=operation,
        began_at=now,
        request=request,
        payer_access=await access_for(tools, case, request),
        lease=owner,
        resent=operation.sends > 0,
    )


async def access_for(tools: Tools, case: Case, request: WireRequest) -> Secret | None:
    """The payer's access, where the request is made as the payer and access is held."""
    if request.credential is not Credential.PAYER:
        return None
    return await open_access(tools.vault, case.payment.tenant.partner_id, case.authorisation)


def lease_until(tools: Tools, case: Case) -> datetime:
    """When a call that begins now must have ended, with what the bank needs until its books show it."""
    return tools.clock.now() + lease_length(case.background.bank.declaration)


def asking_until(tools: Tools, case: Case) -> datetime:
    """When an enquiry that begins now must have ended, with what is asked of the payer after its answer."""
    declaration = case.background.bank.declaration
    asks_on = OperationKind.ENQUIRE_AUTHORISATION in declaration.operations
    more = ASKING_DEADLINES * declaration.deadlines.total_seconds if asks_on else 0
    return lease_until(tools, case) + timedelta(seconds=more)


def lease_length(declaration: Declaration) -> timedelta:
    """What outlasts any call at this bank, and what it may wait in this process before."""
    return timedelta(seconds=declaration.lease_seconds + WAIT_SECONDS)


async def end(connection: Connection, tools: Tools, case: Case, call: Call, state: OperationState) -> bool:
    """End a leased call; False where the lease was taken over meanwhile, and nothing changes."""
    ended = await connection.fetchval(
        _SQL["end_operation"],
        case.payment.tenant.partner_id,
        call.operation.id,
        call.lease,
        state.value,
        tools.clock.now(),
    )
    return ended is not None


async def take_over(connection: Connection, tools: Tools, case: Case) -> None:
    """Operations whose process did not end them in time: their outcome is unknown."""
    await connection.execute(
        _SQL["take_over_operations"], case.payment.tenant.partner_id, case.submission.id, tools.clock.now()
    )


async def withdraw(connection: Connection, tools: Tools, case: Case) -> None:
    """End what was planned and never sent."""
    await connection.execute(
        _SQL["withdraw_operations"], case.payment.tenant.partner_id, case.submission.id, tools.clock.now()
    )
