"""What a partner may publish: everything that can be refused is refused here, before it waits for a batch."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from kernel.clock import Clock
from kernel.errors import FieldError, Invalid
from kernel.ids import Tenant, new_id
from webhooks.catalogue.memory import UNTYPED, Typing
from webhooks.endpoints.patterns import TYPE_LENGTH_MAX, is_event_type
from webhooks.events.model import NewEvent
from webhooks.queue.port import Priority
from webhooks.values import value

# Types that only we emit; a receiver may rely on it.
RESERVED_BEGINNINGS = (
    "payment.",
    "consent.",
    "endpoint.",
    "delivery.",
    "secret.",
    "certificate.",
    "webhook_endpoint.",
)
_KEY_LENGTH_MAX = 255
# orjson writes NUL as \u0000; an even number of backslashes before it is text about NUL, not NUL.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishPolicy:
    """How large an event's data may be, as JSON, and how many events one call may bring."""

    data_bytes_max: int = 262_144
    events_max: int = 1_000


@value
class EventRequest:
    """An event as a partner publishes it.

    `key` is the partner's own id of the event: publishing it again has no effect. `ordering_key` is any text of the
    partner's; events that share it arrive in order at ordered endpoints. Without `occurred_at` it is now. With
    priority HIGH it overtakes others on its way to each endpoint. `type_version` names a version in the partner's
    catalogue; without it, the newest that is not deprecated.
    """

    type: str
    data: dict[str, Any]
    merchant_id: UUID | None = None
    occurred_at: datetime | None = None
    key: str | None = None
    ordering_key: str | None = None
    priority: Priority = Priority.NORMAL
    type_version: int | None = None


def check(request: EventRequest, policy: PublishPolicy) -> list[FieldError]:
    """Every field that is wrong."""
    return [*_check_type(request.type), *_check_data(request.data, policy), *_check_rest(request)]


def is_reserved_type(event_type: str) -> bool:
    """Whether it begins as ours do, in whatever case: a reader who does not mind the case would take it for ours."""
    return event_type.lower().startswith(RESERVED_BEGINNINGS)


def new_event(tenant: Tenant, request: EventRequest, clock: Clock, typing: Typing = UNTYPED) -> NewEvent:
    """The event of a request without errors; `typing` is what the catalogue found."""
    now = clock.now()
    return NewEvent(
        tenant=tenant,
        id=new_id(now),
        type=request.type,
        merchant_id=request.merchant_id,
        occurred_at=request.occurred_at or now,
        data=request.data,
        ordering_key=_ordering_key(tenant, request.ordering_key),
        key_digest=_digest(request.key.encode()) if request.key is not None else None,
        fingerprint=_fingerprint(request) if request.key is not None else None,
        priority=request.priority,
        type_version=typing.version,
        catalogue_version=typing.catalogue_version,
    )


def refuse(errors: list[FieldError]) -> Invalid:
    """The error to raise for wrong fields."""
    return Invalid(errors, "The event has fields that are not valid.")


def _check_type(event_type: str) -> list[FieldError]:
    if not is_event_type(event_type):
        message = f"must be dotted identifiers of letters, digits and _, {TYPE_LENGTH_MAX} characters at most"
        return [FieldError(pointer="/type", code="event_type_invalid", message=message)]
    if is_reserved_type(event_type):
        message = "must not begin with " + " or ".join(RESERVED_BEGINNINGS)
        return [FieldError(pointer="/type", code="event_type_reserved", message=message)]
    return []


def _check_data(data: dict[str, Any], policy: PublishPolicy) -> list[FieldError]:
    try:
        encoded = orjson.dumps(data)
    except TypeError:
        return [FieldError(pointer="/data", code="not_json", message="must be JSON, nested 200 deep at most")]
    if len(encoded) > policy.data_bytes_max:
        message = f"must have {policy.data_bytes_max} bytes as JSON at most"
        return [FieldError(pointer="/data", code="too_large", message=message)]
    if b"\\u0000" in encoded and _NUL.search(encoded):
        return [FieldError(pointer="/data", code="nul_character", message="must not contain the character NUL")]
    return []


def _check_rest(request: EventRequest) -> list[FieldError]:
    errors = []
    for name, text in (("id", request.key), ("ordering_key", request.ordering_key)):
        if text is not None and (not 1 <= len(text) <= _KEY_LENGTH_MAX or "\0" in text):
            message = f"must have 1 to {_KEY_LENGTH_MAX} characters, none of them NUL"
            errors.append(FieldError(pointer=f"/{name}", code="length", message=message))
    if request.occurred_at is not None and request.occurred_at.tzinfo is None:
        errors.append(FieldError(pointer="/timestamp", code="no_offset", message="must have an offset from UTC"))
    return errors


def _ordering_key(tenant: Tenant, text: str | None) -> UUID | None:
    """The column is a UUID and holds nothing that partners wrote; equal texts of a tenant give equal keys."""
    if text is None:
        return None
    return UUID(bytes=_digest(tenant.partner_id.bytes + tenant.environment.encode() + text.encode())[:16])


def _fingerprint(request: EventRequest) -> bytes:
    kind = (request.type, request.type_version)
    merchant_id = None if request.merchant_id is None else str(request.merchant_id)
    fields = (kind, merchant_id, request.occurred_at, request.ordering_key, request.data)
    return _digest(orjson.dumps(fields, option=orjson.OPT_SORT_KEYS))


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()
