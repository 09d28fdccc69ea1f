"""The bank's books, in memory. An initiation is not a payment until it is authorised.

The bank does not notice a second payment with the same endToEndIdentification, so that a checker can.
"""

import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from adapters.berlin_group.simulator.payments.orders import Order
from adapters.simulation.faults import Fault
from adapters.simulation.simulator import Booked
from kernel.money import Money


class Status(StrEnum):
    """The states of a payment, as transactionStatus says them."""

    RECEIVED = "RCVD"
    PENDING = "PDNG"
    IN_PROCESS = "ACSP"
    SETTLED = "ACSC"
    COMPLETED = "ACCC"
    REJECTED = "RJCT"
    CANCELLED = "CANC"


CANCELLABLE = frozenset({Status.RECEIVED, Status.PENDING, Status.IN_PROCESS})
MOVED = frozenset({Status.SETTLED, Status.COMPLETED})
ENDED = MOVED | {Status.REJECTED, Status.CANCELLED}


@dataclass(slots=True, kw_only=True)
class Payment:
    """One initiation. `authorised` makes it a payment; `stale_until` hides what is new from enquiries.

    `waits_as` is how the bank calls one that waits for its payer.
    """

    id: str
    product: str
    order: Order
    status: Status = Status.RECEIVED
    waits_as: Status = Status.RECEIVED
    fault: Fault | None = None
    authorised: bool = False
    reason_code: str | None = None
    stale_until: float = 0.0
    authorisations: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        """Where the payment stands in the interface."""
        return f"/v1/payments/{self.product}/{self.id}"

    def told(self, now: float, fault: Fault | None) -> dict[str, Any]:
        """The whole payment, truly or not."""
        amount, reference = self.order.amount, self.order.end_to_end_id
        if fault is Fault.WRONG_AMOUNT:
            amount = Money(amount.currency, amount.value + 1)
        if fault is Fault.WRONG_EXPONENT:
            amount = Money(amount.currency, amount.value * 100)
        if fault is Fault.WRONG_REFERENCE:
            reference = "OF-ANOTHER-PAYMENT"
        money = {"currency": amount.currency, "amount": f"{amount.to_decimal():f}"}
        echo = {**self.order.told, "instructedAmount": money, "endToEndIdentification": reference}
        return {**echo, **self.told_status(now)}

    def told_status(self, now: float) -> dict[str, Any]:
        """The payment's status, in the bank's words."""
        return {"transactionStatus": self.waits_as if now < self.stale_until else self.shown}

    @property
    def shown(self) -> Status:
        """The status as the bank calls it."""
        return self.waits_as if self.status is Status.RECEIVED else self.status

    def booked(self) -> Booked:
        """The payment as the checker counts it."""
        return Booked(
            bank_reference=self.id,
            end_to_end_id=self.order.end_to_end_id,
            amount=self.order.amount,
            status="rejected" if self.status is Status.REJECTED else self.status.value,
            moved_money=self.status in MOVED,
        )


class Books:
    """All initiations."""

    def __init__(self, waits_as: Status = Status.RECEIVED) -> None:
        self._waits_as = waits_as
        self.payments: dict[str, Payment] = {}

    def open(self, product: str, order: Order) -> Payment:
        """Write a new initiation: there is no key that would find an earlier one."""
        payment = Payment(id=secrets.token_hex(16), product=product, order=order, waits_as=self._waits_as)
        self.payments[payment.id] = payment
        return payment

    def find(self, product: str, payment_id: str) -> Payment | None:
        """The initiation under this product and id."""
        payment = self.payments.get(payment_id)
        return payment if payment is not None and payment.product == product else None

    def booked(self) -> tuple[Booked, ...]:
        """What the payers authorised."""
        return tuple(payment.booked() for payment in self.payments.values() if payment.authorised)
