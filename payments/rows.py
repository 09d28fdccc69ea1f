"""Rows of the payment tables as values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, Self
from uuid import UUID

from adapters.declaration import OperationKind
from kernel.ids import Environment, Tenant
from kernel.money import Money
from kernel.sealing import DataKey
from payments.states.names import Finality, OperationState, PaymentStatus, SubmissionState


class Row(Protocol):
    """What a row of the database or a mapping both are."""

    def __getitem__(self, name: str, /) -> Any:
        """The column's value."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRef:
    """The name of a payment inside the system."""

    partner_id: UUID
    payment_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose payment it is, and the key that seals what is kept of it."""

    tenant: Tenant
    payment_id: UUID
    key: DataKey


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRow:
    """A payment without its sealed terms."""

    tenant: Tenant
    id: UUID
    merchant_id: UUID
    client_id: UUID
    bank_id: str
    amount: Money
    status: PaymentStatus
    iso_status: str | None
    raw_status: str | None
    reason: str | None
    finality: Finality
    execute_at: datetime | None
    next_check_at: datetime | None
    checks: int
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def ref(self) -> PaymentRef:
        """Its name."""
        return PaymentRef(partner_id=self.tenant.partner_id, payment_id=self.id)

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """From a row of payments."""
        return cls(
            tenant=Tenant(row["partner_id"], Environment(row["environment"])),
            amount=Money(row["amount_currency"], row["amount_value"]),
            status=PaymentStatus(row["status"]),
            finality=Finality(row["finality"]),
            **{name: row[name] for name in _PLAIN_PAYMENT},
        )


_PLAIN_PAYMENT = (
    "id",
    "merchant_id",
    "client_id",
    "bank_id",
    "iso_status",
    "raw_status",
    "reason",
    "execute_at",
    "next_check_at",
    "checks",
    "version",
    "created_at",
    "updated_at",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionRow:
    """One try of a payment at a bank."""

    id: UUID
    sequence: int
    state: SubmissionState
    end_to_end_id: str
    bank_reference: str | None
    sent_at: datetime | None
    created_at: datetime

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """From a row of submissions."""
        plain = {
            name: row[name] for name in ("id", "sequence", "end_to_end_id", "bank_reference", "sent_at", "created_at")
        }
        return cls(state=SubmissionState(row["state"]), **plain)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRow:
    """One call to a bank that can change something."""

    id: UUID
    submission_id: UUID
    sequence: int
    kind: OperationKind
    state: OperationState
    idempotency_key: str
    sealed_request: bytes
    sends: int
    lease_owner: UUID | None
    lease_until: datetime | None
    first_sent_at: datetime | None
    last_sent_at: datetime | None

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """From a row of bank_operations."""
        plain = {name: row[name] for name in _PLAIN_OPERATION}
        return cls(kind=OperationKind(row["kind"]), state=OperationState(row["state"]), **plain)


_PLAIN_OPERATION = (
    "id",
    "submission_id",
    "sequence",
    "idempotency_key",
    "sealed_request",
    "sends",
    "lease_owner",
    "lease_until",
    "first_sent_at",
    "last_sent_at",
)
