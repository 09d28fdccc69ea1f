"""The webhooks that merchants receive: one for each type of event that is ours."""

from collections.abc import Mapping
from typing import Any

from gateway.openapi.schemas import Json
from webhooks.catalogue.examples import example_of
from webhooks.catalogue.model import EventType, TypeDocument

_TIMESTAMP = "2026-01-31T09:30:00.000Z"


def _header(name: str, description: str, example: str, *, required: bool = True) -> Json:
    schema = {"type": "string"}
    described = {"name": name, "in": "header", "required": required, "description": description}
    return {**described, "schema": schema, "example": example}


HEADERS = (
    _header(
        "webhook-id",
        "The event's id: the same for every try, every endpoint and every replay. Drop what you have seen.",
        "evt_01kd4x0000e008000000000003",
    ),
    _header(
        "webhook-timestamp", "When this try was made, in Unix seconds. Refuse one that is minutes off.", "1769851800"
    ),
    _header(
        "webhook-signature",
        "One signature or several with spaces between, each `v1,` and a base64 HMAC-SHA256, or `v1a,` and a base64 "
        "Ed25519 signature, of `{webhook-id}.{webhook-timestamp}.{body}` (Standard Webhooks 1.0.0).",
        "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    ),
    _header("webhook-sequence", "The endpoint's own count of messages, without gaps.", "42", required=False),
    _header("threadneedle-delivery", "The delivery's id.", "dlv_01kd4x0000e008000000000002"),
    _header("threadneedle-attempt", "Which try of this round it is, from 1.", "1"),
    _header("threadneedle-cause", "Why it was tried now, e.g. `first`, `retry` or `replay`.", "first"),
    _header(
        "threadneedle-test",
        "`true` in a test event, whose body has the member `test` too; left out in every other message.",
        "true",
        required=False,
    ),
    _header("threadneedle-replay", "Which replay round it is; left out for the first.", "1", required=False),
)
_DELIVERY: Json = {
    "webhook-delivery": {
        "description": "`disable` ends all deliveries to this endpoint, `abort-message` those of this message.",
        "schema": {"type": "string", "enum": ["disable", "abort-message"]},
    }
}
_RETRY: Json = {
    "Retry-After": {
        "description": "When to try again, seconds or a date: never earlier, and a day later at most.",
        "schema": {"type": "string"},
    },
}
_ANSWERS: Json = {
    "2XX": {
        "description": "You have it; it is not sent again by itself. `disable` is heard here too.",
        "headers": _DELIVERY,
    },
    "410": {"description": "You want no more: the endpoint is disabled."},
    "default": {
        "description": "Anything else, a redirect too, is tried again on the endpoint's schedule.",
        "headers": {**_RETRY, **_DELIVERY},
    },
}
_THIN: Json = {
    "type": "object",
    "description": "What an endpoint with `payload` `thin` gets: the event is read at `/v1/events/{event_id}`.",
    "properties": {"id": {"type": "string"}, "object": {"type": "string", "const": "event"}},
    "required": ["id", "object"],
}

# What of a consent is in no event.
_SECRETS: Json = {"authorisation": None, "return_url": None}
# Events that tell something else than a status, and the status that their example has.
_BESIDE = {"needs_operator": "outcome_unknown"}
# What of a payment goes with its status, where the bank has not said a word and where it has.
_NO_WORD: Json = {
    "status_final": False,
    "reports_expected_until": None,
    "iso_status": None,
    "raw_status": None,
    "finality": "none",
    "recovery": None,
}
_UNTIL: Json = {"reports_expected_until": "2026-02-05T09:30:00.000Z"}
_END: Json = {**_NO_WORD, "status_final": True}
_PAYMENTS: Mapping[str, Json] = {
    "accepted": {**_NO_WORD, "iso_status": "ACSP"},
    "settled": {**_NO_WORD, **_UNTIL, "iso_status": "ACSC", "finality": "debtor_settled"},
    "completed": {**_END, "iso_status": "ACCC", "finality": "creditor_credited"},
    **dict.fromkeys(("returned", "rejected", "cancelled", "expired"), _END),
    "outcome_unknown": {
        **_NO_WORD,
        "recovery": {"strategy": "enquire", "next_check_at": "2026-01-31T09:30:10.000Z", "evidence": []},
    },
    "needs_operator": {**_NO_WORD, "recovery": {"strategy": "hold", "next_check_at": None, "evidence": []}},
}


def event_types(sentences: Mapping[str, str], schema: Json, shown: Json) -> dict[str, TypeDocument]:
    """Events about a resource of the API by name, each with its sentence and an example: `shown`, in its status."""
    return {
        name: TypeDocument(description=text, schema={**schema, "examples": [_resource(name, shown)]})
        for name, text in sentences.items()
    }


def _resource(name: str, shown: Json) -> Json:
    subject, _, status = name.partition(".")
    words = _PAYMENTS.get(status, _NO_WORD) if subject == "payment" else _SECRETS
    return {**shown, **words, "status": _BESIDE.get(status, status)}


def webhooks(types: Mapping[str, EventType], references: Mapping[str, Json]) -> Json:
    """By the type's name. `references` name the API's own schemas, by what stands before the dot of the types."""
    return {name: {"post": _operation(found, references)} for name, found in sorted(types.items())}


def _operation(found: EventType, references: Mapping[str, Json]) -> Json:
    document = found.current.document
    schema = references.get(found.name.partition(".")[0], document.schema)
    data = example_of(document.schema)
    body: Json = {
        "schema": _body(found.name, schema),
        "example": {"type": found.name, "timestamp": _TIMESTAMP, "data": data},
    }
    return {
        "operationId": "on_" + found.name.replace(".", "_"),
        "summary": document.description,
        "tags": ["webhooks"],
        "parameters": list(HEADERS),
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": _ANSWERS,
        "security": [],
    }


def _body(name: str, data: Json) -> Json:
    properties: dict[str, Any] = {
        "type": {"type": "string", "const": name},
        "timestamp": {"type": "string", "format": "date-time", "description": "When it happened."},
        "data": {"anyOf": [data, _THIN]},
        "test": {
            "type": "boolean",
            "const": True,
            "description": "Only in a test event, whose data are an example: nothing of it has happened. Book nothing.",
        },
    }
    return {"type": "object", "properties": properties, "required": ["type", "timestamp", "data"]}
