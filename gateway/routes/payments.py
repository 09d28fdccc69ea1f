"""Payments and the banks that make them."""

from gateway.handlers import banks, payments
from gateway.http.route import Family, Route
from gateway.limits.policy import LimitClass
from gateway.oauth.scopes import Scope
from gateway.schemas.pages import Page
from gateway.schemas.payments import (
    BankOut,
    PaymentFilter,
    PaymentIn,
    PaymentOut,
    PaymentQuery,
    RehearsalOut,
    TimelineOut,
)
from gateway.services import Services

_PAYMENTS: Family[Services] = Family(tag="payments", reads=Scope.PAYMENTS_READ, writes=Scope.PAYMENTS_WRITE)
_BANKS: Family[Services] = Family(tag="banks", reads=Scope.PAYMENTS_READ, writes=Scope.PAYMENTS_WRITE)

PAYMENTS: tuple[Route[Services], ...] = (
    _PAYMENTS.post(
        "/v1/payments",
        payments.create_payment,
        "Make a payment, or with dry_run see what the bank would get; a repeated key answers the same payment.",
        request=PaymentIn,
        query=PaymentQuery,
        others={200: RehearsalOut},
        response=PaymentOut,
        status=201,
        limit=LimitClass.MONEY,
        once=True,
        gives=("Location", "Idempotent-Replayed", "Preference-Applied"),
        refuses=("daily_cap_reached", "payments_closed"),
    ),
    _PAYMENTS.get(
        "/v1/payments",
        payments.list_payments,
        "List payments, newest first.",
        query=PaymentFilter,
        response=Page[PaymentOut],
    ),
    _PAYMENTS.get("/v1/payments/{payment_id}", payments.get_payment, "Read one payment.", response=PaymentOut),
    _PAYMENTS.post(
        "/v1/payments/{payment_id}/cancel",
        payments.cancel_payment,
        "Ask that a payment be withdrawn before money moves.",
        response=PaymentOut,
        gives=("Preference-Applied",),
        refuses=("conflict", "not_cancellable", "bank_unavailable"),
    ),
    _PAYMENTS.get(
        "/v1/payments/{payment_id}/timeline",
        payments.read_timeline,
        "Read what happened to a payment, first to last.",
        response=TimelineOut,
    ),
    _BANKS.get(
        "/v1/banks", banks.list_banks, "List the banks of this environment.", response=Page[BankOut], for_limited=True
    ),
    _BANKS.get("/v1/banks/{bank_id}", banks.get_bank, "Read one bank.", response=BankOut, for_limited=True),
)
