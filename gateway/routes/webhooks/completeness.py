"""What did not arrive, and proofs of what was sent."""

from gateway.handlers.webhooks import completeness
from gateway.http.route import Family, Route
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
    UndeliveredPageOut,
)
from gateway.services import Services

_EVENTS: Family[Services] = Family(tag="events", reads=Scope.EVENTS_READ, writes=Scope.EVENTS_WRITE)
_ROWS: Family[Services] = Family(tag="completeness", reads=Scope.WEBHOOKS_READ, writes=Scope.WEBHOOKS_MANAGE)

COMPLETENESS: tuple[Route[Services], ...] = (
    _EVENTS.get(
        "/v1/events/{event_id}",
        completeness.get_event,
        "Read one event and how many of its deliveries are in each state.",
        response=EventDetail,
    ),
    _ROWS.get(
        "/v1/undelivered",
        completeness.list_undelivered,
        "List what did not arrive, and why: it waits, ended without success, was missed, or nobody heard it.",
        query=UndeliveredFilter,
        response=UndeliveredPageOut,
    ),
    _ROWS.get(
        "/v1/undelivered/summary",
        completeness.summarise_undelivered,
        "Count what did not arrive by reason.",
        query=SummaryFilter,
        response=SummaryOut,
    ),
    _ROWS.get(
        "/v1/webhook-endpoints/{endpoint_id}/gaps",
        completeness.list_gaps,
        "List the numbers of an endpoint's deliveries that did not arrive.",
        query=GapQuery,
        response=GapsOut,
    ),
    _ROWS.get(
        "/v1/webhook-endpoints/{endpoint_id}/manifests",
        completeness.list_manifests,
        "List the signed manifests of what an endpoint was given, newest day first.",
        query=PageQuery,
        response=Page[ManifestOut],
    ),
    _ROWS.get(
        "/v1/webhook-endpoints/{endpoint_id}/manifests/{day}",
        completeness.get_manifest,
        "Read the manifest of one day (UTC), e.g. 2026-11-22.",
        response=ManifestOut,
    ),
)
