"""Objects with the wrong members: errors name each that is not known, and list those that are."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

_PLAIN = re.compile(r"[a-z][A-Za-z_-]{0,29}")


class Closed(BaseModel):
    """An object that takes its own members only, and says which they are."""

    @model_validator(mode="wrap")
    @classmethod
    def _tell_members(cls, value: Any, handler: ModelWrapValidatorHandler["Closed"]) -> "Closed":
        if not isinstance(value, dict):
            raise PydanticCustomError("tn_type", "Expected an object.")
        try:
            return handler(value)
        except ValidationError as error:
            known = [field.alias or name for name, field in cls.model_fields.items()]
            if value.keys() <= set(known):
                raise
            details = error.errors(include_url=False, include_input=False)
        errors = [_again(detail) for detail in details if not _is_unknown(detail)]
        unknown = _unknown([name for name in value if name not in known], known)
        raise ValidationError.from_exception_data(cls.__name__, [*errors, *unknown], hide_input=True)


def plain_names(names: Iterable[Any]) -> list[str]:
    """The names that look like a member's: only these are repeated, for any other may be anything, a secret too."""
    return [name for name in names if isinstance(name, str) and _PLAIN.fullmatch(name)]


def _unknown(names: Sequence[Any], known: Sequence[str]) -> list[InitErrorDetails]:
    """An error for each name that may be repeated, and one for all others; the first lists the members."""
    plain = plain_names(names)
    places: list[tuple[str, ...]] = [(name,) for name in plain] + ([()] if len(plain) < len(names) else [])
    words = [f"Members here: {', '.join(known)}.", *["There is no such member."] * (len(places) - 1)]
    return [
        InitErrorDetails(type=PydanticCustomError("tn_unknown_field", message), loc=place, input=None)
        for place, message in zip(places, words, strict=True)
    ]


def _is_unknown(detail: ErrorDetails) -> bool:
    """Whether it is about a member of this very object; inner objects have told their own."""
    return detail["type"] == "extra_forbidden" and len(detail["loc"]) == 1


def _again(detail: ErrorDetails) -> InitErrorDetails:
    kind = detail["type"]
    told = PydanticCustomError(kind, detail["msg"]) if kind.startswith("tn_") else kind
    return InitErrorDetails(type=told, loc=detail["loc"], input=None, ctx=detail.get("ctx", {}))
