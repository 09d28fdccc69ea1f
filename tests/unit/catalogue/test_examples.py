"""Examples are made from schemas, always the same and always valid."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from gateway.openapi import OUR_EVENTS
from kernel.ids import Environment, Tenant
from payments.calls.news import EVENT_SENTENCES, NEEDS_OPERATOR
from payments.states.names import FINAL_STATUSES
from webhooks.catalogue.examples import NoExample, example_of
from webhooks.catalogue.schema import compile_schema
from webhooks.events.requests import RESERVED_BEGINNINGS
from webhooks.health import notices
from webhooks.states import SignatureScheme

OURS = OUR_EVENTS
_NOW = datetime(2026, 1, 31, tzinfo=UTC)
_ABOUT = notices.EndpointRef(Tenant(UUID(int=1), Environment.LIVE), UUID(int=2))
_NOTICES = (
    notices.endpoint_failing(_ABOUT, _NOW, failing_since=_NOW, failed_deliveries=3),
    notices.endpoint_recovered(_ABOUT, _NOW, failing_since=_NOW),
    notices.endpoint_disabled(_ABOUT, _NOW, reason="failing"),
    notices.delivery_dead(_ABOUT, _NOW, delivery_id=UUID(int=3), event_id=UUID(int=4), reason="steps_used"),
    notices.secret_rotated(_ABOUT, _NOW, scheme=SignatureScheme.V1A, secret_id=UUID(int=5), previous_ends_at=_NOW),
    notices.certificate_expiring(_ABOUT, _NOW, expires_at=_NOW),
)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "properties": {"a": {"type": "integer", "minimum": 5, "multipleOf": 3}}},
        {"properties": {"a": {"exclusiveMinimum": 4}, "b": {"maximum": -2}, "c": {"type": ["null", "boolean"]}}},
        {"properties": {"t": {"minLength": 30}, "u": {"maxLength": 2}, "v": {"pattern": "^[A-Z]{3}$"}}},
        {"properties": {"l": {"type": "array", "minItems": 3, "uniqueItems": True, "items": {"type": "string"}}}},
        {"properties": {"l": {"prefixItems": [{"const": 1}, {"type": "string"}], "items": False}}},
        {"properties": {"l": {"contains": {"const": "x"}, "minContains": 2}}},
        {"allOf": [{"required": ["a"]}, {"properties": {"a": {"enum": ["x", "y"]}}}], "minProperties": 3},
        {"oneOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"properties": {"a": {"const": 2}}}]},
        {"anyOf": [False, {"required": ["b"], "properties": {"b": {"type": "number"}}}]},
        {"$ref": "#/$defs/o", "$defs": {"o": {"properties": {"at": {"format": "date-time"}}, "required": ["at"]}}},
        {"properties": {"never": False, "always": True}, "required": ["always"]},
        {"examples": [{"shown": True}], "required": ["shown"]},
        {"properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "maxProperties": 1, "required": ["b"]},
        {
            "properties": {
                name: {"format": name} for name in ("email", "uri", "uuid", "date", "time", "ipv6", "duration")
            }
        },
    ],
)
def test_an_example_is_valid_and_always_the_same(schema: dict[str, Any]) -> None:
    """An example holds to its schema, and asking again gives the same."""
    made = example_of(schema)
    assert compile_schema(schema).errors(made) == []
    assert example_of(schema) == made


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"pattern": "^x{7}y{9}$"}}, "required": ["a"]},
        {"type": "string"},
        {"minProperties": 1_000_000_000},
        {"properties": {"a": {"minItems": 1_000_000_000}}, "required": ["a"]},
        {"not": {}},
    ],
)
def test_no_example_rather_than_a_wrong_one(schema: dict[str, Any]) -> None:
    """Where no simple rule makes a valid one, there is none."""
    with pytest.raises(NoExample):
        example_of(schema)


@pytest.mark.parametrize("name", OURS)
def test_our_types_have_sentences_schemas_and_examples(name: str) -> None:
    """Each of our types is reserved for us, says what it tells, and has an example that is valid."""
    current = OURS[name].current.document
    assert OURS[name].is_ours
    assert name.startswith(RESERVED_BEGINNINGS)
    assert current.description
    assert compile_schema(current.schema).errors(example_of(current.schema)) == []


def test_the_example_of_a_payments_event_is_such_a_payment() -> None:
    """A merchant that asks for a test event gets one that its code can read, in the event's own status."""
    for name in EVENT_SENTENCES:
        example = example_of(OURS[name].current.document.schema)
        assert name in {f"payment.{example['status']}", NEEDS_OPERATOR}
        assert example["status_final"] == (example["status"] in FINAL_STATUSES)
        assert example["amount"]["value"] > 0


@pytest.mark.parametrize("notice", _NOTICES, ids=lambda notice: notice.type)
def test_operational_events_hold_to_their_schemas(notice: Any) -> None:
    """What the engine tells is what the catalogue says, with every member required that is always there."""
    schema = OURS[notice.type].current.document.schema
    assert compile_schema(schema).errors(notice.data) == []
    assert set(notice.data) == set(schema["required"])


def test_the_catalogue_has_all_operational_events() -> None:
    """No type that the engine emits is missing."""
    assert {notice.type for notice in _NOTICES} == set(notices.NoticeType)
    assert set(notices.NoticeType) <= set(OURS)
