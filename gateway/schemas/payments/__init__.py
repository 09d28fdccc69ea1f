"""Payments and banks on the wire."""

from gateway.schemas.payments.banks import BankHealthOut, BankOut
from gateway.schemas.payments.bodies import (
    AccountIn,
    BankId,
    PaymentFilter,
    PaymentIn,
    PaymentOut,
    PaymentQuery,
    RehearsalOut,
    TimelineOut,
)

__all__ = [
    "AccountIn",
    "BankHealthOut",
    "BankId",
    "BankOut",
    "PaymentFilter",
    "PaymentIn",
    "PaymentOut",
    "PaymentQuery",
    "RehearsalOut",
    "TimelineOut",
]
