"""Banks on the wire: what they can do and take, and how they fare."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from adapters.declaration import OperationKind, Rail
from gateway.schemas.types import Request, Response, wrong


def _rail(value: str) -> str:
    return _one_of(value, [*Rail])


def _operation(value: str) -> str:
    return _one_of(value, [*OperationKind])


def _one_of(value: str, known: list[str]) -> str:
    if value not in known:
        raise wrong("unknown_value", f"Expected one of: {', '.join(known)}.")
    return value


BankId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
RailName = Annotated[str, AfterValidator(_rail), WithJsonSchema({"type": "string", "enum": [*Rail]})]
OperationName = Annotated[
    str, AfterValidator(_operation), WithJsonSchema({"type": "string", "enum": sorted(OperationKind)})
]
_BANKS_MAX = 20


class RoutingIn(Request):
    """How the bank is chosen. Banks that cannot take the payment are left out; of the others the best one is taken.

    `banks` are the only ones that may be used, the earlier the better. The bank must pay by this `rail` and have the
    operations that you need, such as `cancel`. With `same_day` its cut-off must not have passed.
    """

    banks: Annotated[list[BankId], Field(max_length=_BANKS_MAX)] = Field(default_factory=list)
    rail: RailName | None = None
    needs: Annotated[list[OperationName], Field(max_length=len(OperationKind))] = Field(default_factory=list)
    same_day: bool = False


class CurrencyRuleOut(Response):
    """One currency at this bank: the bank's own number of digits, and the least and most in ISO minor units."""

    currency: str
    exponent: int
    value_min: int
    value_max: int


class FieldLimitOut(Response):
    """What is taken in one field of a payment there; `charset` is the inside of a regular expression's class."""

    pointer: str
    min_length: int
    max_length: int
    charset: str


class WantedFieldOut(Response):
    """A field that this bank needs, or that is better sent to it: of payments, of consents, or of both."""

    pointer: str
    requests: list[Literal["payments", "consents"]]


class QuotaOut(Response):
    """At most so many calls of these kinds in any window."""

    operations: list[str]
    requests: int
    window_seconds: int


class CutOffOut(Response):
    """The time of day until which the bank executes a currency's payments on the same day."""

    currency: str
    at: str
    time_zone: str


class CapabilitiesOut(Response):
    """What the bank's protocol declares.

    `fields` are the lengths and characters that both this API and the bank take. `required` is what to send beside what
    each payment and consent has, `recommended` what may be missing where you name the bank: without `/return_url`
    payers end on a page of ours. `recovery` says for each operation what is done when its outcome is
    unknown: the same request again (resend), a question (enquire), or nothing by machine (hold). An enquiry that finds
    nothing proves that the bank never took a payment after `absence_proven_after_seconds`; null is never. Reports
    of a payment go as far as `last_word`, and end when nothing new was heard for `silent_after_seconds`. `reads` are
    the calls of account information, and `unattended_reads_a_day` how often each account may be read in 24 hours
    without its holder; null is as often as one likes.
    """

    protocol: str
    rails: list[str]
    operations: list[str]
    notifications: bool
    accounts: list[str]
    currencies: list[CurrencyRuleOut]
    fields: list[FieldLimitOut]
    required: list[WantedFieldOut]
    recommended: list[WantedFieldOut]
    reads: list[str]
    unattended_reads_a_day: int | None
    quotas: list[QuotaOut]
    cut_offs: list[CutOffOut]
    recovery: dict[str, str]
    enquiry_keys: list[str]
    idempotency_window_seconds: int | None
    absence_proven_after_seconds: int | None
    last_word: str
    silent_after_seconds: int


class BankHealthOut(Response):
    """How the bank fared in the last `window_seconds`, over all processes; known within about five seconds.

    `idle` means that nobody called it, so nobody knows. Failed are calls without an answer, or with a server error.
    """

    state: Literal["suspended", "paused", "failing", "healthy", "idle"]
    calls: int
    failures: int
    error_share: float | None
    paused_until: datetime | None
    window_seconds: int


class BankOut(Response):
    """A bank that payments can be made through."""

    id: str
    object: Literal["bank"]
    name: str
    environment: Literal["test", "live"]
    available: bool
    currencies: list[str]
    capabilities: CapabilitiesOut
    health: BankHealthOut
