"""Objects with the wrong members: the error lists those that are known there, which are our words, not the caller's."""

from typing import Any

from pydantic import BaseModel, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError


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
        unknown = PydanticCustomError("tn_unknown_field", f"Members here: {', '.join(known)}.")
        own = InitErrorDetails(type=unknown, loc=(), input=None)
        raise ValidationError.from_exception_data(cls.__name__, [*errors, own], hide_input=True)


def _is_unknown(detail: ErrorDetails) -> bool:
    """Whether it is about a member of this very object; inner objects have told their own."""
    return detail["type"] == "extra_forbidden" and len(detail["loc"]) == 1


def _again(detail: ErrorDetails) -> InitErrorDetails:
    kind = detail["type"]
    told = PydanticCustomError(kind, detail["msg"]) if kind.startswith("tn_") else kind
    return InitErrorDetails(type=told, loc=detail["loc"], input=None, ctx=detail.get("ctx", {}))
