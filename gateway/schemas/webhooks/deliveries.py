"""Deliveries and attempts on the wire."""

from datetime import datetime
from typing import Literal

from gateway.schemas.pages import PageQuery
from gateway.schemas.types import Id, Response


class DeliveryFilter(PageQuery):
    """Which deliveries."""

    event_id: Id | None = None
    endpoint_id: Id | None = None
    merchant_id: Id | None = None
    state: Literal["waiting", "pending", "delivered", "dead", "undelivered", "cancelled"] | None = None


class DeliveryOut(Response):
    """One event for one endpoint."""

    id: str
    object: Literal["delivery"]
    event_id: str
    event_type: str
    endpoint_id: str
    merchant_id: str | None
    state: str
    state_reason: str | None
    round: int
    step: int
    next_attempt_at: datetime | None
    ended_at: datetime | None


class ExchangeOut(Response):
    """What went over the wire, secrets masked; bytes of the answer that are no UTF-8 are shown as replacement marks."""

    url: str
    request_headers: list[tuple[str, str]]
    response_headers: list[tuple[str, str]]
    response_body: str
    note: str


class AttemptOut(Response):
    """One POST of a delivery."""

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
    exchange: ExchangeOut | None
