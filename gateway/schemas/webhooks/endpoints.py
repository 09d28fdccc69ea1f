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


Texts = Annotated[
    dict[str, str],
    BeforeValidator(_texts),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "string"}}),
]
Patterns = Annotated[list[str], Field(examples=[["payment.*", "order.shipped"]])]
SecretIn = Annotated[Secret, WithJsonSchema({"type": "string", "writeOnly": True})]


class EndpointIn(Request):
    """Where events are to be sent. Without merchant_id: those of all merchants."""

    url: str
    event_types: Patterns = Field(default_factory=lambda: [EVERYTHING])
    merchant_id: Id | None = None
    ordered: bool = False
    description: str = ""
    headers: Texts = Field(default_factory=dict)
    metadata: Texts = Field(default_factory=dict)
    concurrency: int = 10
    secret: SecretIn | None = None


class EndpointChange(Request):
    """What is to be different; what is left out stays."""

    url: str | None = None
    event_types: Patterns | None = None
    ordered: bool | None = None
    description: str | None = None
    headers: Texts | None = None
    metadata: Texts | None = None
    concurrency: int | None = None
    state: Literal["enabled", "disabled"] | None = None

    _given = field_validator("*", mode="before")(given)


class RotationIn(Request):
    """How the signing secret changes: to one of your own, if you like; the old one signs beside it for the overlap.

    With `drop_oldest` a secret whose overlap still lasts stops signing now.
    """

    secret: SecretIn | None = None
    overlap_seconds: Annotated[int, Field(ge=0, le=31_536_000)] | None = None
    drop_oldest: bool = False


class EndpointOut(Response):
    """An endpoint. Texts that are sent along are shown by name only."""

    id: str
    object: Literal["webhook_endpoint"]
    environment: Literal["test", "live"]
    merchant_id: str | None
    url: str
    event_types: list[str]
    ordered: bool
    description: str
    header_names: list[str]
    metadata: dict[str, str]
    concurrency: int
    state: str
    state_reason: str | None
    created_at: datetime
    updated_at: datetime


class EndpointCreated(EndpointOut):
    """A new endpoint with the secret that its events are signed with."""

    secret: str


class SecretOut(Response):
    """A signing secret; without expires_at it is the current one."""

    secret: str
    created_at: datetime
    expires_at: datetime | None


class SecretsOut(Response):
    """The signing secrets in use, the current one first."""

    data: list[SecretOut]


class EndpointFilter(PageQuery):
    """Which endpoints."""

    merchant_id: Id | None = None
