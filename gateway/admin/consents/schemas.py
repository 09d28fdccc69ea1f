"""Calls at banks about consents on the admin API's wire."""

from datetime import datetime
from typing import Literal

from gateway.schemas.types import Response


class AskedOut(Response):
    """What was sent: credentials, and what is the holder's own, are masked; the bank adds its base URL to the path."""

    method: str
    host: str
    path: str
    headers: dict[str, str]
    body: str


class SaidOut(Response):
    """What the bank answered, as far as it came. Of what was read in an account only the length is kept."""

    headers: dict[str, str]
    body: str


class ConsentExchangeOut(Response):
    """One call. `outcome` is `answered`, or why there was no whole answer.

    `request` and `response` are null once the merchant's data were erased.
    """

    id: str
    object: Literal["bank_exchange"]
    kind: str
    at: datetime
    outcome: str
    status_code: int | None
    duration_ms: float
    request: AskedOut | None
    response: SaidOut | None
