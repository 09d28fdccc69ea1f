"""What kinds of events there are."""

from gateway.handlers.webhooks import event_types
from gateway.http.route import KIB, Family, Route
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

_ROWS: Family[Services] = Family(tag="event types", reads=Scope.EVENTS_READ, writes=Scope.EVENTS_WRITE)

EVENT_TYPES: tuple[Route[Services], ...] = (
    _ROWS.post(
        "/v1/event-types",
        event_types.create_type,
        "Describe a type of events of your own; its events are checked against the schema from then on.",
        request=EventTypeIn,
        response=EventTypeOut,
        status=201,
        body_bytes_max=96 * KIB,
        gives=("Location",),
        refuses=("event_type_exists", "event_types_full"),
    ),
    _ROWS.get(
        "/v1/event-types",
        event_types.list_types,
        "List all types of events: ours, then yours.",
        response=EventTypesOut,
        for_limited=True,
    ),
    _ROWS.get(
        "/v1/event-types/{name}",
        event_types.get_type,
        "Read one type of events with its versions, newest first.",
        response=EventTypeOut,
        for_limited=True,
    ),
    _ROWS.post(
        "/v1/event-types/{name}/versions",
        event_types.add_version,
        "Add a version to a type; events that name none are checked against it from then on.",
        request=VersionIn,
        response=EventTypeOut,
        status=201,
        body_bytes_max=96 * KIB,
        refuses=("versions_full",),
    ),
    _ROWS.patch(
        "/v1/event-types/{name}/versions/{version}",
        event_types.change_version,
        "Deprecate a version, or take that back.",
        request=VersionChange,
        response=EventTypeOut,
    ),
    _ROWS.get(
        "/v1/event-types/{name}/example",
        event_types.get_example,
        "See an example of a type's events, made from its schema.",
        query=VersionQuery,
        response=ExampleOut,
        refuses=("no_example",),
        for_limited=True,
    ),
)
