"""Webhook endpoints on the wire. What may stand in the fields is checked in webhooks/endpoints, all of it at once."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from gateway.schemas.pages import PageQuery
from gateway.schemas.types import Id, Request, Response, given, wrong
from kernel.masked import Secret
from webhooks.endpoints.patterns import EVERYTHING


def _texts(value: Any) -> dict[str, str]:
    """Checked as a whole: names and values are the caller's own words."""
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise wrong("type", "Expected an object whose values are texts.")
    return value


def _texts_or_nulls(value: Any) -> dict[str, str | None]:
    if not isinstance(value, dict) or not all(text is None or isinstance(text, str) for text in value.values()):
        raise wrong("type", "Expected an object whose values are texts, or null to remove one.")
    return value


Texts = Annotated[
    dict[str, str],
    BeforeValidator(_texts),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "string"}}),
]
SecretTexts = Annotated[
    dict[str, str],
    BeforeValidator(_texts),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "string", "writeOnly": True}}),
]
SecretTextChanges = Annotated[
    dict[str, str | None],
    BeforeValidator(_texts_or_nulls),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": ["string", "null"], "writeOnly": True}}),
]
Patterns = Annotated[list[str], Field(examples=[["payment.*", "order.shipped"]])]
SecretIn = Annotated[Secret, WithJsonSchema({"type": "string", "writeOnly": True})]
Filter = Annotated[str, Field(examples=["data.amount.value >= `10000`"])]
Scheme = Literal["v1", "v1a"]
Payload = Literal["full", "thin"]
Ownership = Literal["none", "challenge"]
Whole = Annotated[int, Field(ge=0, le=2**31 - 1)]


class RateIn(Request):
    """At most so many sends per second on average, and `burst` at once (usually one second's worth)."""

    per_second: float
    burst: Whole | None = None


class CertificateIn(Request):
    """A client certificate that we show the receiver (mTLS): PEM of its chain, its own first, and PEM of its key."""

    certificate_chain: str
    private_key: SecretIn


class EndpointIn(Request):
    """Where events are to be sent. Without merchant_id and merchant_ids: those of all merchants.

    A filter is a JMESPath expression on {"type", "timestamp", "data"}. Values of secret_headers are never shown again.
    With ownership "challenge" nothing is sent until the receiver has answered the challenge.
    """

    url: str
    event_types: Patterns = Field(default_factory=lambda: [EVERYTHING])
    merchant_id: Id | None = None
    merchant_ids: list[Id] = Field(default_factory=list)
    filter: Filter | None = None
    payload: Payload = "full"
    ordered: bool = False
    description: str = ""
    headers: Texts = Field(default_factory=dict)
    secret_headers: SecretTexts = Field(default_factory=dict)
    metadata: Texts = Field(default_factory=dict)
    signatures: list[Scheme] = Field(default=["v1"])
    concurrency: Whole = 10
    weight: Whole = 1
    rate: RateIn | None = None
    schedule_seconds: list[Whole] | None = None
    ownership: Ownership = "none"
    client_certificate: CertificateIn | None = None
    secret: SecretIn | None = None


class EndpointChange(Request):
    """What is to be different; what is left out stays.

    Null clears filter, rate, schedule_seconds and client_certificate. Of secret_headers those that are named change,
    and null removes one; every other field is replaced as a whole.
    """

    url: str | None = None
    event_types: Patterns | None = None
    merchant_ids: list[Id] | None = None
    filter: Filter | None = None
    payload: Payload | None = None
    ordered: bool | None = None
    description: str | None = None
    headers: Texts | None = None
    secret_headers: SecretTextChanges | None = None
    metadata: Texts | None = None
    signatures: list[Scheme] | None = None
    concurrency: Whole | None = None
    weight: Whole | None = None
    rate: RateIn | None = None
    schedule_seconds: list[Whole] | None = None
    ownership: Ownership | None = None
    client_certificate: CertificateIn | None = None
    state: Literal["enabled", "disabled"] | None = None

    _given = field_validator(
        "url",
        "event_types",
        "merchant_ids",
        "payload",
        "ordered",
        "description",
        "headers",
        "secret_headers",
        "metadata",
        "signatures",
        "concurrency",
        "weight",
        "ownership",
        "state",
        mode="before",
    )(given)


class RateOut(Response):
    """A token bucket."""

    per_second: float
    burst: int


class CertificateOut(Response):
    """The client certificate's end and fingerprint."""

    expires_at: datetime
    sha256: str


class EndpointOut(Response):
    """An endpoint. Secret headers are shown by name only.

    `held_at`: it kept failing, so it is only probed until it answers. `jwks_path` leads to the public keys of v1a.
    """

    id: str
    object: Literal["webhook_endpoint"]
    environment: Literal["test", "live"]
    merchant_id: str | None
    merchant_ids: list[str]
    url: str
    event_types: list[str]
    filter: str | None
    payload: Payload
    ordered: bool
    description: str
    headers: dict[str, str]
    secret_header_names: list[str]
    metadata: dict[str, str]
    signatures: list[Scheme]
    concurrency: int
    weight: int
    rate: RateOut | None
    schedule_seconds: list[int] | None
    client_certificate: CertificateOut | None
    jwks_path: str
    ownership: Ownership
    proven_at: datetime | None
    state: str
    state_reason: str | None
    disabled_at: datetime | None
    paused_at: datetime | None
    held_at: datetime | None
    created_at: datetime
    updated_at: datetime


class EndpointCreated(EndpointOut):
    """A new endpoint with the secret of v1 and the public key of v1a."""

    secret: str
    public_key: str


class ReplayHint(Response):
    """An endpoint that was just enabled heard of nothing since then; a replay would send it."""

    since: datetime
    action: str


class EndpointChanged(EndpointOut):
    """A changed endpoint. Enabling it starts no replay; `replay_hint` says what one would cover, if that is known."""

    replay_hint: ReplayHint | None


class EndpointFilter(PageQuery):
    """Which endpoints."""

    merchant_id: Id | None = None
