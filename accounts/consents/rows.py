"""A row of account_consents as a value, and the parts of it that are sealed."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Protocol, Self
from uuid import UUID

from accounts.consents.states import FINAL_STATES, ConsentState
from adapters.contract import AuthorisationMethod
from kernel.ids import Environment, Tenant


class Row(Protocol):
    """What a row of the database or a mapping both are."""

    def __getitem__(self, name: str, /) -> Any:
        """The column's value."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRef:
    """The name of a consent inside the system."""

    partner_id: UUID
    consent_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRow:
    """A consent with its sealed parts as they stand (accounts/consents/sealed.py opens them)."""

    tenant: Tenant
    id: UUID
    merchant_id: UUID
    client_id: UUID
    bank_id: str
    status: ConsentState
    reason: str | None
    valid_until: datetime
    authorise_by: datetime
    bank_consent_id: str | None
    state_digest: bytes
    sealed_terms: bytes
    method: AuthorisationMethod | None
    sealed_url: bytes | None
    returned_at: datetime | None
    sealed_code: bytes | None
    exchange_sent: bool
    sealed_grant: bytes | None
    access_ends_at: datetime | None
    is_doubted: bool
    must_end: bool
    accounts_at: datetime | None
    lease_owner: UUID | None
    lease_until: datetime | None
    next_check_at: datetime | None
    checks: int
    created_at: datetime
    updated_at: datetime
    authorised_at: datetime | None
    ended_at: datetime | None

    @property
    def ref(self) -> ConsentRef:
        """Its name."""
        return ConsentRef(partner_id=self.tenant.partner_id, consent_id=self.id)

    @property
    def is_final(self) -> bool:
        """Whether it is over."""
        return self.status in FINAL_STATES

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """From a row of account_consents."""
        return cls(
            tenant=Tenant(row["partner_id"], Environment(row["environment"])),
            status=ConsentState(row["status"]),
            method=None if row["method"] is None else AuthorisationMethod(row["method"]),
            **{name: row[name] for name in _PLAIN},
        )


_PLAIN = tuple(each.name for each in fields(ConsentRow) if each.name not in {"tenant", "status", "method"})
