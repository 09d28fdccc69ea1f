"""Where merchants receive events."""

from gateway.handlers.webhooks import endpoints
from gateway.http.route import Route
from gateway.limits.policy import LimitClass
from gateway.oauth.scopes import Scope
from gateway.schemas.pages import Page
from gateway.schemas.webhooks.endpoints import (
    EndpointChange,
    EndpointCreated,
    EndpointFilter,
    EndpointIn,
    EndpointOut,
    RotationIn,
    SecretsOut,
)
from gateway.schemas.webhooks.events import EventAccepted
from gateway.services import Services

ENDPOINTS: tuple[Route[Services], ...] = (
    Route(
        method="POST",
        path="/v1/webhook-endpoints",
        handler=endpoints.create_endpoint,
        sentence="Make an endpoint; the answer carries its signing secret.",
        scope=Scope.WEBHOOKS_MANAGE,
        limit=LimitClass.MANAGEMENT,
        request=EndpointIn,
        response=EndpointCreated,
        status=201,
        tag="webhook endpoints",
    ),
    Route(
        method="GET",
        path="/v1/webhook-endpoints",
        handler=endpoints.list_endpoints,
        sentence="List endpoints, oldest first.",
        scope=Scope.WEBHOOKS_READ,
        query=EndpointFilter,
        response=Page[EndpointOut],
        tag="webhook endpoints",
    ),
    Route(
        method="GET",
        path="/v1/webhook-endpoints/{endpoint_id}",
        handler=endpoints.get_endpoint,
        sentence="Read one endpoint.",
        scope=Scope.WEBHOOKS_READ,
        response=EndpointOut,
        tag="webhook endpoints",
    ),
    Route(
        method="PATCH",
        path="/v1/webhook-endpoints/{endpoint_id}",
        handler=endpoints.change_endpoint,
        sentence="Change an endpoint, enable or disable it.",
        scope=Scope.WEBHOOKS_MANAGE,
        limit=LimitClass.MANAGEMENT,
        request=EndpointChange,
        response=EndpointOut,
        tag="webhook endpoints",
    ),
    Route(
        method="DELETE",
        path="/v1/webhook-endpoints/{endpoint_id}",
        handler=endpoints.delete_endpoint,
        sentence="Delete an endpoint; what it has not received stays undelivered.",
        scope=Scope.WEBHOOKS_MANAGE,
        limit=LimitClass.MANAGEMENT,
        status=204,
        tag="webhook endpoints",
    ),
    Route(
        method="GET",
        path="/v1/webhook-endpoints/{endpoint_id}/secret",
        handler=endpoints.reveal_secret,
        sentence="Reveal the signing secrets in use.",
        scope=Scope.WEBHOOKS_MANAGE,
        limit=LimitClass.MANAGEMENT,
        response=SecretsOut,
        tag="webhook endpoints",
    ),
    Route(
        method="POST",
        path="/v1/webhook-endpoints/{endpoint_id}/secret/rotate",
        handler=endpoints.rotate_secret,
        sentence="Make a new signing secret; the old one signs beside it for a while.",
        scope=Scope.WEBHOOKS_MANAGE,
        limit=LimitClass.MANAGEMENT,
        request=RotationIn,
        response=SecretsOut,
        tag="webhook endpoints",
    ),
    Route(
        method="POST",
        path="/v1/webhook-endpoints/{endpoint_id}/test",
        handler=endpoints.send_test,
        sentence="Send a test event to this endpoint alone.",
        scope=Scope.WEBHOOKS_MANAGE,
        limit=LimitClass.MANAGEMENT,
        response=EventAccepted,
        status=202,
        tag="webhook endpoints",
    ),
)
