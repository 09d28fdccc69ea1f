"""The public port's routes: one table. The path of a request through the service starts here."""

from gateway.http.route import Route
from gateway.routes.accounts import ACCOUNTS
from gateway.routes.documents import DOCUMENTS
from gateway.routes.payments import PAYMENTS
from gateway.routes.webhooks.completeness import COMPLETENESS
from gateway.routes.webhooks.deliveries import DELIVERIES
from gateway.routes.webhooks.endpoints import ENDPOINTS
from gateway.routes.webhooks.event_types import EVENT_TYPES
from gateway.routes.webhooks.events import EVENTS
from gateway.routes.webhooks.replays import REPLAYS
from gateway.services import Services

PUBLIC_ROUTES: tuple[Route[Services], ...] = (
    *PAYMENTS,
    *ACCOUNTS,
    *EVENTS,
    *EVENT_TYPES,
    *DELIVERIES,
    *COMPLETENESS,
    *REPLAYS,
    *ENDPOINTS,
    *DOCUMENTS,
)
