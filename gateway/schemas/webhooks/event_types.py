"""The catalogue of event types on the wire."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from gateway.schemas.types import FreeObject, Query, Request, Response
from gateway.schemas.webhooks.events import EventType
from webhooks.catalogue.service import DESCRIPTION_LENGTH_MAX

Description = Annotated[str, Field(max_length=DESCRIPTION_LENGTH_MAX)]
VersionNumber = Annotated[int, Field(ge=1, le=32_767)]


class VersionIn(Request):
    """A version of a type: what it tells, and the JSON Schema (draft 2020-12) of its events' data.

    References stay within the schema (#/$defs/…) and form no cycles; patterns have no look-around.
    """

    data_schema: Annotated[FreeObject, Field(alias="schema")]
    description: Description = ""


class EventTypeIn(VersionIn):
    """A type of your own; this is its version 1."""

    name: EventType


class VersionChange(Request):
    """Whether events that name no version should rather be checked against another one."""

    deprecated: bool


class VersionQuery(Query):
    """Which version; without it the one that events without a version are checked against."""

    version: VersionNumber | None = None


class VersionOut(Response):
    """A version of a type."""

    version: int
    description: str
    data_schema: Annotated[dict[str, Any], Field(alias="schema")]
    deprecated: bool
    created_at: datetime | None


class EventTypeOut(Response):
    """A type; `current_version` is what events that name none are checked against."""

    name: str
    object: str
    owner: Annotated[str, Field(examples=["partner", "threadneedle"])]
    current_version: int
    versions: list[VersionOut]


class EventTypesOut(Response):
    """All types: ours, then yours."""

    data: list[EventTypeOut]


class ExampleOut(Response):
    """What receivers would get; it is valid against the schema."""

    version: int
    example: dict[str, Any]
