"""Consents as partners and merchants see them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.consents.rows import ConsentRow
from accounts.consents.states import ConsentState
from kernel.ids import Environment, Kind, to_text


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentView:
    """The public consent. `authorisation` is there while the holder is waited for."""

    id: UUID
    environment: Environment
    merchant_id: UUID
    bank_id: str
    status: ConsentState
    reason: str | None
    authorisation: Mapping[str, Any] | None = field(repr=False)
    return_url: str | None = field(repr=False)
    valid_until: datetime
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
            "authorisation": None if self.authorisation is None else dict(self.authorisation),
            "return_url": self.return_url,
            "valid_until": rfc3339(self.valid_until),
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
        authorisation=_authorisation(consent, url),
        return_url=return_url,
        valid_until=consent.valid_until,
        created_at=consent.created_at,
        updated_at=consent.updated_at,
        authorised_at=consent.authorised_at,
        ended_at=consent.ended_at,
    )


def _authorisation(consent: ConsentRow, url: str | None) -> dict[str, Any] | None:
    """Where the holder is expected, until they have come back."""
    awaited = consent.status is ConsentState.AWAITING_AUTHORISATION and consent.returned_at is None
    if not awaited or consent.method is None:
        return None
    return {"url": url, "method": consent.method.value, "expires_at": rfc3339(consent.authorise_by)}


def rfc3339(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: 2026-01-31T09:30:00.000Z."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def maybe_rfc3339(at: datetime | None) -> str | None:
    """As `rfc3339`; None stays None."""
    return None if at is None else rfc3339(at)
