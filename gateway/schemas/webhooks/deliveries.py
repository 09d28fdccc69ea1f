"""Deliveries and attempts on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from gateway.schemas.pages import PageQuery
from gateway.schemas.types import Id, Response, Time, wrong
from gateway.schemas.webhooks.events import TypePatterns
from webhooks.sending.model import Cause, ErrorClass
from webhooks.states import DeliveryState

_STATES = tuple(state.value for state in DeliveryState)


def _states(value: Any) -> tuple[str, ...]:
    states = tuple(value.split(",")) if isinstance(value, str) else ()
    if not states or not set(states) <= set(_STATES):
        raise wrong("unknown_value", f"Expected some of these, with commas between: {', '.join(_STATES)}.")
    return states


def _error_class(value: str) -> str:
    if value not in set(ErrorClass):
        raise wrong("unknown_value", f"Expected one of: {', '.join(ErrorClass)}.")
    return value


def _cause(value: str) -> str:
    if value not in set(Cause):
        raise wrong("unknown_value", f"Expected one of: {', '.join(Cause)}.")
    return value


States = Annotated[tuple[str, ...], BeforeValidator(_states), WithJsonSchema({"type": "string", "examples": ["dead"]})]
StatusCode = Annotated[int, Field(ge=100, le=599)]
StatusClass = Literal["1xx", "2xx", "3xx", "4xx", "5xx"]
ErrorClassName = Annotated[str, AfterValidator(_error_class), WithJsonSchema({"type": "string", "enum": [*ErrorClass]})]
CauseName = Annotated[str, AfterValidator(_cause), WithJsonSchema({"type": "string", "enum": [*Cause]})]


class DeliveryFilter(PageQuery):
    """Which deliveries. `state` and `types` may be several with commas between; times are the event's.

    Status, error class and cause are those of the last attempt.
    """

    event_id: Id | None = None
    endpoint_id: Id | None = None
    payment_id: Id | None = None
    merchant_id: Id | None = None
    replay_id: Id | None = None
    state: States = ()
    types: TypePatterns = ()
    status_code: StatusCode | None = None
    status_class: StatusClass | None = None
    error_class: ErrorClassName | None = None
    cause: CauseName | None = None
    since: Time | None = None
    until: Time | None = None


class WaitingOut(Response):
    """What a delivery waits for; `until` is when that changes, where it is known."""

    reason: str
    explanation: str
    until: datetime | None


class DeliveryOut(Response):
    """One event for one endpoint. `sequence` is the endpoint's own count, the same over all retries and replays."""

    id: str
    object: Literal["delivery"]
    event_id: str
    event_type: str
    endpoint_id: str
    merchant_id: str | None
    state: str
    state_reason: str | None
    sequence: int | None
    priority: Literal["normal", "high"]
    round: int
    step: int
    waiting_for: WaitingOut | None
    next_attempt_at: datetime | None
    last_attempt_at: datetime | None
    last_status_code: int | None
    last_error_class: str | None
    round_at: datetime | None
    replay_id: str | None
    ended_at: datetime | None


class ExchangeOut(Response):
    """What went over the wire, secrets masked; bytes of the answer that are no UTF-8 are shown as replacement marks."""

    url: str
    request_headers: list[tuple[str, str]]
    response_headers: list[tuple[str, str]]
    response_body: str
    note: str


class _Attempt(Response):
    id: str
    object: Literal["attempt"]
    round: int
    step: int
    cause: str
    superseded: bool
    status_code: int | None
    error_class: str | None
    started_at: datetime
    timings: dict[str, int | None]


class AttemptOut(_Attempt):
    """One POST of a delivery."""

    exchange: ExchangeOut | None


class AttemptFilter(PageQuery):
    """Which attempts. Those of an endpoint come newest first; without one, those of the newest event come first."""

    endpoint_id: Id | None = None
    delivery_id: Id | None = None
    event_id: Id | None = None
    status_code: StatusCode | None = None
    status_class: StatusClass | None = None
    error_class: ErrorClassName | None = None
    cause: CauseName | None = None
    since: Time | None = None
    until: Time | None = None


class FoundAttemptOut(_Attempt):
    """One POST that a search found; what was exchanged is read with its delivery."""

    delivery_id: str
    event_id: str
    endpoint_id: str
