"""Trying endpoints out, on the wire."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.schemas.types import FreeObject, Id, Request, Response, Time
from gateway.schemas.webhooks.endpoints.bodies import Filter, Patterns
from webhooks.endpoints.patterns import TYPE_LENGTH_MAX
from webhooks.filters.expression import Outcome
from webhooks.filters.trying import Condition


class TrialIn(Request):
    """Which event is to be sent: an example of a type of the catalogue, or without a type our own test message.

    Whichever it is, its body has the member `test` and it has the header `threadneedle-test`, so that nobody books it.
    """

    event_type: str | None = None


class ChallengeOut(Response):
    """What became of an ownership challenge; of the answer its status, or the class of the failure."""

    object: Literal["webhook_endpoint_challenge"]
    endpoint_id: str
    state: str
    proven: bool
    reason: str
    detail: str
    status_code: int | None
    error_class: str | None
    expected: str


class SampleEventIn(Request):
    """An event to try, as it would be published; without a timestamp it happens now."""

    type: Annotated[str, Field(min_length=1, max_length=TYPE_LENGTH_MAX)]
    data: FreeObject
    timestamp: Time | None = None
    merchant_id: Id | None = None


class FilterTrialIn(Request):
    """What an endpoint would want to hear, and an event; what is left out is the endpoint's own, or everything."""

    event: SampleEventIn
    filter: Filter | None = None
    event_types: Patterns | None = None


class FilterTrialOut(Response):
    """Whether the event would be heard, what keeps it away, and how long the filter took.

    `filter_result` is null without a filter. One that is `not_computable` on the event, as where a function gets a
    null, or takes `too_many_steps`, lets nothing through, like one that is `false`.
    """

    matches: bool
    failed: list[Condition]
    why: str
    filter_result: Outcome | None
    microseconds: float
