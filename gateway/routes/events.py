"""Events: published and read."""

from gateway.handlers.webhooks import erasure, events
from gateway.http.route import KIB, Route
from gateway.limits.policy import LimitClass
from gateway.oauth.scopes import Scope
from gateway.schemas.webhooks.erasure import EventErased
from gateway.schemas.webhooks.events import BatchOut, EventAccepted, EventBatchIn, EventIn, FeedOut, FeedQueryIn
from gateway.services import Services

EVENTS: tuple[Route[Services], ...] = (
    Route(
        method="POST",
        path="/v1/events",
        handler=events.publish_event,
        sentence="Publish an event; the answer means that it is committed.",
        scope=Scope.EVENTS_WRITE,
        limit=LimitClass.EVENTS,
        request=EventIn,
        response=EventAccepted,
        status=201,
        body_bytes_max=320 * KIB,
        tag="events",
    ),
    Route(
        method="POST",
        path="/v1/events/batch",
        handler=events.publish_events,
        sentence="Publish up to a thousand events, each accepted or rejected by itself.",
        scope=Scope.EVENTS_WRITE,
        limit=LimitClass.EVENTS,
        request=EventBatchIn,
        response=BatchOut,
        body_bytes_max=8 * 1024 * KIB,
        weigh=events.batch_cost,
        tag="events",
    ),
    Route(
        method="GET",
        path="/v1/events",
        handler=events.read_feed,
        sentence="Read the feed of events from a cursor on.",
        scope=Scope.EVENTS_READ,
        query=FeedQueryIn,
        response=FeedOut,
        tag="events",
    ),
    Route(
        method="POST",
        path="/v1/events/{event_id}/erase",
        handler=erasure.erase_event,
        sentence="Erase for good what an event said and what receivers answered; what was still to be sent ends.",
        scope=Scope.WEBHOOKS_MANAGE,
        limit=LimitClass.MANAGEMENT,
        response=EventErased,
        tag="events",
    ),
)
