"""What partners ask for and what they are answered."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from adapters.contract import Account, Creditor, Payer
from kernel.ids import Tenant
from kernel.masked import Masked
from kernel.money import Money
from payments.routing.rule import Rule
from payments.view import PaymentView


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """Who calls: a partner in one environment, through one of its clients."""

    tenant: Tenant
    client_id: UUID


@dataclass(frozen=True, slots=True)
class RequestKey:
    """The value of Idempotency-Key. It is the partner's own text, so only its digest is kept."""

    value: str = field(repr=False)

    @property
    def digest(self) -> bytes:
        """SHA-256; the scope is the row's partner and environment."""
        return hashlib.sha256(self.value.encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRequest:
    """A payment as a partner wants it. Its terms never change. Without `bank_id` the bank is chosen by `routing`.

    `end_to_end_id` is the partner's own reference; it is kept and shown, while the bank sees the submission's. `debtor`
    is the account to pay from, `payer` the person who wants it paid, and `return_url` where they go once they were at
    their bank. Metadata is the partner's own and goes nowhere but back to it.
    """

    merchant_id: UUID
    bank_id: str | None
    amount: Money
    creditor: Creditor
    reference: Masked
    end_to_end_id: Masked | None = None
    execute_at: datetime | None = None
    debtor: Account | None = None
    payer: Payer | None = None
    return_url: str | None = field(default=None, repr=False)
    routing: Rule | None = None
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """The answer to a POST: 201 when the bank's word came in time, 202 when it is still awaited.

    A repeat has the payment in its present state, the first answer's status code, and `repeated`.
    """

    payment: PaymentView
    status_code: int
    repeated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of payments, newest first; `next_cursor` is the id to go on from, None at the end."""

    data: tuple[PaymentView, ...]
    next_cursor: UUID | None
