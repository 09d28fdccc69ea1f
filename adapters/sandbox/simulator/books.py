"""The sandbox bank's books, in memory: payments, and the idempotency keys that made them.

The bank does not notice a second payment with the same end_to_end_id under another key, so that a checker can.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from adapters.sandbox.simulator.orders import Order
from adapters.simulation.faults import Fault
from adapters.simulation.simulator import Booked
from kernel.money import Money


class KeyInUse(Exception):
    """The key's first request is not decided yet."""


class KeyConflict(Exception):
    """The key was used with another body."""


class Status(StrEnum):
    """The states of a payment in the bank's own words."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    SETTLED = "settled"
    COMPLETED = "completed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    RETURNED = "returned"


_MOVED = frozenset({Status.SETTLED, Status.COMPLETED, Status.RETURNED})
_CANCELLABLE = frozenset({Status.RECEIVED, Status.ACCEPTED})


@dataclass(slots=True, kw_only=True)
class Payment:
    """One payment in the books; `visible_at` is when a stale replica hears of it, on the monotonic clock."""

    id: str
    order: Order
    fault: Fault | None
    status: Status
    reason_code: str | None
    updated_at: datetime
    visible_at: float = 0.0

    def become(self, status: Status, reason_code: str | None = None) -> None:
        """Move to another state."""
        self.status, self.reason_code, self.updated_at = status, reason_code, datetime.now(UTC)

    @property
    def cancellable(self) -> bool:
        """Whether no money moved yet."""
        return self.status in _CANCELLABLE

    def to_json(self, amount: Money | None = None, end_to_end_id: str | None = None) -> dict[str, Any]:
        """The payment as the bank tells it; the arguments are for an answer that tells it wrong."""
        told = amount or self.order.amount
        return {
            "id": self.id,
            "end_to_end_id": end_to_end_id or self.order.end_to_end_id,
            "status": self.status,
            "amount": {"currency": told.currency, "value": f"{told.to_decimal():f}"},
            "reason_code": self.reason_code,
            "updated_at": self.updated_at.isoformat(),
        }

    def booked(self) -> Booked:
        """The payment as the checker counts it."""
        return Booked(
            bank_reference=self.id,
            end_to_end_id=self.order.end_to_end_id,
            amount=self.order.amount,
            status=self.status,
            moved_money=self.status in _MOVED,
        )


@dataclass(slots=True, kw_only=True)
class _Key:
    body_digest: bytes
    payment: Payment | None = None


class Books:
    """All payments and keys."""

    def __init__(self) -> None:
        self.payments: dict[str, Payment] = {}
        self._keys: dict[str, _Key] = {}

    def claim(self, key: str, body: bytes) -> Payment | None:
        """Take the key for a new payment, or give the payment that it made. Raises KeyInUse or KeyConflict."""
        digest = hashlib.sha256(body).digest()
        known = self._keys.get(key)
        if known is None:
            self._keys[key] = _Key(body_digest=digest)
            return None
        if known.body_digest != digest:
            raise KeyConflict
        if known.payment is None:
            raise KeyInUse
        return known.payment

    def release(self, key: str) -> None:
        """The key's request made no payment; the key is free."""
        self._keys.pop(key, None)

    def commit(self, key: str, order: Order, fault: Fault | None) -> Payment:
        """Write the payment into the books."""
        status = Status.RECEIVED if fault is Fault.STAY_PENDING else Status.ACCEPTED
        payment = Payment(
            id=f"sbx_{secrets.token_hex(12)}",
            order=order,
            fault=fault,
            status=status,
            reason_code=None,
            updated_at=datetime.now(UTC),
        )
        self.payments[payment.id] = payment
        self._keys[key].payment = payment
        return payment

    def visible(self, now: float) -> list[Payment]:
        """What enquiries are served from."""
        return [payment for payment in self.payments.values() if payment.visible_at <= now]
