"""What kinds of events there are."""

from gateway.handlers.webhooks import event_types
from gateway.http.route import KIB, Route
from gateway.limits.policy import LimitClass
from gateway.oauth.scopes import Scope
from gateway.schemas.webhooks.event_types import (
    EventTypeIn,
    EventTypeOut,
    EventTypesOut,
    ExampleOut,
    VersionChange,
    VersionIn,
    VersionQuery,
)
from gateway.services import Services

EVENT_TYPES: tuple[Route[Services], ...] = (
    Route(
        method="POST",
        path="/v1/event-types",
        handler=event_types.create_type,
        sentence="Describe a type of events of your own; its events are checked against the schema from then on.",
        scope=Scope.EVENTS_WRITE,
        limit=LimitClass.MANAGEMENT,
        request=EventTypeIn,
        response=EventTypeOut,
        status=201,
        body_bytes_max=96 * KIB,
        tag="event types",
    ),
    Route(
        method="GET",
        path="/v1/event-types",
        handler=event_types.list_types,
        sentence="List all types of events: ours, then yours.",
        scope=Scope.EVENTS_READ,
        response=EventTypesOut,
        tag="event types",
    ),
    Route(
        method="GET",
        path="/v1/event-types/{name}",
        handler=event_types.get_type,
        sentence="Read one type of events with its versions, newest first.",
        scope=Scope.EVENTS_READ,
        response=EventTypeOut,
        tag="event types",
    ),
    Route(
        method="POST",
        path="/v1/event-types/{name}/versions",
        handler=event_types.add_version,
        sentence="Add a version to a type; events that name none are checked against it from then on.",
        scope=Scope.EVENTS_WRITE,
        limit=LimitClass.MANAGEMENT,
        request=VersionIn,
        response=EventTypeOut,
        status=201,
        body_bytes_max=96 * KIB,
        tag="event types",
    ),
    Route(
        method="PATCH",
        path="/v1/event-types/{name}/versions/{version}",
        handler=event_types.change_version,
        sentence="Deprecate a version, or take that back.",
        scope=Scope.EVENTS_WRITE,
        limit=LimitClass.MANAGEMENT,
        request=VersionChange,
        response=EventTypeOut,
        tag="event types",
    ),
    Route(
        method="GET",
        path="/v1/event-types/{name}/example",
        handler=event_types.get_example,
        sentence="See an example of a type's events, made from its schema.",
        scope=Scope.EVENTS_READ,
        query=VersionQuery,
        response=ExampleOut,
        tag="event types",
    ),
)
