"""Payments and the banks that make them."""

from gateway.handlers import banks, payments
from gateway.http.route import Route
from gateway.limits.policy import LimitClass
from gateway.oauth.scopes import Scope
from gateway.schemas.pages import Page
from gateway.schemas.payments import BankOut, PaymentFilter, PaymentIn, PaymentOut, TimelineOut
from gateway.services import Services

PAYMENTS: tuple[Route[Services], ...] = (
    Route(
        method="POST",
        path="/v1/payments",
        handler=payments.create_payment,
        sentence="Make a payment; a repeat with the same Idempotency-Key answers the same payment as it is now.",
        scope=Scope.PAYMENTS_WRITE,
        limit=LimitClass.MONEY,
        request=PaymentIn,
        response=PaymentOut,
        status=201,
        once=True,
        tag="payments",
    ),
    Route(
        method="GET",
        path="/v1/payments",
        handler=payments.list_payments,
        sentence="List payments, newest first.",
        scope=Scope.PAYMENTS_READ,
        query=PaymentFilter,
        response=Page[PaymentOut],
        tag="payments",
    ),
    Route(
        method="GET",
        path="/v1/payments/{payment_id}",
        handler=payments.get_payment,
        sentence="Read one payment.",
        scope=Scope.PAYMENTS_READ,
        response=PaymentOut,
        tag="payments",
    ),
    Route(
        method="POST",
        path="/v1/payments/{payment_id}/cancel",
        handler=payments.cancel_payment,
        sentence="Ask that a payment be withdrawn before money moves.",
        scope=Scope.PAYMENTS_WRITE,
        limit=LimitClass.MANAGEMENT,
        response=PaymentOut,
        tag="payments",
    ),
    Route(
        method="GET",
        path="/v1/payments/{payment_id}/timeline",
        handler=payments.read_timeline,
        sentence="Read what happened to a payment, first to last.",
        scope=Scope.PAYMENTS_READ,
        response=TimelineOut,
        tag="payments",
    ),
    Route(
        method="GET",
        path="/v1/banks",
        handler=banks.list_banks,
        sentence="List the banks of this environment.",
        scope=Scope.PAYMENTS_READ,
        response=Page[BankOut],
        tag="banks",
    ),
    Route(
        method="GET",
        path="/v1/banks/{bank_id}",
        handler=banks.get_bank,
        sentence="Read one bank.",
        scope=Scope.PAYMENTS_READ,
        response=BankOut,
        tag="banks",
    ),
)
