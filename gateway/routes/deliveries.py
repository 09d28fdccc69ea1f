"""What became of events."""

from gateway.handlers.webhooks import deliveries
from gateway.http.route import Route
from gateway.oauth.scopes import Scope
from gateway.schemas.pages import Page
from gateway.schemas.webhooks.deliveries import AttemptFilter, AttemptOut, DeliveryFilter, DeliveryOut, FoundAttemptOut
from gateway.services import Services

DELIVERIES: tuple[Route[Services], ...] = (
    Route(
        method="GET",
        path="/v1/deliveries",
        handler=deliveries.list_deliveries,
        sentence="Search deliveries, newest first.",
        scope=Scope.WEBHOOKS_READ,
        query=DeliveryFilter,
        response=Page[DeliveryOut],
        tag="deliveries",
    ),
    Route(
        method="GET",
        path="/v1/deliveries/{delivery_id}",
        handler=deliveries.get_delivery,
        sentence="Read one delivery.",
        scope=Scope.WEBHOOKS_READ,
        response=DeliveryOut,
        tag="deliveries",
    ),
    Route(
        method="GET",
        path="/v1/deliveries/{delivery_id}/attempts",
        handler=deliveries.list_attempts,
        sentence="List the attempts of a delivery, first to last.",
        scope=Scope.WEBHOOKS_READ,
        response=Page[AttemptOut],
        tag="deliveries",
    ),
    Route(
        method="GET",
        path="/v1/attempts",
        handler=deliveries.search_attempts,
        sentence="Search attempts: of an endpoint newest first, else of the newest event first.",
        scope=Scope.WEBHOOKS_READ,
        query=AttemptFilter,
        response=Page[FoundAttemptOut],
        tag="deliveries",
    ),
)
