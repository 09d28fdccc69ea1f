"""A JSON Schema (draft 2020-12) of a partner's: bounded before it is compiled, and asked about data.

References stay within the document and form no cycles, and counted with all that they refer to, a schema has at most
`NODES_MAX` parts; patterns are of RE2's kind, which match in linear time. So the time of a validation is bounded by the
size of schema times data, and nothing is ever fetched.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import orjson
from jsonschema_rs import Draft202012Validator, ReferencingError, RegexOptions, ValidationError, ValidationErrorKind

from kernel.errors import FieldError

DIALECT = "https://json-schema.org/draft/2020-12/schema"
BYTES_MAX = 65_536
NODES_MAX = 5_000
DEPTH_MAX = 32
PATTERNS_MAX = 50
PATTERN_LENGTH_MAX = 256
ERRORS_MAX = 100
_PATTERN_BYTES_MAX = 262_144
_POINTER_LENGTH_MAX = 512
_DEFINITIONS = "#/$defs/"
_REFUSED_KEYWORDS = ("$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$anchor", "$vocabulary")
_ONE = (
    *("additionalProperties", "contains", "contentSchema", "else", "if", "items", "not", "propertyNames", "then"),
    *("unevaluatedItems", "unevaluatedProperties"),
)
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_MAPS = ("dependentSchemas", "patternProperties", "properties")

# What each keyword wants, in words that repeat neither schema nor data.
_SENTENCES = {
    "additionalProperties": "must have no members but those that the schema names",
    "const": "must be the value that the schema gives",
    "enum": "must be one of the values that the schema lists",
    "format": "must have the format that the schema names",
    "maxLength": "must be shorter",
    "minLength": "must be longer",
    "pattern": "must match the schema's pattern",
    "required": "must be there",
    "type": "must be of the type that the schema names",
    "uniqueItems": "must not hold the same item twice",
}


@dataclass(frozen=True, slots=True)
class Schema:
    """A compiled schema."""

    validator: Draft202012Validator = field(repr=False)

    def errors(self, data: Any) -> list[FieldError]:
        """What the schema says against the data, `ERRORS_MAX` at most, with pointers that begin at /data."""
        if self.validator.is_valid(data):
            return []
        return [_field_error(error) for error in islice(self.validator.iter_errors(data), ERRORS_MAX)]


def compile_schema(schema: dict[str, Any]) -> Schema:
    """Bound and compile. Raises ValueError whose message says what to change and repeats nothing of the schema."""
    _check_bounds(schema)
    try:
        return Schema(
            Draft202012Validator(
                schema,
                validate_formats=True,
                offline=True,
                pattern_options=RegexOptions(size_limit=_PATTERN_BYTES_MAX, dfa_size_limit=_PATTERN_BYTES_MAX),
            )
        )
    except (ValidationError, ReferencingError, ValueError):
        message = "must be a JSON Schema of draft 2020-12; patterns have no look-around and no back-references"
        raise ValueError(message) from None


def subschemas(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schemas that stand directly in a schema, but for $defs."""
    given: list[Any] = [schema[name] for name in _ONE if name in schema]
    for name in _LISTS:
        given += schema[name] if isinstance(schema.get(name), list) else []
    for name in _MAPS:
        given += schema[name].values() if isinstance(schema.get(name), dict) else []
    return (each for each in given if isinstance(each, dict))


def referred(root: dict[str, Any], reference: object) -> dict[str, Any] | bool:
    """What a `$ref` of the document names. Raises ValueError for what is not `#/$defs/` and a name in it."""
    definitions = root.get("$defs")
    if isinstance(reference, str) and reference.startswith(_DEFINITIONS) and isinstance(definitions, dict):
        found = definitions.get(reference.removeprefix(_DEFINITIONS).replace("~1", "/").replace("~0", "~"))
        if isinstance(found, dict | bool):
            return found
    message = "must have no references but #/$defs/ and a name that is defined there"
    raise ValueError(message)


