"""Replays on the wire. What may stand in the fields is checked in webhooks/replays, all of it at once."""

from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema

from gateway.schemas.types import Id, Request, Response, Time, wrong
from gateway.schemas.webhooks.deliveries import StatusClass

EndedState = Literal["delivered", "dead", "undelivered", "cancelled"]


_CLASSES = get_args(StatusClass)


def _first_digit(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value not in _CLASSES:
        raise wrong("unknown_value", "Expected 1xx to 5xx, or 0 to 5.")
    return int(value[0])


# As in the searches, or its first digit alone.
_StatusClass = Annotated[
    int,
    Field(ge=0, le=5),
    BeforeValidator(_first_digit),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0, "maximum": 5}, {"enum": list(_CLASSES)}]}),
]


class ReplayIn(Request):
    """One delivery, or all that a filter covers: events that were accepted from `since` up to `until`.

    Without `states` it covers what failed: dead and undelivered. With `merchant_id` only events about that merchant are
    covered. `status_classes` are those of the last answer's code, `5xx` or 5, and 0 for no answer. `include_unmatched`
    also makes deliveries of events that the endpoint would hear of today and has none of. With `dry_run` nothing is
    done but counting.
    """

    delivery_id: Id | None = None
    endpoint_id: Id | None = None
    merchant_id: Id | None = None
    event_types: Annotated[list[str], Field(examples=[["payment.*"]])] = Field(default_factory=list)
    states: Annotated[list[EndedState], Field(max_length=4)] | None = None
    status_classes: Annotated[list[_StatusClass], Field(max_length=6)] = Field(
        default_factory=list, examples=[["4xx", "5xx"]]
    )
    since: Time | None = None
    until: Time | None = None
    include_unmatched: bool = False
    rate_per_second: float | None = None
    dry_run: bool = False


class OutcomesOut(Response):
    """What became of the deliveries that a replay made due; one that a later replay took over counts there."""

    pending: int
    delivered: int
    dead: int
    undelivered: int
    cancelled: int


class ReplayOut(Response):
    """A replay. `total` is what it covered when it was made; `queued`, `made` and `skipped` are so far.

    Skipped are those whose endpoint receives nothing, whose event's body was erased, or that were under way.
    """

    id: str
    object: Literal["replay"]
    state: str
    delivery_id: str | None
    endpoint_id: str | None
    merchant_id: str | None
    event_types: list[str]
    states: list[str]
    status_classes: list[int]
    since: datetime
    until: datetime
    include_unmatched: bool
    rate_per_second: float
    total: int
    queued: int
    made: int
    skipped: int
    seconds_left: float | None
    requested_by: str
    created_at: datetime
    ended_at: datetime | None


class ReplayProgressOut(ReplayOut):
    """A replay with the outcomes so far."""

    outcomes: OutcomesOut


class EstimateOut(Response):
    """What a replay would do. `under_way` are deliveries of the range that have not ended and would be left alone.

    With `unmatched_at_most` the endpoint has a body expression and there are too many events to ask it of now, so
    `unmatched` is how many there may be at most.
    """

    object: Literal["replay_estimate"]
    total: int
    unmatched: int
    unmatched_at_most: bool
    under_way: int
    estimated_seconds: float


class RetryOut(Response):
    """The try that is due now. With a replay_id it is the first of another round."""

    object: Literal["delivery_retry"]
    delivery_id: str
    replay_id: str | None
    round: int
    step: int
