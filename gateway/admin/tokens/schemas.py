"""Admin tokens on the admin API's wire."""

from datetime import datetime
from typing import Literal

from gateway.schemas.admin import Title
from gateway.schemas.types import Request, Response, Time


class AdminTokenIn(Request):
    """A token to make: for whom or what, and until when it is good; without an end, until it is revoked."""

    name: Title
    expires_at: Time | None = None


class AdminTokenOut(Response):
    """An admin token by its id, as the audit log names who acts; the token itself is never shown again.

    `answers_to` is the token from the command line that it comes from, null for such a one: all that come from it count
    as one person where two are needed.
    """

    id: str
    object: Literal["admin_token"]
    name: str
    state: Literal["good", "expired", "revoked"]
    answers_to: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class AdminTokenCreated(AdminTokenOut):
    """A new token, shown this once."""

    token: str
