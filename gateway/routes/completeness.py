"""What did not arrive, and proofs of what was sent."""

from gateway.handlers.webhooks import completeness
from gateway.http.route import Route
from gateway.oauth.scopes import Scope
from gateway.schemas.pages import Page, PageQuery
from gateway.schemas.webhooks.completeness import (
    EventDetail,
    GapQuery,
    GapsOut,
    ManifestOut,
    SummaryFilter,
    SummaryOut,
    UndeliveredFilter,
    UndeliveredOut,
)
from gateway.services import Services

COMPLETENESS: tuple[Route[Services], ...] = (
    Route(
        method="GET",
        path="/v1/events/{event_id}",
        handler=completeness.get_event,
        sentence="Read one event and how many of its deliveries are in each state.",
        scope=Scope.EVENTS_READ,
        response=EventDetail,
        tag="events",
    ),
    Route(
        method="GET",
        path="/v1/undelivered",
        handler=completeness.list_undelivered,
        sentence="List what did not arrive, and why: it waits, it ended without success, or nobody heard it.",
        scope=Scope.WEBHOOKS_READ,
        query=UndeliveredFilter,
        response=Page[UndeliveredOut],
        tag="completeness",
    ),
    Route(
        method="GET",
        path="/v1/undelivered/summary",
        handler=completeness.summarise_undelivered,
        sentence="Count what did not arrive by reason.",
        scope=Scope.WEBHOOKS_READ,
        query=SummaryFilter,
        response=SummaryOut,
        tag="completeness",
    ),
    Route(
        method="GET",
        path="/v1/webhook-endpoints/{endpoint_id}/gaps",
        handler=completeness.list_gaps,
        sentence="List the numbers of an endpoint's deliveries that did not arrive.",
        scope=Scope.WEBHOOKS_READ,
        query=GapQuery,
        response=GapsOut,
        tag="completeness",
    ),
    Route(
        method="GET",
        path="/v1/webhook-endpoints/{endpoint_id}/manifests",
        handler=completeness.list_manifests,
        sentence="List the signed manifests of what an endpoint was given, newest day first.",
        scope=Scope.WEBHOOKS_READ,
        query=PageQuery,
        response=Page[ManifestOut],
        tag="completeness",
    ),
    Route(
        method="GET",
        path="/v1/webhook-endpoints/{endpoint_id}/manifests/{day}",
        handler=completeness.get_manifest,
        sentence="Read the manifest of one day (UTC), e.g. 2026-11-22.",
        scope=Scope.WEBHOOKS_READ,
        response=ManifestOut,
        tag="completeness",
    ),
)
