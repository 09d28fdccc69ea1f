"""JSON Schemas in words: what type a value has, and what an object holds."""

from collections.abc import Iterable
from typing import Any

from markupsafe import Markup

from gateway.docs.html import code, element, joined, link, markdown, table

_LIMITS = (
    ("minimum", "at least"),
    ("maximum", "at most"),
    ("minLength", "characters, at least"),
    ("maxLength", "characters, at most"),
    ("minItems", "items, at least"),
    ("maxItems", "items, at most"),
    ("pattern", "matches"),
    ("default", "default"),
)
_NOTHING: tuple[Any, ...] = (None, [], {}, "")


def place_of(name: str) -> str:
    """Where a component's schema stands on the page."""
    return f"type-{name}"


def type_of(schema: Any) -> Markup:
    """The type in a few words; one that has a name of its own is linked."""
    if not isinstance(schema, dict) or not schema:
        return Markup("anything")
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return link(place_of(name), name)
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return joined((type_of(each) for each in schema[word]), " and " if word == "allOf" else " or ")
    if "const" in schema:
        return code(schema["const"])
    if "enum" in schema:
        return joined((code(each) for each in schema["enum"]), " or ")
    return _plain(schema)


def fields(schema: dict[str, Any]) -> Markup:
    """The members of an object, each with its type, whether it is required, and its limits."""
    required = set(schema.get("required", []))
    rows = [
        (joined([code(name), _required(name in required)]), type_of(part), notes(part))
        for name, part in schema.get("properties", {}).items()
    ]
    return table(("Member", "Type", ""), rows)


def notes(schema: Any) -> Markup:
    """The description and the limits of a value."""
    if not isinstance(schema, dict):
        return Markup("")
    limits = [
        Markup("{} {}").format(words, code(value))
        for name, words in _LIMITS
        if (value := _limit(schema, name)) not in _NOTHING
    ]
    examples = [code(value) for value in schema.get("examples", [])]
    if examples:
        limits.append(Markup("e.g. {}").format(joined(examples, ", ")))
    said = markdown(schema["description"]) if "description" in schema else Markup("")
    return joined([said, element("small", joined(limits, "; ")) if limits else Markup("")])


def _limit(schema: dict[str, Any], name: str) -> Any:
    """A limit of the value, or of the one alternative that has it."""
    return next((part[name] for part in (schema, *schema.get("anyOf", ())) if name in part), None)


def _required(required: bool) -> Markup:  # noqa: FBT001 - it is the question itself
    return element("small", " required") if required else Markup("")


def _plain(schema: dict[str, Any]) -> Markup:
    kind, inner = schema.get("type", "anything"), schema.get("additionalProperties")
    if isinstance(kind, list):
        return joined(kind, " or ")
    if kind == "array":
        return Markup("list of {}").format(_items(schema))
    if kind == "object" and isinstance(inner, dict):
        return Markup("object of {}").format(type_of(inner))
    if "format" in schema:
        return Markup("{} ({})").format(kind, schema["format"])
    return Markup("{}").format(kind)


def _items(schema: dict[str, Any]) -> Markup:
    several: Iterable[Any] = schema.get("prefixItems", ())
    return joined(map(type_of, several), ", ") if several else type_of(schema.get("items"))
