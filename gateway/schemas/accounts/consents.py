"""Consents on the wire."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, WithJsonSchema

from accounts.consents.states import ConsentState
from gateway.schemas.pages import PageQuery
from gateway.schemas.payments import BankId
from gateway.schemas.payments.parties import PayerIn, ReturnUrl
from gateway.schemas.types import Id, Request, Response, Time, wrong


def _status(value: str) -> str:
    if value not in set(ConsentState):
        raise wrong("unknown_value", "Expected a consent's status.")
    return value


class ConsentIn(Request):
    """A consent to ask an account's holder for.

    The holder opens `authorisation.url` in their browser and comes back to `return_url`, where `consent_id` and
    `status` are added to the query. `valid_until` lies at most 180 days ahead.
    """

    merchant_id: Id
    bank_id: BankId
    valid_until: Time
    return_url: ReturnUrl
    payer: PayerIn | None = None


class ConsentAuthorisationOut(Response):
    """Where the holder authorises the consent, and until when.

    With `redirect`, open `url` in the holder's browser; with `decoupled` they are asked in the bank's own app and there
    is nothing to open. The url is a secret of the holder: it is in answers to you, and null in events.
    """

    url: str | None
    method: str
    expires_at: datetime


class ConsentOut(Response):
    """A consent. Tolerate values of `status` and `reason` that you do not know.

    While it is `awaiting_authorisation` and the holder has not come back, `authorisation` says where they are expected.
    In events `return_url` is null.
    """

    id: str
    object: Literal["consent"]
    environment: Literal["test", "live"]
    merchant_id: str
    bank_id: str
    status: str
    reason: str | None
    authorisation: ConsentAuthorisationOut | None
    return_url: str | None
    valid_until: datetime
    created_at: datetime
    updated_at: datetime
    authorised_at: datetime | None
    ended_at: datetime | None


class ConsentFilter(PageQuery):
    """Which consents."""

    merchant_id: Id | None = None
    bank_id: BankId | None = None
    status: Annotated[str, AfterValidator(_status), WithJsonSchema({"enum": [*ConsentState]})] | None = None
