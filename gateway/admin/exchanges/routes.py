"""What banks said about payments and consents, on the admin port."""

from gateway.admin.exchanges import handlers as do
from gateway.admin.exchanges.schemas import BankExchangeOut
from gateway.admin.services import AdminServices
from gateway.http.route import Route, admin_family
from gateway.schemas.pages import Page, PageQuery

_CONSENTS = admin_family("consents")
_PAYMENTS = admin_family("payments")

EXCHANGE_ROUTES: tuple[Route[AdminServices], ...] = (
    _PAYMENTS.get(
        "/admin/v1/payments/{payment_id}/exchanges",
        do.list_payment_exchanges,
        "List the calls that were made at banks about a payment, newest first, with what was said.",
        query=PageQuery,
        response=Page[BankExchangeOut],
    ),
    _CONSENTS.get(
        "/admin/v1/consents/{consent_id}/exchanges",
        do.list_consent_exchanges,
        "List the calls that were made at the bank about a consent and under it, newest first, with what was said.",
        query=PageQuery,
        response=Page[BankExchangeOut],
    ),
)
