"""What partners ask for and what they are answered."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from accounts.view import ConsentView
from adapters.contract import Payer
from kernel.ids import Tenant
from kernel.masked import Masked


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """Who calls: a partner in one environment, through one of its clients; `request_id` names the request."""

    tenant: Tenant
    client_id: UUID
    request_id: str


@dataclass(frozen=True, slots=True)
class RequestKey:
    """The value of Idempotency-Key. It is the partner's own text, so only its digest is kept."""

    value: str = field(repr=False)

    @property
    def digest(self) -> bytes:
        """SHA-256; the scope is the row's partner and environment."""
        return hashlib.sha256(self.value.encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRequest:
    """A consent as a partner wants it. The holder is sent back to `return_url`."""

    merchant_id: UUID
    bank_id: str
    valid_until: datetime
    return_url: Masked
    payer: Payer


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The answer to a POST: 201 when the bank's word came in time, 202 when it is still awaited."""

    consent: ConsentView
    status_code: int
    repeated: bool


class Reception(StrEnum):
    """What became of a holder's return."""

    TAKEN = "taken"  # Committed, now or the first time.
    INCOMPLETE = "incomplete"  # It lacks the code that the bank should have given.
    FAILED = "failed"  # The bank told of an error of its own.
    OVER = "over"  # It came too late.


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What a holder who came back is told, and where they are sent on to."""

    reception: Reception
    consent: ConsentView
    return_url: Masked


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentFilter:
    """Which consents of a list; `after` is the id of the last one before, newest first."""

    limit: int
    after: UUID | None = None
    merchant_id: UUID | None = None
    status: str | None = None
    bank_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentPage:
    """One page of consents, newest first; `next_cursor` is the id to go on from, None at the end."""

    data: tuple[ConsentView, ...]
    next_cursor: UUID | None
