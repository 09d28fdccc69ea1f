"""Consents as partners and merchants see them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.consents.rows import ConsentRow
from accounts.consents.states import ConsentState
from kernel.ids import Environment, Kind, to_text


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentView:
    """The public consent. `authorisation_url` is there while the holder is waited for, and in no event."""

    id: UUID
    environment: Environment
    merchant_id: UUID
    bank_id: str
    status: ConsentState
    reason: str | None
    authorisation_url: str | None = field(repr=False)
    method: str | None
    return_url: str | None = field(repr=False)
    valid_until: datetime
    authorise_by: datetime
    created_at: datetime
    updated_at: datetime
    authorised_at: datetime | None
    ended_at: datetime | None

    def to_json(self) -> dict[str, Any]:
        """The consent JSON of the API and of every `consent.…` event."""
        return {
            "id": to_text(Kind.CONSENT, self.id, self.environment),
            "object": "consent",
            "environment": self.environment.value,
            "merchant_id": to_text(Kind.MERCHANT, self.merchant_id, self.environment),
            "bank_id": self.bank_id,
            "status": self.status.value,
            "reason": self.reason,
            "authorisation_url": self.authorisation_url,
            "authorisation_method": self.method,
            "return_url": self.return_url,
            "valid_until": rfc3339(self.valid_until),
            "authorise_by": rfc3339(self.authorise_by),
            "created_at": rfc3339(self.created_at),
            "updated_at": rfc3339(self.updated_at),
            "authorised_at": maybe_rfc3339(self.authorised_at),
            "ended_at": maybe_rfc3339(self.ended_at),
        }


def view_of(consent: ConsentRow, url: str | None = None, return_url: str | None = None) -> ConsentView:
    """The consent as its row says. Events carry neither URL: one lets its bearer act, the other is the partner's."""
    return ConsentView(
        id=consent.id,
        environment=consent.tenant.environment,
        merchant_id=consent.merchant_id,
        bank_id=consent.bank_id,
        status=consent.status,
        reason=consent.reason,
        authorisation_url=url,
        method=None if consent.method is None else consent.method.value,
        return_url=return_url,
        valid_until=consent.valid_until,
        authorise_by=consent.authorise_by,
        created_at=consent.created_at,
        updated_at=consent.updated_at,
        authorised_at=consent.authorised_at,
        ended_at=consent.ended_at,
    )


def rfc3339(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: 2026-01-31T09:30:00.000Z."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def maybe_rfc3339(at: datetime | None) -> str | None:
    """As `rfc3339`; None stays None."""
    return None if at is None else rfc3339(at)
