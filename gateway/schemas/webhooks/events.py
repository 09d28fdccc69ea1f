"""Events, deliveries and attempts on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from gateway.schemas.pages import PageQuery, ProblemOut
from gateway.schemas.types import FreeObject, Id, Request, Response, Time, wrong
from webhooks.endpoints.patterns import TYPE_LENGTH_MAX, is_event_type, is_pattern
from webhooks.events.requests import RESERVED_BEGINNINGS, is_reserved_type

BATCH_MAX = 1000
_PATTERNS_MAX = 20


def _event_type(value: str) -> str:
    if not is_event_type(value):
        raise wrong("format", "Expected dotted identifiers of A-Z a-z 0-9 _, e.g. order.shipped.")
    if is_reserved_type(value):
        raise wrong("reserved", f"Types beginning with {' or '.join(RESERVED_BEGINNINGS)} are our own.")
    return value


def _patterns(value: object) -> tuple[str, ...]:
    patterns = tuple(value.split(",")) if isinstance(value, str) else ()
    if not 0 < len(patterns) <= _PATTERNS_MAX or not all(is_pattern(pattern) for pattern in patterns):
        raise wrong("format", f"Expected 1 to {_PATTERNS_MAX} patterns of event types with commas between.")
    return patterns


def _plain_key(value: str) -> str:
    if not value.isprintable():
        raise wrong("format", "Expected printable characters.")
    return value


EventType = Annotated[
    str,
    AfterValidator(_event_type),
    WithJsonSchema({"type": "string", "maxLength": TYPE_LENGTH_MAX, "examples": ["order.shipped"]}),
]
TypePatterns = Annotated[tuple[str, ...], BeforeValidator(_patterns), WithJsonSchema({"type": "string"})]
PartnerKey = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_plain_key)]


class EventIn(Request):
    """An event to tell. With your own `id` it is told once, however often it is sent.

    Events that share an `ordering_key` reach ordered endpoints one after the other. Those of high priority overtake
    others on their way to each endpoint. If the type is in your catalogue, the data must hold to its version
    `type_version`, or to the current one.
    """

    type: EventType
    data: FreeObject
    id: PartnerKey | None = None
    merchant_id: Id | None = None
    timestamp: Time | None = None
    ordering_key: PartnerKey | None = None
    priority: Literal["normal", "high"] = "normal"
    type_version: Annotated[int, Field(ge=1, le=32_767)] | None = None


class EventBatchIn(Request):
    """Up to a thousand events; each is accepted or rejected by itself."""

    data: Annotated[list[Any], Field(min_length=1, max_length=BATCH_MAX)]


class EventAccepted(Response):
    """An event that is committed."""

    id: str
    object: Literal["event"]
    type: str
    repeated: bool


class BatchItemOut(Response):
    """What became of one event of a batch, in the order of the request."""

    status: Literal["accepted", "rejected"]
    id: str | None = None
    repeated: bool | None = None
    problem: ProblemOut | None = None


class BatchOut(Response):
    """One item for each event sent."""

    data: list[BatchItemOut]


class EventOut(Response):
    """An event as the feed shows it; one that was erased has no data any more.

    `test`: it is an example that was sent to try an endpoint, and nothing of it has happened.
    """

    id: str
    object: Literal["event"]
    type: str
    merchant_id: str | None
    timestamp: datetime
    type_version: int | None
    matched: int
    data: dict[str, Any] | None
    test: bool | None
    erased_at: datetime | None


class FeedQueryIn(PageQuery):
    """Which events; `types` are patterns as endpoints have them, with commas between."""

    types: TypePatterns = ()
    merchant_id: Id | None = None


class FeedOut(Response):
    """Events in the order of the feed; next_cursor is where to go on, also later when there is nothing more now."""

    data: list[EventOut]
    next_cursor: str | None
    has_more: bool
