"""Limits on the admin API's wire."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from gateway.schemas.admin import Tier
from gateway.schemas.types import Request, Response, given

# A bucket's interval is kept in whole microseconds; a faster one would be far from its rate.
_RATE_MAX = 100_000
_CAPACITY_MAX = 10_000_000
Concurrency = Annotated[int, Field(ge=1, le=100_000)]


class BucketIn(Request):
    """A token bucket: what it holds at most, and what comes back each second."""

    capacity: Annotated[int, Field(ge=1, le=_CAPACITY_MAX)]
    rate_per_second: Annotated[float, Field(gt=0, le=_RATE_MAX, allow_inf_nan=False)]


class BucketOut(Response):
    """A token bucket."""

    capacity: int
    rate_per_second: float


class TierLimitsIn(Request):
    """All limits of a tier, by name.

    `partner` bounds a partner's calls in one environment, `client` all calls of each of its clients, the others those
    of a class of routes; `concurrency` is how many requests of a client may be in flight.
    """

    partner: BucketIn
    client: BucketIn
    reads: BucketIn
    money: BucketIn
    events: BucketIn
    management: BucketIn
    concurrency: Concurrency


class ClientLimitsIn(Request):
    """What one client has of its own; what is left out is its partner's or its tier's."""

    client: BucketIn | None = None
    reads: BucketIn | None = None
    money: BucketIn | None = None
    events: BucketIn | None = None
    management: BucketIn | None = None
    concurrency: Concurrency | None = None

    _given = field_validator("*", mode="before")(given)


class PartnerLimitsIn(ClientLimitsIn):
    """What was agreed with a partner for all of its clients; what is left out is its tier's."""

    partner: BucketIn | None = None


class LimitsOut(Response):
    """Limits by name."""

    partner: BucketOut
    client: BucketOut
    reads: BucketOut
    money: BucketOut
    events: BucketOut
    management: BucketOut
    concurrency: int


class OwnLimitsOut(Response):
    """Limits by name, where there are any."""

    partner: BucketOut | None = None
    client: BucketOut | None = None
    reads: BucketOut | None = None
    money: BucketOut | None = None
    events: BucketOut | None = None
    management: BucketOut | None = None
    concurrency: int | None = None


class TierOut(Response):
    """A tier; `set_by` says whether an admin set it or the settings."""

    object: Literal["limit_tier"]
    name: str
    set_by: Literal["admin", "settings"]
    limits: LimitsOut


class OwnedLimitsOut(Response):
    """The limits of a partner or client: its own, and what is in force."""

    object: Literal["limits"]
    tier: str
    own: OwnLimitsOut
    in_force: LimitsOut


class PartnerChange(Request):
    """What is to be different of a partner."""

    tier: Tier
