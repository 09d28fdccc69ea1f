"""Calls at banks on the admin API's wire."""

from datetime import datetime
from typing import Literal

from gateway.schemas.types import Response


class AskedOut(Response):
    """What was sent. `host` names which of the bank's servers got it.

    It is `api` for the `base_url` of its settings, which stands before the path, and `token` for the `token_url`.

    Credentials, the payer's or holder's address and browser, what follows the host in addresses, account numbers but
    for their ends, and names but for their first letters are masked.
    """

    method: str
    host: str
    path: str
    headers: dict[str, str]
    body: str


class SaidOut(Response):
    """What the bank answered, as far as it came, masked alike.

    Of what was read in an account only the length is kept.
    """

    headers: dict[str, str]
    body: str


class BankExchangeOut(Response):
    """One call. `outcome` is `answered`, or why there was no whole answer.

    `kind` is what was asked for; null for calls about payments from before it was kept. `request` and `response` are
    null once the merchant's data were erased.
    """

    id: str
    object: Literal["bank_exchange"]
    kind: str | None
    at: datetime
    outcome: str
    status_code: int | None
    duration_ms: float
    request: AskedOut | None
    response: SaidOut | None
