"""Payments and banks on the wire."""

from gateway.schemas.payments.banks import BankHealthOut, BankId, BankOut
from gateway.schemas.payments.bodies import (
    PaymentFilter,
    PaymentIn,
    PaymentOut,
    PaymentQuery,
    RehearsalOut,
    TimelineOut,
)
from gateway.schemas.payments.parties import AccountIn, is_loopback

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
    "is_loopback",
]
