"""An example from a JSON Schema: always the same for the same schema, and always valid against it.

What the schema itself shows (`examples`, `default`, `const`, `enum`) is taken as it is; the rest is made from types and
limits. A schema can ask for what no simple rule can make; then there is no example rather than a wrong one.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

from webhooks.catalogue.schema import Schema, compile_schema, referred

_PARTS_MAX = 5_000
_ITEMS_MAX = 100
_LENGTH_MAX = 10_000
_ALTERNATIVES_MAX = 8
_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T09:30:00Z",
    "duration": "P1D",
    "email": "ada@shop.example",
    "hostname": "shop.example",
    "idn-email": "ada@shop.example",
    "idn-hostname": "shop.example",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "iri": "https://shop.example/orders/1",
    "iri-reference": "/orders/1",
    "json-pointer": "/orders/1",
    "regex": "^[a-z]+$",
    "relative-json-pointer": "1/orders",
    "time": "09:30:00Z",
    "uri": "https://shop.example/orders/1",
    "uri-reference": "/orders/1",
    "uri-template": "https://shop.example/orders/{id}",
    "uuid": "01890000-0000-7000-8000-00000000000a",
}
# Tried one after the other where a pattern is to be matched.
_TEXTS = (
    *("example", "EXAMPLE", "a", "A", "1", "aa", "AA", "EUR", "abcd", "ABCD", "12", "123", "1234", "12345", "123456"),
    *("12345678", "ABC123", "ABC-123", "abc-123", "a-1", "A-1", "order_1", "ord_123", "1.00", "+441632960001"),
    *_FORMATS.values(),
)
_TYPES_BY_KEYWORD = {
    "properties": "object",
    "required": "object",
    "additionalProperties": "object",
    "items": "array",
    "prefixItems": "array",
    "minItems": "array",
    "minimum": "number",
    "maximum": "number",
    "exclusiveMinimum": "number",
    "multipleOf": "number",
}


class NoExample(Exception):
    """No example could be made of the schema; it may show one itself under `examples`."""


def example_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Data of an event (an object) that are valid against the schema. Raises NoExample."""
    compiled, schema = compile_schema(schema), {"type": "object", **schema}
    parts = count()
    for alternative in range(_ALTERNATIVES_MAX):
        for is_full in (True, False):
            made = _try(compiled, _Maker(schema, parts, alternative, is_full=is_full))
            if made:
                return made[0]
    raise NoExample


def _try(compiled: Schema, maker: "_Maker") -> tuple[dict[str, Any], ...]:
    try:
        made = maker.make(maker.root)
    except NoExample:
        return ()
    return (made,) if isinstance(made, dict) and not compiled.errors(made) else ()


