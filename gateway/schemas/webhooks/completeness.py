"""What did not arrive, and proofs of what was sent, on the wire."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from gateway.schemas.pages import Page, PageQuery
from gateway.schemas.types import Id, Query, Response, Time, wrong
from gateway.schemas.webhooks.events import EventOut, TypePatterns
from webhooks.reading.undelivered.reasons import REASONS

_REASONS = sorted(REASONS)
_SEQUENCE_MAX = (1 << 63) - 1


def _reasons(value: Any) -> frozenset[str]:
    reasons = frozenset(value.split(",")) if isinstance(value, str) else frozenset()
    if not reasons or not reasons <= REASONS:
        raise wrong("unknown_value", f"Expected some of these, with commas between: {', '.join(_REASONS)}.")
    return reasons


Reasons = Annotated[
    frozenset[str], BeforeValidator(_reasons), WithJsonSchema({"type": "string", "examples": ["steps_used,held"]})
]


class UndeliveredFilter(PageQuery):
    """Which events that did not arrive; `reason` and `types` may be several with commas between.

    The times are the events'. Without `types`, what we tell of endpoints (`secret.rotated` and such) is not shown as
    unmatched.
    """

    endpoint_id: Id | None = None
    merchant_id: Id | None = None
    types: TypePatterns = ()
    reason: Reasons = frozenset()
    since: Time | None = None
    until: Time | None = None


class SummaryFilter(Query):
    """Of which events."""

    since: Time | None = None
    until: Time | None = None


class UndeliveredOut(Response):
    """One event and the endpoint that does not have it; without endpoint, nobody wanted to hear of it."""

    object: Literal["undelivered"]
    event_id: str
    event_type: str
    merchant_id: str | None
    endpoint_id: str | None
    delivery_id: str | None
    sequence: int | None
    state: str | None
    reason: str
    explanation: str
    since: datetime
    until: datetime | None
    last_attempt_at: datetime | None
    last_status_code: int | None
    last_error_class: str | None


class UndeliveredPageOut(Page[UndeliveredOut]):
    """A page; without `is_complete`, it lacks what endpoints missed in all but the newest of their silences."""

    is_complete: bool


class ReasonCountOut(Response):
    """How many there are of one reason, and when the oldest of their events happened."""

    reason: str
    explanation: str
    count: int
    oldest_at: datetime


class SummaryOut(Response):
    """Counts by reason; where `is_complete` is false, there are at least so many."""

    data: list[ReasonCountOut]
    is_complete: bool


class GapQuery(Query):
    """From which number on; it is at most the last number that was given."""

    since: Annotated[int, Field(ge=0, le=_SEQUENCE_MAX)] = 0
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class GapOut(Response):
    """Numbers that were not delivered, both ends included. State `dropped`: they are older than what is kept."""

    first_sequence: int
    last_sequence: int
    delivery_id: str | None
    event_id: str | None
    state: str
    reason: str | None
    round: int
    last_status_code: int | None
    last_error_class: str | None


class GapsOut(Response):
    """The gaps up to `next_since`; where that is `last_sequence`, every number was looked at."""

    data: list[GapOut]
    last_sequence: int
    next_since: int
    oldest_kept_sequence: int | None


class EventDetail(EventOut):
    """An event, and how many of its deliveries are in each state."""

    deliveries: dict[str, int]


class ManifestOut(Response):
    """What an endpoint was given in one day (UTC). `document` is a compact JWS (RFC 7515), which `key` verifies."""

    object: Literal["manifest"]
    endpoint_id: str
    day: date
    count: int
    first_sequence: int
    last_sequence: int
    digest: str
    made_at: datetime
    document: str
    key: dict[str, str]
