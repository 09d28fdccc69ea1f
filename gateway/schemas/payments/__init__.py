"""Payments and banks on the wire."""

from gateway.schemas.payments.banks import BankOut
from gateway.schemas.payments.bodies import (
    AccountIn,
    PaymentFilter,
    PaymentIn,
    PaymentOut,
    PaymentQuery,
    RehearsalOut,
    TimelineOut,
)

__all__ = [
    "AccountIn",
    "BankOut",
    "PaymentFilter",
    "PaymentIn",
    "PaymentOut",
    "PaymentQuery",
    "RehearsalOut",
    "TimelineOut",
]
