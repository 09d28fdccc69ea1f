"""Values that an official API file allows, for Hypothesis: optional fields there or not, lists short or empty."""

import base64
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from hypothesis import strategies as st

from tests.support.official import OfficialApi

_DEPTH_MAX = 4
_WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
_FORMATS: dict[str, st.SearchStrategy[str]] = {
    "date": st.dates().map(lambda day: day.isoformat()),
    "date-time": st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat()),
    "uuid": st.uuids().map(str),
    "ipv4": st.ip_addresses(v=4).map(str),
    "byte": st.binary(max_size=12).map(lambda raw: base64.b64encode(raw).decode()),
}


def values_of(api: OfficialApi, schema: Mapping[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:
    """Every value of the schema, so deep; what lies deeper has only what it needs."""
    whole = api.resolved(schema) or {}
    for word in ("oneOf", "anyOf"):
        if word in whole:
            return st.one_of([values_of(api, each, depth) for each in whole[word]])
    if "enum" in whole:
        return st.sampled_from(whole["enum"])
    match whole.get("type", "object" if "properties" in whole else None):
        case "object":
            return _objects(api, whole, depth)
        case "array":
            size = min(whole.get("maxItems", 2), 2) if depth < _DEPTH_MAX else whole.get("minItems", 0)
            return st.lists(values_of(api, whole["items"], depth + 1), min_size=whole.get("minItems", 0), max_size=size)
        case _:
            return _scalars(whole)


def _scalars(whole: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    match whole.get("type"):
        case "string":
            return _strings(whole)
        case "boolean":
            return st.booleans()
        case "integer" | "number":
            return st.integers(whole.get("minimum", 0), whole.get("maximum", 10**6))
        case _:
            return st.none() | _WORDS


def _objects(api: OfficialApi, whole: Mapping[str, Any], depth: int) -> st.SearchStrategy[dict[str, Any]]:
    properties, needed = whole.get("properties", {}), set(whole.get("required", ()))
    made = {
        name: values_of(api, each, depth + 1) for name, each in properties.items() if _is_there(name, needed, depth)
    }
    required = {name: each for name, each in made.items() if name in needed}
    optional = {name: each for name, each in made.items() if name not in needed}
    return st.fixed_dictionaries(required, optional=optional)


def _is_there(name: str, needed: set[str], depth: int) -> bool:
    return name in needed or depth < _DEPTH_MAX


def _strings(whole: Mapping[str, Any]) -> st.SearchStrategy[str]:
    low, high = whole.get("minLength", 0), whole.get("maxLength", 12)
    if "pattern" in whole:
        inner = whole["pattern"].removeprefix("^(?:").removesuffix(")$").removeprefix("^").removesuffix("$")
        return st.from_regex(inner, fullmatch=True).filter(lambda text: low <= len(text) <= max(high, 200))
    found = _FORMATS.get(whole.get("format", ""))
    return found if found is not None else st.text(st.characters(codec="utf-8"), min_size=low, max_size=min(high, 40))