class _Maker:
    """Makes one candidate: of each choice the same alternative, with all members that are described, or few.

    `parts` counts what all candidates together consist of, so that an example takes bounded time.
    """

    def __init__(self, root: dict[str, Any], parts: Iterator[int], alternative: int, *, is_full: bool) -> None:
        self.root = root
        self._parts = parts
        self._alternative = alternative
        self._is_full = is_full

    def make(self, schema: Any, number: int = 0) -> Any:
        """A value for the schema; `number` tells the items of an array apart."""
        if next(self._parts) > _PARTS_MAX or schema is False:
            raise NoExample
        flat = self._flat(schema if isinstance(schema, dict) else {})
        shown = next(_shown(flat), None)
        if shown is not None:
            return shown[min(number, len(shown) - 1)]
        kind = _kind(flat)
        if kind == "object":
            return self._object(flat)
        if kind == "array":
            return self._array(flat)
        if kind == "string":
            return _text(flat, number)
        if kind in ("integer", "number"):
            return _number(flat, kind, number)
        return {"boolean": number % 2 == 0, "null": None}.get(kind)

    def _flat(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema with what it refers to and is composed of."""
        flat: dict[str, Any] = {}
        for part in [*self._composed(schema), schema]:
            for keyword, value in part.items():
                flat[keyword] = _joined(keyword, flat.get(keyword), value)
        return flat

    def _composed(self, schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
        parts = [referred(self.root, schema["$ref"])] if "$ref" in schema else []
        parts += schema.get("allOf", [])
        parts += [_chosen(schema[name], self._alternative) for name in ("oneOf", "anyOf") if schema.get(name)]
        return (self._flat(part) for part in parts if isinstance(part, dict))

    def _object(self, schema: dict[str, Any]) -> dict[str, Any]:
        described = schema.get("properties", {})
        required = schema.get("required", [])
        names = [*described, *(name for name in required if name not in described)] if self._is_full else required
        made = {name: self.make(described.get(name, {})) for name in names if described.get(name) is not False}
        more = schema.get("additionalProperties", {})
        for number in range(schema.get("minProperties", 0) - len(made)):
            made[f"member_{number}"] = self.make(more)
        return made

    def _array(self, schema: dict[str, Any]) -> list[Any]:
        first = schema.get("prefixItems", [])
        length = max(schema.get("minItems", 0), len(first) if self._is_full else 0)
        length = max(length, schema.get("minContains", 1)) if "contains" in schema else length
        length = max(length, 1) if self._is_full and "items" in schema else length
        if length > _ITEMS_MAX:
            raise NoExample
        rest = schema.get("items", schema.get("contains", {}))
        each = [first[number] if number < len(first) else rest for number in range(length)]
        return [self.make(item, number) for number, item in enumerate(each)][: schema.get("maxItems", length)]


def _shown(schema: dict[str, Any]) -> Iterator[list[Any]]:
    if "const" in schema:
        yield [schema["const"]]
    if schema.get("enum"):
        yield schema["enum"]
    if schema.get("examples"):
        yield schema["examples"]
    if "default" in schema:
        yield [schema["default"]]


def _kind(schema: dict[str, Any]) -> str:
    given = schema.get("type")
    if isinstance(given, list):
        return next((str(kind) for kind in given if kind != "null"), "null")
    if isinstance(given, str):
        return given
    return next((kind for keyword, kind in _TYPES_BY_KEYWORD.items() if keyword in schema), "string")


def _joined(keyword: str, before: Any, value: Any) -> Any:
    if keyword == "properties" and isinstance(before, dict):
        return {**before, **value}
    if keyword == "required" and isinstance(before, list):
        return [*before, *(name for name in value if name not in before)]
    if keyword in ("minimum", "minLength", "minItems", "exclusiveMinimum") and before is not None:
        return max(before, value)
    if keyword in ("maximum", "maxLength", "maxItems", "exclusiveMaximum") and before is not None:
        return min(before, value)
    return value


def _chosen(choices: list[Any], alternative: int) -> Any:
    return choices[alternative % len(choices)]


def _text(schema: dict[str, Any], number: int) -> str:
    least, most = schema.get("minLength", 0), schema.get("maxLength", _LENGTH_MAX)
    if least > _LENGTH_MAX:
        raise NoExample
    if "pattern" in schema:
        fits = compile_schema({key: schema[key] for key in ("pattern", "minLength", "maxLength") if key in schema})
        found = next((text for text in _TEXTS if not fits.errors(text)), None)
        if found is None:
            raise NoExample
        return found
    text = _FORMATS.get(schema.get("format", ""), "example" if number == 0 else f"example {number + 1}")
    return text.ljust(least, "x")[:most]


def _number(schema: dict[str, Any], kind: str, number: int) -> float:
    step = schema.get("multipleOf", 1)
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    most = schema.get("maximum", schema.get("exclusiveMaximum"))
    start = least if least is not None else (0 if most is None or most >= 0 else most - step)
    made = -(-start // step) * step
    if made == schema.get("exclusiveMinimum"):
        made += step
    made += number * step
    return int(made) if kind == "integer" or made == int(made) else made
