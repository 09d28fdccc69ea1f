"""Webhook endpoints on the wire. What may stand in the fields is checked in webhooks/endpoints, all of it at once."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from gateway.schemas.pages import PageQuery
from gateway.schemas.types import Id, Request, Response, given, wrong
from kernel.masked import Secret
from webhooks.endpoints.checks import fields as bounds
from webhooks.endpoints.checks.headers import HEADERS_MAX
from webhooks.endpoints.patterns import EVERYTHING
from webhooks.endpoints.urls import URL_LENGTH_MAX
from webhooks.filters.expression import LENGTH_MAX as FILTER_LENGTH_MAX


def _texts(value: Any) -> dict[str, str]:
    """Checked as a whole: names and values are the caller's own words."""
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise wrong("type", "Expected an object whose values are texts.")
    return value


def _texts_or_nulls(value: Any) -> dict[str, str | None]:
    if not isinstance(value, dict) or not all(text is None or isinstance(text, str) for text in value.values()):
        raise wrong("type", "Expected an object whose values are texts, or null to remove one.")
    return value


def _shown(kind: str, **described: Any) -> WithJsonSchema:
    """How the document shows a field. Its bounds are checked in webhooks/endpoints, whose constants they are."""
    return WithJsonSchema({"type": kind, **described})


def _texts_shown(count_max: int, **described: Any) -> WithJsonSchema:
    return _shown("object", maxProperties=count_max, additionalProperties={"type": "string", **described})


Whole = Annotated[int, Field(ge=0, le=2**31 - 1)]
Headers = Annotated[dict[str, str], BeforeValidator(_texts), _texts_shown(HEADERS_MAX)]
Metadata = Annotated[
    dict[str, str],
    BeforeValidator(_texts),
    _texts_shown(bounds.ENTRIES_MAX, maxLength=bounds.METADATA_LENGTH_MAX),
]
SecretTexts = Annotated[dict[str, str], BeforeValidator(_texts), _texts_shown(HEADERS_MAX, writeOnly=True)]
SecretTextChanges = Annotated[
    dict[str, str | None],
    BeforeValidator(_texts_or_nulls),
    _shown("object", additionalProperties={"type": ["string", "null"], "writeOnly": True}),
]
Url = Annotated[str, _shown("string", maxLength=URL_LENGTH_MAX)]
Description = Annotated[str, _shown("string", maxLength=bounds.DESCRIPTION_LENGTH_MAX)]
Merchants = Annotated[
    list[Id], _shown("array", items={"type": "string"}, maxItems=bounds.MERCHANTS_MAX, uniqueItems=True)
]
Concurrency = Annotated[Whole, _shown("integer", minimum=1, maximum=bounds.CONCURRENCY_MAX)]
Weight = Annotated[Whole, _shown("integer", minimum=1, maximum=bounds.WEIGHT_MAX)]
Burst = Annotated[Whole, _shown("integer", minimum=1, maximum=bounds.RATE_MAX)]
PerSecond = Annotated[float, _shown("number", minimum=bounds.RATE_MIN, maximum=bounds.RATE_MAX)]
Waits = Annotated[
    list[Whole],
    _shown(
        "array",
        items={"type": "integer", "minimum": 0, "maximum": bounds.DELAY_SECONDS_MAX},
        minItems=1,
        maxItems=bounds.TRIES_MAX,
    ),
]
Patterns = Annotated[
    list[str],
    _shown("array", items={"type": "string"}, minItems=1, examples=[["payment.*", "order.shipped"]]),
]
SecretIn = Annotated[Secret, WithJsonSchema({"type": "string", "writeOnly": True})]
Filter = Annotated[str, _shown("string", maxLength=FILTER_LENGTH_MAX, examples=["data.amount.value >= `10000`"])]
Scheme = Literal["v1", "v1a"]
Payload = Literal["full", "thin"]
Ownership = Literal["none", "challenge"]
Schemes = Annotated[
    list[Scheme], _shown("array", items={"type": "string", "enum": ["v1", "v1a"]}, minItems=1, uniqueItems=True)
]


class RateIn(Request):
    """At most so many sends per second on average, and `burst` at once (usually one second's worth)."""

    per_second: PerSecond
    burst: Burst | None = None


class CertificateIn(Request):
    """A client certificate that we show the receiver (mTLS): PEM of its chain, its own first, and PEM of its key."""

    certificate_chain: str
    private_key: SecretIn


class EndpointIn(Request):
    """Where events are to be sent. Without merchant_id and merchant_ids: those of all merchants.

    A filter is a JMESPath expression on {"type", "timestamp", "data"}. Values of secret_headers are never shown again.
    With ownership "challenge" nothing is sent until the receiver has answered the challenge.
    """

    url: Url
    event_types: Patterns = Field(default_factory=lambda: [EVERYTHING])
    merchant_id: Id | None = None
    merchant_ids: Merchants = Field(default_factory=list)
    filter: Filter | None = None
    payload: Payload = "full"
    ordered: bool = False
    description: Description = ""
    headers: Headers = Field(default_factory=dict)
    secret_headers: SecretTexts = Field(default_factory=dict)
    metadata: Metadata = Field(default_factory=dict)
    signatures: Schemes = Field(default=["v1"])
    concurrency: Concurrency = 10
    weight: Weight = 1
    rate: RateIn | None = None
    schedule_seconds: Waits | None = None
    ownership: Ownership = "none"
    client_certificate: CertificateIn | None = None
    secret: SecretIn | None = None


class EndpointStateChange(Request):
    """Whether an endpoint is to hear of events."""

    state: Literal["enabled", "disabled"]


class EndpointChange(Request):
    """What is to be different; what is left out stays.

    Null clears filter, rate, schedule_seconds and client_certificate. Of secret_headers those that are named change,
    and null removes one; every other field is replaced as a whole.
    """

    url: Url | None = None
    event_types: Patterns | None = None
    merchant_ids: Merchants | None = None
    filter: Filter | None = None
    payload: Payload | None = None
    ordered: bool | None = None
    description: Description | None = None
    headers: Headers | None = None
    secret_headers: SecretTextChanges | None = None
    metadata: Metadata | None = None
    signatures: Schemes | None = None
    concurrency: Concurrency | None = None
    weight: Weight | None = None
    rate: RateIn | None = None
    schedule_seconds: Waits | None = None
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