def _check_bounds(schema: dict[str, Any]) -> None:
    try:
        size = len(orjson.dumps(schema))
    except TypeError:
        size = BYTES_MAX + 1
    if size > BYTES_MAX:
        message = f"must have {BYTES_MAX} bytes as JSON at most"
        raise ValueError(message)
    if schema.get("$schema", DIALECT) != DIALECT:
        message = f"must be of the dialect {DIALECT}"
        raise ValueError(message)
    measured = _Bounds(schema)
    measured.weigh(schema, 1)
    for definition in _definitions(schema):
        measured.weigh(definition, 1)


class _Bounds:
    """Counts the parts of a schema with all that it refers to."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._weights: dict[int, int] = {}
        self._open: set[int] = set()
        self._patterns = 0

    def weigh(self, schema: dict[str, Any], depth: int) -> int:
        """How many parts it has. Raises ValueError for what is too much, or goes in circles."""
        known = self._weights.get(id(schema))
        if known is not None:
            return known
        if id(schema) in self._open:
            message = "must not refer to itself"
            raise ValueError(message)
        self._open.add(id(schema))
        self._check(schema, depth)
        weight = 1 + sum(self.weigh(each, depth + 1) for each in self._parts(schema))
        self._open.discard(id(schema))
        if weight > NODES_MAX:
            message = f"must have {NODES_MAX} parts at most, those counted again that are referred to"
            raise ValueError(message)
        self._weights[id(schema)] = weight
        return weight

    def _parts(self, schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield from subschemas(schema)
        if "$ref" in schema and isinstance(target := referred(self._root, schema["$ref"]), dict):
            yield target

    def _check(self, schema: dict[str, Any], depth: int) -> None:
        if depth > DEPTH_MAX:
            message = f"must be nested {DEPTH_MAX} deep at most"
            raise ValueError(message)
        if any(name in schema for name in _REFUSED_KEYWORDS):
            message = "must not use " + ", ".join(_REFUSED_KEYWORDS)
            raise ValueError(message)
        if schema is not self._root and any(name in schema for name in ("$id", "$schema", "$defs")):
            message = "must have $id, $schema and $defs at its root only"
            raise ValueError(message)
        self._check_patterns([schema.get("pattern", ""), *_names(schema, "patternProperties")])

    def _check_patterns(self, patterns: Iterable[object]) -> None:
        given = [pattern for pattern in patterns if pattern != ""]
        self._patterns += len(given)
        if self._patterns > PATTERNS_MAX or any(len(str(pattern)) > PATTERN_LENGTH_MAX for pattern in given):
            message = f"must have {PATTERNS_MAX} patterns at most, of {PATTERN_LENGTH_MAX} characters at most"
            raise ValueError(message)


def _definitions(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    definitions = schema.get("$defs", {})
    if not isinstance(definitions, dict):
        message = "must have an object as $defs"
        raise ValueError(message)  # noqa: TRY004 - one kind of error for whatever a schema may be
    return (each for each in definitions.values() if isinstance(each, dict))


def _names(schema: dict[str, Any], keyword: str) -> Iterable[str]:
    found = schema.get(keyword)
    return found.keys() if isinstance(found, dict) else ()


def _field_error(error: ValidationError) -> FieldError:
    path = list(error.instance_path)
    if isinstance(error.kind, ValidationErrorKind.Required):
        path.append(error.kind.property)
    keyword = error.kind.name
    message = _SENTENCES.get(keyword, "must be as the schema's keyword says that the code names")
    return FieldError(pointer=_pointer(path), code=f"schema_{_snake(keyword)}", message=message)


def _pointer(path: Iterable[str | int]) -> str:
    """The JSON Pointer (RFC 6901 §3); where names are so long that it would be, that of an object around."""
    pointer = "/data"
    for part in path:
        longer = pointer + "/" + str(part).replace("~", "~0").replace("/", "~1")
        if len(longer) > _POINTER_LENGTH_MAX:
            break
        pointer = longer
    return pointer


def _snake(keyword: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in keyword)
