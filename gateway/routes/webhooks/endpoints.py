"""Where merchants receive events."""

from gateway.handlers.webhooks.endpoints import keys, life, trials
from gateway.http.route import KIB, Family, Route, open_family
from gateway.limits.policy import LimitClass
from gateway.oauth.scopes import Scope
from gateway.schemas.pages import Page
from gateway.schemas.webhooks.endpoints.bodies import (
    EndpointChange,
    EndpointChanged,
    EndpointCreated,
    EndpointFilter,
    EndpointIn,
    EndpointOut,
)
from gateway.schemas.webhooks.endpoints.keys import KeySetOut, RotationIn, SecretsOut
from gateway.schemas.webhooks.endpoints.trials import ChallengeOut, FilterTrialIn, FilterTrialOut, TrialIn
from gateway.schemas.webhooks.events import EventAccepted
from gateway.services import Services

_ROWS: Family[Services] = Family(tag="webhook endpoints", reads=Scope.WEBHOOKS_READ, writes=Scope.WEBHOOKS_MANAGE)
_ABOUT = open_family("about")

ENDPOINTS: tuple[Route[Services], ...] = (
    _ROWS.post(
        "/v1/webhook-endpoints",
        life.create_endpoint,
        "Make an endpoint; the answer carries what its messages are signed with.",
        request=EndpointIn,
        response=EndpointCreated,
        status=201,
        gives=("Location",),
        refuses=("endpoints_max", "merchant_endpoints_max"),
    ),
    _ROWS.get(
        "/v1/webhook-endpoints",
        life.list_endpoints,
        "List endpoints, oldest first.",
        query=EndpointFilter,
        response=Page[EndpointOut],
    ),
    _ROWS.get("/v1/webhook-endpoints/{endpoint_id}", life.get_endpoint, "Read one endpoint.", response=EndpointOut),
    _ROWS.patch(
        "/v1/webhook-endpoints/{endpoint_id}",
        life.change_endpoint,
        "Change an endpoint, enable or disable it.",
        request=EndpointChange,
        response=EndpointChanged,
    ),
    _ROWS.delete(
        "/v1/webhook-endpoints/{endpoint_id}",
        life.delete_endpoint,
        "Delete an endpoint; what it has not received stays undelivered.",
    ),
    _ROWS.get(
        "/v1/webhook-endpoints/{endpoint_id}/secret",
        keys.reveal_secret,
        "Reveal the signing secrets and public keys in use.",
        response=SecretsOut,
        scope=Scope.WEBHOOKS_MANAGE,
        limit=LimitClass.MANAGEMENT,
    ),
    _ROWS.post(
        "/v1/webhook-endpoints/{endpoint_id}/secret/rotate",
        keys.rotate_secret,
        "Make a new signing key; the old one signs beside it for a while.",
        request=RotationIn,
        response=SecretsOut,
        refuses=("rotation_unfinished",),
    ),
    _ROWS.post(
        "/v1/webhook-endpoints/{endpoint_id}/test",
        trials.send_test,
        "Send a test event to this endpoint alone.",
        request=TrialIn,
        response=EventAccepted,
        status=202,
        refuses=("endpoint_disabled", "endpoint_unproven"),
        cost=2,
    ),
    _ROWS.post(
        "/v1/webhook-endpoints/{endpoint_id}/challenge",
        trials.challenge,
        "Ask the receiver to prove that it expects the events.",
        response=ChallengeOut,
        refuses=("ownership_not_asked", "challenges_busy"),
        cost=5,
    ),
    _ROWS.post(
        "/v1/webhook-endpoints/{endpoint_id}/pause",
        life.pause_endpoint,
        "Send nothing until it is resumed; events wait.",
        response=EndpointOut,
    ),
    _ROWS.post(
        "/v1/webhook-endpoints/{endpoint_id}/resume",
        life.resume_endpoint,
        "Send what waits, and what comes.",
        response=EndpointOut,
    ),
    _ROWS.post(
        "/v1/webhook-endpoints/filter-test",
        trials.try_filter,
        "Try what an endpoint would hear on an event.",
        request=FilterTrialIn,
        response=FilterTrialOut,
        scope=Scope.WEBHOOKS_READ,
        body_bytes_max=512 * KIB,
        for_limited=True,
    ),
    _ROWS.post(
        "/v1/webhook-endpoints/{endpoint_id}/filter-test",
        trials.try_endpoint_filter,
        "Try what this endpoint hears, or another filter, on an event.",
        request=FilterTrialIn,
        response=FilterTrialOut,
        scope=Scope.WEBHOOKS_READ,
        body_bytes_max=512 * KIB,
    ),
    _ABOUT.get(
        "/webhook-keys/{partner_id}/{endpoint_id}/jwks.json",
        keys.publish_keys,
        "Read the public keys that verify an endpoint's v1a signatures (RFC 7517).",
        response=KeySetOut,
    ),
)
