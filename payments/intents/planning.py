"""Plans a submission and its first operation: ids, references, and the exact bytes that the bank is to get. Pure."""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from adapters.contract import Handshake, Instruction
from adapters.declaration import OperationKind
from kernel.ids import Tenant, new_id
from kernel.money import Money
from payments.banks import ConfiguredBank
from payments.intents.references import end_to_end_id, idempotency_key
from payments.terms import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What never changes of a payment, its terms opened."""

    tenant: Tenant
    payment_id: UUID
    merchant_id: UUID
    amount: Money
    terms: Terms
    execute_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """By what the bank knows an operation, and what binds its payer to it.

    `requested_at` was fixed with the submission.
    """

    end_to_end_id: str
    idempotency_key: str
    requested_at: datetime
    bank_reference: str | None = None
    consent_id: str | None = None
    authorisation_id: str | None = None
    handshake: Handshake | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOperation:
    """One call with its exact bytes, not yet sealed."""

    id: UUID
    sequence: int
    kind: OperationKind
    idempotency_key: str
    request: bytes = field(repr=False)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the exact bytes."""
        return hashlib.sha256(self.request).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSubmission:
    """One try, with the operation that carries it to the bank."""

    id: UUID
    sequence: int
    bank_id: str
    end_to_end_id: str
    planned_at: datetime
    operation: PlannedOperation
    instruction: Instruction = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A submission before its bytes are made: what it says can be checked, whether or not its bank would take it."""

    submission_id: UUID
    operation_id: UUID
    instruction: Instruction = field(repr=False)


def outline(facts: Facts, bank: ConfiguredBank, now: datetime, handshake: Handshake | None = None) -> Outline:
    """A submission of these facts; with a handshake where payers are sent out."""
    submission_id, operation_id = new_id(now), new_id(now)
    reference = Reference(
        end_to_end_id=end_to_end_id(submission_id),
        idempotency_key=idempotency_key(operation_id, bank.declaration),
        requested_at=now,
        handshake=handshake,
    )
    instruction = instruct(facts, bank, reference)
    return Outline(submission_id=submission_id, operation_id=operation_id, instruction=instruction)


def plan_submission(outlined: Outline, bank: ConfiguredBank, sequence: int) -> PlannedSubmission:
    """The submission with the first operation of its journey. Raises ValueError where the protocol cannot carry it."""
    instruction = outlined.instruction
    return PlannedSubmission(
        id=outlined.submission_id,
        sequence=sequence,
        bank_id=bank.bank.id,
        end_to_end_id=instruction.end_to_end_id,
        planned_at=instruction.requested_at,
        operation=_operation(outlined.operation_id, bank.declaration.journey[0], 1, bank, instruction),
        instruction=instruction,
    )


def plan_cancel(
    facts: Facts, bank: ConfiguredBank, reference: Reference, sequence: int, now: datetime
) -> PlannedOperation:
    """An operation that asks the bank to withdraw a submission; its key is a new one."""
    asked_now = replace(reference, requested_at=now)
    return plan_operation(OperationKind.CANCEL, facts, bank, asked_now, sequence)


def plan_operation(
    kind: OperationKind, facts: Facts, bank: ConfiguredBank, reference: Reference, sequence: int
) -> PlannedOperation:
    """A later operation of a submission; its key is a new one. Raises ValueError where something is missing for it."""
    operation_id = new_id(reference.requested_at)
    own = replace(reference, idempotency_key=idempotency_key(operation_id, bank.declaration))
    return _operation(operation_id, kind, sequence, bank, instruct(facts, bank, own))


def instruct(facts: Facts, bank: ConfiguredBank, reference: Reference) -> Instruction:
    """The payment as this bank is to be told it."""
    return Instruction(
        tenant=facts.tenant,
        payment_id=facts.payment_id,
        merchant_id=facts.merchant_id,
        end_to_end_id=reference.end_to_end_id,
        idempotency_key=reference.idempotency_key,
        amount=facts.amount,
        creditor=facts.terms.creditor,
        reference=facts.terms.reference,
        settings=bank.bank.settings,
        requested_at=reference.requested_at,
        bank_reference=reference.bank_reference,
        execute_at=facts.execute_at if bank.declaration.schedules else None,
        debtor=facts.terms.debtor,
        payer=facts.terms.payer,
        consent_id=reference.consent_id,
        authorisation_id=reference.authorisation_id,
        handshake=reference.handshake,
    )


def request_context(operation_id: UUID) -> bytes:
    """What binds an operation's sealed bytes to its row of bank_operations."""
    return b"bank_operations.request:" + operation_id.bytes


def _operation(
    operation_id: UUID, kind: OperationKind, sequence: int, bank: ConfiguredBank, instruction: Instruction
) -> PlannedOperation:
    return PlannedOperation(
        id=operation_id,
        sequence=sequence,
        kind=kind,
        idempotency_key=instruction.idempotency_key,
        request=bank.adapter.build(kind, instruction).to_bytes(),
    )
