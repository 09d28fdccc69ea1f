"""Which of the partners' routes an admin may call for a partner: what reads, and what sets webhooks right.

Left out is what only the partner should do: paying, publishing, making, changing and deleting, and whatever shows or
makes a signing secret.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any

from pydantic import BaseModel

from gateway.admin.services import AdminServices
from gateway.handlers.webhooks import erasure, replays
from gateway.handlers.webhooks.endpoints import life
from gateway.http.call import Call, Reply
from gateway.http.route import Access, Handler, Route
from gateway.limits.policy import LimitClass
from gateway.oauth.scopes import Scope
from gateway.routes.payments import PAYMENTS
from gateway.routes.webhooks.completeness import COMPLETENESS
from gateway.routes.webhooks.deliveries import DELIVERIES
from gateway.routes.webhooks.endpoints import ENDPOINTS
from gateway.routes.webhooks.event_types import EVENT_TYPES
from gateway.routes.webhooks.events import EVENTS
from gateway.routes.webhooks.replays import REPLAYS
from gateway.schemas.webhooks.endpoints.bodies import EndpointStateChange
from gateway.services import Services

PLACE = "/admin/v1/partners/{partner_id}/{environment}"
# Secrets need a scope that changes things, so nothing that these open shows one.
_READING = {Scope.PAYMENTS_READ, Scope.EVENTS_READ, Scope.WEBHOOKS_READ}
_ACTS = {
    life.pause_endpoint,
    life.resume_endpoint,
    replays.create_replay,
    replays.pause_replay,
    replays.resume_replay,
    replays.cancel_replay,
    replays.retry_delivery,
    erasure.erase_event,
}
# Where its messages go, and with which headers, is the partner's to say.
_NARROWED: Mapping[Handler[Services], tuple[str, type[BaseModel] | None]] = {
    life.change_endpoint: ("Enable or disable an endpoint.", EndpointStateChange),
}


def _is_for_admins(route: Route[Services]) -> bool:
    return route.scope in _READING or route.handler in _ACTS or route.handler in _NARROWED


def _for_admins(route: Route[Services]) -> Route[AdminServices]:
    sentence, request = _NARROWED.get(route.handler, (route.sentence, route.request))
    columns: dict[str, Any] = {
        "path": PLACE + route.path.removeprefix("/v1"),
        "handler": _acting(route.handler),
        "access": Access.ADMIN,
        "scope": None,
        "limit": LimitClass.ADMIN,
        "cost": 1,
        "sentence": sentence,
        "request": request,
        "acting": True,
    }
    made: Route[Any] = replace(route, **columns)
    return made


def _acting(handler: Handler[Services]) -> Handler[AdminServices]:
    @wraps(handler)
    async def for_partner(services: AdminServices, call: Call) -> Reply:
        return await handler(services.public, call)

    return for_partner


# Banks are the installation's, and the admins have rows of their own for them.
_PAYMENTS = [route for route in PAYMENTS if route.tag == "payments"]
_ALL: Sequence[Route[Services]] = (*_PAYMENTS, *EVENTS, *EVENT_TYPES, *DELIVERIES, *COMPLETENESS, *REPLAYS, *ENDPOINTS)
PARTNER_ROUTES: tuple[Route[AdminServices], ...] = tuple(_for_admins(route) for route in _ALL if _is_for_admins(route))
