"""What became of events."""

from gateway.handlers.webhooks import deliveries
from gateway.http.route import Family, Route
from gateway.oauth.scopes import Scope
from gateway.schemas.pages import Page
from gateway.schemas.webhooks.deliveries import AttemptFilter, AttemptOut, DeliveryFilter, DeliveryOut, FoundAttemptOut
from gateway.services import Services

_ROWS: Family[Services] = Family(tag="deliveries", reads=Scope.WEBHOOKS_READ, writes=Scope.WEBHOOKS_MANAGE)

DELIVERIES: tuple[Route[Services], ...] = (
    _ROWS.get(
        "/v1/deliveries",
        deliveries.list_deliveries,
        "Search deliveries, newest first.",
        query=DeliveryFilter,
        response=Page[DeliveryOut],
    ),
    _ROWS.get("/v1/deliveries/{delivery_id}", deliveries.get_delivery, "Read one delivery.", response=DeliveryOut),
    _ROWS.get(
        "/v1/deliveries/{delivery_id}/attempts",
        deliveries.list_attempts,
        "List the attempts of a delivery, first to last.",
        response=Page[AttemptOut],
    ),
    _ROWS.get(
        "/v1/attempts",
        deliveries.search_attempts,
        "Search attempts: of an endpoint newest first, else of the newest event first.",
        query=AttemptFilter,
        response=Page[FoundAttemptOut],
    ),
)
