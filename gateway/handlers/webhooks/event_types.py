"""The catalogue of event types: from calls to the webhooks room and back."""

from datetime import UTC, datetime
from typing import Any

from gateway.handlers.webhooks.endpoints.views import caller_of
from gateway.http.call import Call, Reply
from gateway.services import Services
from kernel.errors import Conflict, NotFound
from payments.view import rfc3339
from webhooks.catalogue.examples import NoExample, example_of
from webhooks.catalogue.model import EventType, TypeDocument, TypeVersion
from webhooks.endpoints.patterns import is_event_type

_VERSION_DIGITS_MAX = 4
# An example must not change from one call to the next.
_EXAMPLE_TIME = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


async def create_type(services: Services, call: Call) -> Reply:
    """Events of the type that are published after this answer are checked."""
    made = await services.event_types.create(caller_of(call), call.body.name, _document(call))
    return Reply(_type(made), headers={"Location": f"{call.request.path}/{made.name}"})


async def list_types(services: Services, call: Call) -> Reply:
    """Ours, then the partner's."""
    return Reply({"data": [_type(each) for each in await services.event_types.list(call.caller.tenant)]})


async def get_type(services: Services, call: Call) -> Reply:
    """One type."""
    return Reply(_type(await services.event_types.get(call.caller.tenant, _name(call))))


async def add_version(services: Services, call: Call) -> Reply:
    """Events that name no version are checked against this one from now on."""
    return Reply(_type(await services.event_types.add_version(caller_of(call), _name(call), _document(call))))


async def change_version(services: Services, call: Call) -> Reply:
    """Deprecated or not."""
    changed = await services.event_types.deprecate(
        caller_of(call), _name(call), _version_number(call), is_deprecated=call.body.deprecated
    )
    return Reply(_type(changed))


async def get_example(services: Services, call: Call) -> Reply:
    """Made from the schema."""
    found = await services.event_types.get(call.caller.tenant, _name(call))
    version = found.current if call.query.version is None else found.version(call.query.version)
    if version is None:
        raise NotFound
    try:
        data = example_of(version.document.schema)
    except NoExample:
        action = "Show one in the schema, under examples."
        raise Conflict("No example could be made of the schema.", code="no_example", action=action) from None
    body = {"type": found.name, "timestamp": rfc3339(_EXAMPLE_TIME), "data": data}
    return Reply({"version": version.version, "example": body})


def _document(call: Call) -> TypeDocument:
    return TypeDocument(description=call.body.description, schema=call.body.data_schema)


def _name(call: Call) -> str:
    name = call.path_text("name")
    if not is_event_type(name):
        raise NotFound
    return name


def _version_number(call: Call) -> int:
    text = call.path_text("version")
    if not (text.isascii() and text.isdigit() and len(text) <= _VERSION_DIGITS_MAX):
        raise NotFound
    return int(text)


def _type(found: EventType) -> dict[str, Any]:
    return {
        "name": found.name,
        "object": "event_type",
        "owner": "threadneedle" if found.is_ours else "partner",
        "current_version": found.current.version,
        "versions": [_version(version) for version in found.versions],
    }


def _version(version: TypeVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "description": version.document.description,
        "schema": version.document.schema,
        "deprecated": version.is_deprecated,
        "created_at": None if version.created_at is None else rfc3339(version.created_at),
    }
