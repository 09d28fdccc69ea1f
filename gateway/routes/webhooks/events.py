"""Events: published and read."""

from gateway.handlers.webhooks import erasure, events
from gateway.http.route import KIB, Family, Route
from gateway.limits.policy import LimitClass
from gateway.oauth.scopes import Scope
from gateway.schemas.webhooks.erasure import EventErased
from gateway.schemas.webhooks.events import BatchOut, EventAccepted, EventBatchIn, EventIn, FeedOut, FeedQueryIn
from gateway.services import Services

_ROWS: Family[Services] = Family(tag="events", reads=Scope.EVENTS_READ, writes=Scope.EVENTS_WRITE)

EVENTS: tuple[Route[Services], ...] = (
    _ROWS.post(
        "/v1/events",
        events.publish_event,
        "Publish an event; the answer means that it is committed.",
        request=EventIn,
        response=EventAccepted,
        status=201,
        limit=LimitClass.EVENTS,
        body_bytes_max=320 * KIB,
        gives=("Idempotent-Replayed",),
        refuses=("event_id_reused",),
    ),
    _ROWS.post(
        "/v1/events/batch",
        events.publish_events,
        "Publish up to a thousand events, each accepted or rejected by itself.",
        request=EventBatchIn,
        response=BatchOut,
        limit=LimitClass.EVENTS,
        body_bytes_max=8 * 1024 * KIB,
        weigh=events.batch_cost,
        for_limited=True,
    ),
    _ROWS.get(
        "/v1/events", events.read_feed, "Read the feed of events from a cursor on.", query=FeedQueryIn, response=FeedOut
    ),
    _ROWS.post(
        "/v1/events/{event_id}/erase",
        erasure.erase_event,
        "Erase for good what an event said and what receivers answered; what was still to be sent ends.",
        response=EventErased,
        scope=Scope.WEBHOOKS_MANAGE,
    ),
)
