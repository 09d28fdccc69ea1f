"""A payment as partners and merchants see it: the creditor masked, the bank's own words beside ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from kernel.ids import Environment, Kind, to_text
from kernel.money import Money
from payments.states.names import FINAL_STATUSES, AuthorisationPurpose, Finality, PaymentStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceView:
    """One thing that a bank told us; `applied` is false where it changed nothing, and `refused_why` says why."""

    source: str
    verdict: str
    raw_code: str | None
    iso_code: str | None
    reason: str | None
    applied: bool
    refused_why: str | None
    at: datetime

    def to_json(self) -> dict[str, Any]:
        """As it goes to the wire."""
        return {
            "source": self.source,
            "verdict": self.verdict,
            "raw_code": self.raw_code,
            "iso_code": self.iso_code,
            "reason": self.reason,
            "applied": self.applied,
            "refused_why": self.refused_why,
            "at": rfc3339(self.at),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryView:
    """How an unknown outcome is being cleared. Without `next_check_at` two persons decide."""

    strategy: str
    next_check_at: datetime | None
    evidence: tuple[EvidenceView, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As it goes to the wire."""
        next_check = _rfc3339_or_none(self.next_check_at)
        return {
            "strategy": self.strategy,
            "next_check_at": next_check,
            "evidence": [each.to_json() for each in self.evidence],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorisationView:
    """How the payer is to authorise the payment, or its cancellation, at the bank, and until when.

    Where there is nothing to open the payer is asked in the bank's own app. `url` is for the partner alone: it is in
    answers of the API, never in events.
    """

    method: str
    expires_at: datetime | None
    purpose: str = AuthorisationPurpose.PAYMENT.value
    url: str | None = field(default=None, repr=False)

    def to_json(self) -> dict[str, Any]:
        """As it goes to the wire."""
        expires_at = _rfc3339_or_none(self.expires_at)
        return {"url": self.url, "method": self.method, "purpose": self.purpose, "expires_at": expires_at}


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentView:
    """The public payment. `creditor` and `debtor` hold masked text only; the partner's own words are its own.

    `reports_expected_until` is until when the bank may say more of it, if nothing is heard. Without it, a status that
    is not final is still to be followed by another, or by a person.

    Where the merchant's data were erased, these are None and the partner's own words are gone.
    """

    id: UUID
    environment: Environment
    merchant_id: UUID
    bank_id: str
    routing: Mapping[str, Any] | None
    amount: Money
    creditor: Mapping[str, Any] | None
    debtor: Mapping[str, Any] | None
    reference: str | None = field(repr=False)
    end_to_end_id: str | None = field(repr=False)
    metadata: Mapping[str, str] = field(repr=False)
    status: PaymentStatus
    iso_status: str | None
    raw_status: str | None
    reason: str | None
    finality: Finality
    recovery: RecoveryView | None
    authorisation: AuthorisationView | None
    refund_account: Mapping[str, Any] | None = field(default=None, repr=False)
    execute_at: datetime | None
    reports_expected_until: datetime | None
    created_at: datetime
    updated_at: datetime

    def to_json(self) -> dict[str, Any]:
        """The payment JSON of the API and of every `payment.…` event."""
        return {
            "id": to_text(Kind.PAYMENT, self.id, self.environment),
            "object": "payment",
            "environment": self.environment.value,
            "merchant_id": to_text(Kind.MERCHANT, self.merchant_id, self.environment),
            "bank_id": self.bank_id,
            "routing": None if self.routing is None else dict(self.routing),
            "amount": {"currency": self.amount.currency, "value": self.amount.value},
            "creditor": None if self.creditor is None else dict(self.creditor),
            "debtor": None if self.debtor is None else dict(self.debtor),
            "reference": self.reference,
            "end_to_end_id": self.end_to_end_id,
            "metadata": dict(self.metadata),
            "status": self.status.value,
            "status_final": self.status in FINAL_STATUSES,
            "reports_expected_until": _rfc3339_or_none(self.reports_expected_until),
            "iso_status": self.iso_status,
            "raw_status": self.raw_status,
            "reason": self.reason,
            "finality": self.finality.value,
            "recovery": None if self.recovery is None else self.recovery.to_json(),
            "authorisation": None if self.authorisation is None else self.authorisation.to_json(),
            "refund_account": None if self.refund_account is None else dict(self.refund_account),
            "execute_at": _rfc3339_or_none(self.execute_at),
            "created_at": rfc3339(self.created_at),
            "updated_at": rfc3339(self.updated_at),
        }


def rfc3339(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: 2026-01-31T09:30:00.000Z."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def _rfc3339_or_none(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)
