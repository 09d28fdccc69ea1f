"""Pydantic types as schemas of the document."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from gateway.schemas.types import Request, given

Json: TypeAlias = dict[str, Any]
Names: TypeAlias = Mapping[type[BaseModel], str]
_PLACE = "#/components/schemas/"


class _Plain(GenerateJsonSchema):
    """Without what pydantic adds and the service does not mean.

    Fields have names, so titles made of these would say nothing more. A member that may be left out has no null unless
    null is taken, and nobody is asked to send null for it.
    """

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False

    def function_before_schema(self, schema: Any) -> Json:
        """Null is not shown where `given` refuses it."""
        shown = super().function_before_schema(schema)
        return _without_null(shown) if schema["function"]["function"] is given else shown

    def default_schema(self, schema: Any) -> Json:
        """A default of null says that the member may be left out, which `required` says already."""
        shown = super().default_schema(schema)
        return {name: value for name, value in shown.items() if name != "default" or value is not None}


def components(models: Iterable[type[BaseModel]]) -> tuple[Json, Names]:
    """The schemas of the types and of what they hold, by name, and the name of each type."""
    wanted = [(model, _mode(model)) for model in sorted(models, key=lambda model: model.__name__)]
    refs, definitions = models_json_schema(wanted, ref_template=_PLACE + "{model}", schema_generator=_Plain)
    names = {model: refs[model, mode]["$ref"].removeprefix(_PLACE) for model, mode in wanted}
    return definitions.get("$defs", {}), names


def reference(name: str) -> Json:
    """A reference to a component's schema."""
    return {"$ref": _PLACE + name}


def query_schemas(model: type[BaseModel]) -> Iterable[tuple[str, Json, bool]]:
    """Each parameter of a query: its name, its schema, whether it is required. A query knows no null."""
    schema = model.model_json_schema(schema_generator=_Plain)
    required = schema.get("required", [])
    for name, part in schema["properties"].items():
        yield name, _without_null(part), name in required


def _mode(model: type[BaseModel]) -> JsonSchemaMode:
    return "validation" if issubclass(model, Request) else "serialization"


def _without_null(part: Json) -> Json:
    kept = {key: value for key, value in part.items() if not (key == "default" and value in (None, [], ""))}
    alternatives = [each for each in kept.pop("anyOf", []) if each != {"type": "null"}]
    return {**alternatives[0], **kept} if len(alternatives) == 1 else {**kept, **_any_of(alternatives)}


def _any_of(alternatives: list[Json]) -> Json:
    return {"anyOf": alternatives} if alternatives else {}
