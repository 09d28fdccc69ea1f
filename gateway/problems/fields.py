"""Pydantic's errors as field errors: all of them, with JSON Pointers, and never the value that was sent."""

from collections.abc import Iterable

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from kernel.errors import FieldError

# Stable codes of ours for the kinds that partners meet; every other kind of pydantic's is `invalid`.
_CODES = {
    "missing": "required",
    "extra_forbidden": "unknown_field",
    "string_too_long": "too_long",
    "string_too_short": "too_short",
    "too_long": "too_long",
    "too_short": "too_short",
    "string_pattern_mismatch": "format",
    "int_type": "type",
    "int_parsing": "type",
    "int_parsing_size": "too_large",
    "int_too_long": "too_large",
    "string_type": "type",
    "bool_type": "type",
    "dict_type": "type",
    "list_type": "type",
    "model_type": "type",
    "model_attributes_type": "type",
    "greater_than": "too_small",
    "greater_than_equal": "too_small",
    "less_than": "too_large",
    "less_than_equal": "too_large",
    "enum": "unknown_value",
    "literal_error": "unknown_value",
    "datetime_type": "format",
    "datetime_parsing": "format",
    "datetime_from_date_parsing": "format",
    "timezone_aware": "format",
}
_WORDS = {
    "extra_forbidden": "An object here has a member that is not part of this API.",
    "int_parsing": "Expected a whole number.",
    "int_parsing_size": "This whole number has more than 64 bits.",
    "int_too_long": "This whole number has more than 64 bits.",
}
_TOO_LONG = 2.0**63
ERRORS_MAX = 100


def field_errors(error: ValidationError, prefix: str = "") -> list[FieldError]:
    """Every field error, at most a hundred; `prefix` stands before each pointer, e.g. `/data/17` or `?`."""
    details = error.errors(include_url=False)
    return [_field_error(detail, prefix) for detail in details[:ERRORS_MAX]]


def pointer_to(parts: Iterable[str | int]) -> str:
    """The JSON Pointer of a path (RFC 6901 §3)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def _field_error(detail: ErrorDetails, prefix: str) -> FieldError:
    kind = _kind(detail)
    # An unknown member's name is the caller's own word, so the pointer names the object that holds it.
    path = detail["loc"][:-1] if kind == "extra_forbidden" else detail["loc"]
    # Errors that we raise ourselves in validators carry their own code; their texts hold no values either.
    code = kind.removeprefix("tn_") if kind.startswith("tn_") else _CODES.get(kind, "invalid")
    message = _message(detail, kind)
    return FieldError(pointer=prefix + pointer_to(path), code=code, message=message)


def _kind(detail: ErrorDetails) -> str:
    """Pydantic's kind of the error. The JSON parser makes a fraction of a whole number beyond 64 bits."""
    value = detail.get("input")
    is_too_long = detail["type"] == "int_type" and isinstance(value, float) and abs(value) >= _TOO_LONG
    return "int_too_long" if is_too_long else detail["type"]


def _message(detail: ErrorDetails, kind: str) -> str:
    """Pydantic's sentence names what is expected; kinds whose sentence repeats what was sent get one of ours."""
    if kind in _WORDS:
        return _WORDS[kind]
    if kind.startswith("tn_") or kind in _CODES:
        return detail["msg"]
    return "This value is not valid here."
