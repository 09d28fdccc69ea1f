"""The public port's routes: one table. The path of a request through the service starts here."""

from gateway.http.route import Route
from gateway.routes.completeness import COMPLETENESS
from gateway.routes.deliveries import DELIVERIES
from gateway.routes.documents import DOCUMENTS
from gateway.routes.endpoints import ENDPOINTS
from gateway.routes.event_types import EVENT_TYPES
from gateway.routes.events import EVENTS
from gateway.routes.payments import PAYMENTS
from gateway.routes.replays import REPLAYS
from gateway.services import Services

PUBLIC_ROUTES: tuple[Route[Services], ...] = (
    *PAYMENTS,
    *EVENTS,
    *EVENT_TYPES,
    *DELIVERIES,
    *COMPLETENESS,
    *REPLAYS,
    *ENDPOINTS,
    *DOCUMENTS,
)
