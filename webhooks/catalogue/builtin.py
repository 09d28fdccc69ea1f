"""The types of events that Threadneedle emits, described as a partner describes its own."""

from collections.abc import Mapping
from typing import Any

from webhooks.catalogue.model import EventType, TypeDocument, TypeVersion

_TIME = {"type": "string", "format": "date-time"}
_MEMBERS: dict[str, dict[str, Any]] = {
    "endpoint_id": {"type": "string", "examples": ["ep_01kd4x0000e008000000000001"]},
    "reason": {"type": "string", "examples": ["failing"]},
    "failing_since": _TIME,
    "failed_deliveries": {"type": "integer", "minimum": 1},
    "delivery_id": {"type": "string", "examples": ["dlv_01kd4x0000e008000000000002"]},
    "event_id": {"type": "string", "examples": ["evt_01kd4x0000e008000000000003"]},
    "scheme": {"type": "string", "enum": ["v1", "v1a"]},
    "secret_id": {"type": "string", "examples": ["whs_01kd4x0000e008000000000004"]},
    "previous_ends_at": _TIME,
    "certificate": {"type": "string", "enum": ["receiver", "client"]},
    "expires_at": _TIME,
    "message": {"type": "string", "examples": ["This is a test event."]},
}
# Each with its sentence and the members of its data beside endpoint_id.
_OPERATIONAL: dict[str, tuple[str, tuple[str, ...]]] = {
    "endpoint.failing": (
        "Nothing has been received at the endpoint since failing_since.",
        ("failing_since", "failed_deliveries"),
    ),
    "endpoint.recovered": ("An endpoint that was failing has answered 2xx again.", ("failing_since",)),
    "endpoint.disabled": ("Nothing is sent to the endpoint any more.", ("reason",)),
    "delivery.dead": (
        "A delivery will not be tried again by itself; it can be replayed.",
        ("delivery_id", "event_id", "reason"),
    ),
    "secret.rotated": (
        "Another secret signs from now on; the one before signs as well until previous_ends_at.",
        ("scheme", "secret_id", "previous_ends_at"),
    ),
    "certificate.expiring": (
        "A TLS certificate ends soon: the receiver's, or the client's that we show the endpoint.",
        ("certificate", "expires_at"),
    ),
    "webhook_endpoint.test": ("A test event, sent on request to one endpoint.", ("message",)),
}

# What tells of an endpoint's present trouble, or tests it, is told once: made up later it would be wrong, and told to
# the endpoint that it is about it could go on for ever.
TOLD_ONCE = ("endpoint.", "delivery.", "secret.", "certificate.", "webhook_endpoint.")


def builtin_types(told: Mapping[str, TypeDocument]) -> dict[str, EventType]:
    """Our types by name: those that rooms tell of their own resources, and the operational."""
    described = dict(told) | {name: _operational(text, members) for name, (text, members) in _OPERATIONAL.items()}
    return {
        name: EventType(name=name, versions=(TypeVersion(version=1, document=document),), is_ours=True)
        for name, document in described.items()
    }


def _operational(text: str, members: tuple[str, ...]) -> TypeDocument:
    """A receiver must tolerate members that are added later, so none are forbidden."""
    names = ["endpoint_id", *members]
    properties = {name: _MEMBERS[name] for name in names}
    return TypeDocument(
        description=text, schema={"type": "object", "properties": properties, "required": sorted(names)}
    )
