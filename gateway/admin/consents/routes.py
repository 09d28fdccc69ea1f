"""What banks said about consents, on the admin port."""

from gateway.admin.consents import handlers as do
from gateway.admin.consents.schemas import ConsentExchangeOut
from gateway.admin.services import AdminServices
from gateway.http.route import Route, admin_family
from gateway.schemas.pages import Page, PageQuery

_CONSENTS = admin_family("consents")

CONSENT_ROUTES: tuple[Route[AdminServices], ...] = (
    _CONSENTS.get(
        "/admin/v1/consents/{consent_id}/exchanges",
        do.list_exchanges,
        "List the calls that were made at the bank about a consent and under it, newest first, with what was said.",
        query=PageQuery,
        response=Page[ConsentExchangeOut],
    ),
)
