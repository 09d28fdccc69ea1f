"""Schemas of partners: bounded, compiled, and asked about data without repeating them."""

from time import process_time
from typing import Any

import pytest

from webhooks.catalogue.schema import ERRORS_MAX, NODES_MAX, compile_schema

ORDER = {
    "type": "object",
    "required": ["id", "lines"],
    "properties": {
        "id": {"type": "string", "pattern": "^ord_[0-9]+$"},
        "lines": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/line"}},
        "a/b~c": {"enum": ["x"]},
    },
    "additionalProperties": False,
    "$defs": {"line": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}}},
}


def doubling(levels: int) -> dict[str, Any]:
    """Each definition refers twice to the next: small to write, and 2^levels to check."""
    definitions: dict[str, Any] = {
        f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]} for n in range(levels)
    }
    definitions[f"d{levels}"] = {"type": "object"}
    return {"$ref": "#/$defs/d0", "$defs": definitions}


def test_every_wrong_field_is_named_and_no_value_is_repeated() -> None:
    """Errors carry JSON pointers into /data, a code per keyword, and nothing of what was sent."""
    schema = compile_schema(ORDER)
    assert schema.errors({"id": "ord_1", "lines": [{"sku": "a"}]}) == []
    errors = schema.errors({"id": "planted", "lines": [{"sku": "a"}, {}, {"sku": 5}], "a/b~c": "planted", "planted": 1})
    assert {(error.pointer, error.code) for error in errors} == {
        ("/data/id", "schema_pattern"),
        ("/data/lines/1/sku", "schema_required"),
        ("/data/lines/2/sku", "schema_type"),
        ("/data/a~1b~0c", "schema_enum"),
        ("/data", "schema_additional_properties"),
    }
    assert not any("planted" in error.message for error in errors)


def test_errors_are_bounded() -> None:
    """However much is wrong, the answer has a hundred errors at most, and no pointer grows without end."""
    schema = compile_schema({"additionalProperties": {"type": "string"}})
    assert len(schema.errors({str(number): number for number in range(1_000)})) == ERRORS_MAX
    assert [error.pointer for error in schema.errors({"x" * 10_000: 1})] == ["/data"]


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"$ref": "https://example.com/schema.json"}, "references"),
        ({"$ref": "file:///etc/passwd"}, "references"),
        ({"$ref": "#/properties/a", "properties": {"a": {}}}, "references"),
        ({"$ref": "#/$defs/gone"}, "references"),
        ({"$ref": "#"}, "references"),
        ({"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}, "itself"),
        ({"$dynamicRef": "#node"}, r"\$dynamicRef"),
        ({"properties": {"a": {"$id": "https://example.com/a"}}}, "root"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "dialect"),
        ({"type": "nothing"}, "2020-12"),
        ({"properties": []}, "2020-12"),
        ({"$defs": []}, r"\$defs"),
        ({"pattern": "(?=a)b"}, "look-around"),
        ({"pattern": r"(a)\1"}, "look-around"),
        ({"pattern": "((a{100}){100}){100}"}, "look-around"),
        ({"pattern": "a" * 300}, "patterns"),
        ({"allOf": [{"pattern": "a"} for _ in range(51)]}, "patterns"),
        ({"patternProperties": {"a" * 300: {}}}, "patterns"),
        ({"description": "x" * 70_000}, "bytes"),
        (doubling(13), "parts"),
    ],
)
def test_a_schema_out_of_bounds_is_refused(schema: dict[str, Any], says: str) -> None:
    """What is no schema, leaves the document, goes in circles or is too much is refused in plain words."""
    with pytest.raises(ValueError, match=says):
        compile_schema(schema)


def test_a_deep_schema_is_refused() -> None:
    """Schemas are nested 32 deep at most, whether written so or by references."""
    deep: dict[str, Any] = {}
    for _ in range(40):
        deep = {"items": deep}
    with pytest.raises(ValueError, match="deep"):
        compile_schema(deep)
    chain = {f"d{n}": {"items": {"$ref": f"#/$defs/d{n + 1}"}} for n in range(40)} | {"d40": {}}
    with pytest.raises(ValueError, match="deep"):
        compile_schema({"$ref": "#/$defs/d0", "$defs": chain})


def test_names_that_look_like_keywords_are_names() -> None:
    """A property called $ref, or an enum of schemas, is data and not looked into."""
    schema = compile_schema({"properties": {"$ref": {"type": "string"}}, "default": {"$ref": "https://example.com"}})
    assert schema.errors({"$ref": "https://example.com"}) == []
    assert [error.pointer for error in schema.errors({"$ref": 1})] == ["/data/$ref"]


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{"anyOf": [{"type": "object"}] * 40}] * 60},
        doubling(10),
        {"additionalProperties": {"pattern": "^(a+)+$"}},
        {"properties": {"list": {"uniqueItems": True}}},
        {"allOf": [{"pattern": "[a-z]{1,40}x?" + "y" * number} for number in range(50)]},
    ],
)
def test_the_largest_schema_and_data_take_bounded_time(schema: dict[str, Any]) -> None:
    """What is within the bounds compiles and checks the largest body in well under a second of CPU."""
    data = {"text": "a" * 100_000 + "!", "list": [[number] for number in range(5_000)]}
    began = process_time()
    compile_schema(schema).errors(data)
    assert process_time() - began < 0.5
    assert NODES_MAX == 5_000
