"""An event before and after it is written."""

from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy

from kernel.ids import Environment, Kind, Tenant, to_text
from webhooks.filters.expression import Filter
from webhooks.queue.port import Job, Priority
from webhooks.values import value

# A connection of the caller's, in a transaction of the caller's.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

_TEST = {"test": True}
_TEST_END = b',"test":true}'
_OFFSET_LENGTH = len("+00:00")


@value
class NewEvent:
    """A fact to be told.

    `id` is a UUIDv7 made now (it chooses the partition); `occurred_at` is when it happened. `data` becomes the body
    {"type", "timestamp", "data"}. `ordering_key` (a payment's id) keeps order at ordered endpoints. `key_digest` is the
    SHA-256 of the partner's own event id and `fingerprint` that of what it published: both or neither. With
    `endpoint_id` it is a test event: it goes to that endpoint alone, whatever types it listens to, and its body ends
    with the member "test". With
    `about_endpoint_id` it tells of that endpoint's own trouble and never goes to it. `type_version` is that of the
    partner's catalogue, as of `catalogue_version`: under another one the event is not written.
    """

    tenant: Tenant
    id: UUID
    type: str
    merchant_id: UUID | None
    occurred_at: datetime
    data: dict[str, Any]
    ordering_key: UUID | None = None
    key_digest: bytes | None = None
    fingerprint: bytes | None = None
    endpoint_id: UUID | None = None
    about_endpoint_id: UUID | None = None
    priority: Priority = Priority.NORMAL
    type_version: int | None = None
    catalogue_version: int | None = None


@value
class Written:
    """What stands in the database: `jobs` are the deliveries to offer to the queue once the transaction committed.

    `repeated` says that the partner's key was known: `event_id` is then the first event's, and nothing was inserted.
    """

    event_id: UUID
    matched: int
    jobs: tuple[Job, ...] = ()
    repeated: bool = False


class FilterAnswers:
    """What filters said about the body of one event. Endpoints that share an expression share its evaluation."""

    __slots__ = ("_event", "_said")

    def __init__(self, event: NewEvent) -> None:
        self._event = event
        self._said: dict[Filter, bool] = {}

    def passes(self, chosen: Filter) -> bool:
        """Whether the filter matches the body that receivers get."""
        said = self._said.get(chosen)
        if said is None:
            said = self._said[chosen] = chosen.matches(content_of(self._event))
        return said


@value
class SealedEvent:
    """An event whose body is built and sealed: what is signed and sent later is exactly what is sealed here."""

    event: NewEvent
    sealed_body: bytes
    answers: FilterAnswers


def body_of(event: NewEvent) -> bytes:
    """The JSON that receivers get. Raises TypeError (orjson's JSONEncodeError) for data that JSON cannot hold."""
    return orjson.dumps(content_of(event))


def content_of(event: NewEvent) -> dict[str, Any]:
    """The body before it is JSON: what filters look at."""
    content = {"type": event.type, "timestamp": _time(event.occurred_at), "data": event.data}
    return {**content, **_TEST} if event.endpoint_id is not None else content


def is_test_body(body: bytes) -> bool:
    """Whether it is a test event's body. Every other one ends with its data, which are an object."""
    return body.endswith(_TEST_END)


def thin_body(
    event_id: UUID, environment: Environment, event_type: str, occurred_at: datetime, *, is_test: bool = False
) -> bytes:
    """What an endpoint with thin payloads gets in place of the body: the same bytes at every attempt.

    Its "data" names the event only, {"id": "evt_…", "object": "event"}: the receiver fetches it if it wants more.
    """
    data = {"id": to_text(Kind.EVENT, event_id, environment), "object": "event"}
    content = {"type": event_type, "timestamp": _time(occurred_at), "data": data}
    return orjson.dumps({**content, **_TEST} if is_test else content)


def body_context(event_id: UUID) -> bytes:
    """What binds a sealed body to its row of events."""
    return b"events.body:" + event_id.bytes


def _time(at: datetime) -> str:
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds")[:-_OFFSET_LENGTH] + "Z"
