"""Official OpenAPI 3.0 files as judges: whether a request, or an answer, is what the standard's own file says.

The files are not ours to keep: the environment variable THREADNEEDLE_SPECS names the folder that holds them, and tests
that need one skip without it. They are judged by more strictly than OpenAPI asks: a pattern must match the whole text,
and an object that lists its properties has no others, so that a misspelt optional field is seen.
"""

import ipaddress
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote
from uuid import UUID

import jsonschema_rs
import pytest
import yaml

from adapters.wire import WireReply, WireRequest

VARIABLE = "THREADNEEDLE_SPECS"
# HTTP's own headers, which no API has to list.
_OF_HTTP = frozenset(
    {"accept", "accept-encoding", "authorization", "connection", "content-length", "content-type", "date", "host"}
    | {"retry-after", "server", "user-agent"}
)
_METHODS = frozenset({"get", "put", "post", "delete", "patch"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of the file, with the values that the path gave its parameters."""

    raw: Mapping[str, Any]
    parameters: tuple[Mapping[str, Any], ...]
    in_path: Mapping[str, str]


class OfficialApi:
    """One file. `problems_of_…` give a sentence for everything that is not as the file says."""

    def __init__(self, document: Mapping[str, Any], prefix: str = "") -> None:
        self._document = document
        self._prefix = prefix
        self._validators: dict[str, jsonschema_rs.Draft4Validator] = {}

    def problems_of_request(self, request: WireRequest, fresh: Mapping[str, str] | None = None) -> list[str]:
        """What is wrong with a request; `fresh` are the headers that the engine adds."""
        path, _, query = request.path.partition("?")
        operation = self._operation(request.method, path)
        if operation is None:
            return [f"there is no {request.method} {path}"]
        headers = dict(request.headers) | dict(fresh or {})
        return [
            *self._parameter_problems(operation, "path", operation.in_path),
            *self._parameter_problems(operation, "query", dict(parse_qsl(query, keep_blank_values=True))),
            *self._parameter_problems(operation, "header", headers),
            *self._body_problems(self.resolved(operation.raw.get("requestBody")), headers, request.body),
        ]

    def problems_of_answer(self, method: str, path: str, reply: WireReply) -> list[str]:
        """What is wrong with an answer to a request of this method and path."""
        operation = self._operation(method, path.partition("?")[0])
        if operation is None:
            return [f"there is no {method} {path}"]
        responses = operation.raw["responses"]
        response = self.resolved(responses.get(str(reply.status), responses.get("default")))
        if response is None:
            return [f"{method} {path} never answers {reply.status}"]
        return [
            *self._header_problems(response, reply.headers),
            *self._body_problems(response, reply.headers, reply.body),
        ]

    def enum_of(self, schema: str) -> frozenset[str]:
        """The words that a schema lists."""
        return frozenset(self._document["components"]["schemas"][schema]["enum"])

    def schema(self, pointer: str) -> Mapping[str, Any]:
        """A schema of the file by its JSON Pointer, with everything that it refers to."""
        return {"allOf": [{"$ref": f"#{pointer}"}], **self._document}

    @cached_property
    def _templates(self) -> list[tuple[re.Pattern[str], str]]:
        """Paths, those with the fewest parameters first."""
        names = sorted(self._document["paths"], key=lambda path: path.count("{"))
        return [(re.compile(_pattern(self._prefix + name)), name) for name in names]

    def _operation(self, method: str, path: str) -> Operation | None:
        for pattern, name in self._templates:
            match, item = pattern.fullmatch(path), self._document["paths"][name]
            if match is not None and method.lower() in item:
                raw, names = item[method.lower()], re.findall(r"{([^}]+)}", name)
                listed = [*item.get("parameters", []), *raw.get("parameters", [])]
                parameters = tuple(self.resolved(each) or {} for each in listed)
                values = {name: unquote(value) for name, value in zip(names, match.groups(), strict=True)}
                return Operation(raw=raw, parameters=parameters, in_path=values)
        return None

    def _parameter_problems(self, operation: Operation, place: str, given: Mapping[str, str]) -> Iterator[str]:
        declared = {_key(place, each["name"]): each for each in operation.parameters if each["in"] == place}
        values = {_key(place, name): value for name, value in given.items()}
        for name in sorted(set(values) - set(declared)):
            if place != "header" or name not in _OF_HTTP:
                yield f"{place} {name} is not in the file"
        for name, each in declared.items():
            if name in values:
                yield from (f"{place} {name}: {one}" for one in self._text_problems(each["schema"], values[name]))
            elif each.get("required") and name not in _OF_HTTP:
                yield f"{place} {name} is missing"

    def _header_problems(self, response: Mapping[str, Any], given: Mapping[str, str]) -> Iterator[str]:
        for name, raw in response.get("headers", {}).items():
            header, value = self.resolved(raw) or {}, given.get(name.lower())
            if value is not None:
                yield from (f"header {name}: {one}" for one in self._text_problems(header["schema"], value))
            elif header.get("required"):
                yield f"header {name} is missing"

    def _body_problems(self, part: Mapping[str, Any] | None, headers: Mapping[str, str], body: bytes) -> Iterator[str]:
        content = (part or {}).get("content", {})
        if not body:
            if (part or {}).get("required"):
                yield "the body is missing"
            return
        type_ = {name.lower(): value for name, value in headers.items()}.get("content-type", "").partition(";")[0]
        listed = {name.partition(";")[0].strip(): each for name, each in content.items()}
        if type_ not in listed:
            yield f"a body of type {type_ or 'none'} is not in the file"
        elif type_.endswith("json"):
            yield from self._problems(listed[type_].get("schema", {}), json.loads(body))

    def _text_problems(self, schema: Mapping[str, Any], text: str) -> list[str]:
        """A parameter's text as the type that it has in the file."""
        kind = (self.resolved(schema) or {}).get("type", "string")
        if kind == "string":
            return self._problems(schema, text)
        try:
            return self._problems(schema, json.loads(text))
        except ValueError:
            return [f"is no {kind}"]

    def _problems(self, schema: Mapping[str, Any], value: object) -> list[str]:
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            whole = {"allOf": [schema], "components": self._document["components"]}
            self._validators[key] = jsonschema_rs.Draft4Validator(whole, validate_formats=True, formats=_FORMATS)
        return [
            f"{'/'.join(map(str, each.instance_path))}: {each.message}"
            for each in self._validators[key].iter_errors(value)
        ]

    def resolved(self, part: Any) -> Mapping[str, Any] | None:
        """The part that a reference leads to, or itself."""
        while part is not None and "$ref" in part:
            found: Any = self._document
            for name in part["$ref"].removeprefix("#/").split("/"):
                found = found[unquote(name).replace("~1", "/").replace("~0", "~")]
            part = found
        return part  # type: ignore[no-any-return]


def official(name: str, prefix: str = "") -> OfficialApi:
    """The file `name` below the folder of official files; its paths get the prefix. Skips where there is no folder."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f"{VARIABLE} does not name the folder of the official API files")
    return _load(Path(folder) / name, prefix)


@cache
def _load(file: Path, prefix: str) -> OfficialApi:
    """A description may hold bytes that are no UTF-8; nothing that is judged by does."""
    text = file.read_bytes().decode(errors="replace")
    document = yaml.load(text, Loader=_Plain) if file.suffix == ".yaml" else json.loads(text)  # noqa: S506 - safe
    return OfficialApi(_strict(document), prefix)


class _Plain(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Leaves dates as text: they stand in examples and enumerations."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own
        first: [(tag, pattern) for tag, pattern in rules if tag != "tag:yaml.org,2002:timestamp"]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _strict(part: Any, *, may_close: bool = True) -> Any:
    """The document with OpenAPI's `nullable` said as JSON Schema does, patterns anchored, and objects closed."""
    if isinstance(part, list):
        return [_strict(each, may_close=may_close) for each in part]
    if not isinstance(part, dict):
        return part
    made = {
        name: each if name in {"example", "examples", "default"} else _strict(each, may_close=name != "allOf")
        for name, each in part.items()
    }
    if isinstance(made.get("pattern"), str):
        made["pattern"] = f"^(?:{made['pattern']})$"
    if made.get("nullable") is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    if may_close and "allOf" not in made and isinstance(made.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    return made


def _pattern(template: str) -> str:
    return "".join("([^/]+)" if part.startswith("{") else re.escape(part) for part in re.split(r"({[^}]+})", template))


def _key(place: str, name: str) -> str:
    return name.lower() if place == "header" else name


def _is(kind: Any) -> Any:
    def check(text: str) -> bool:
        try:
            kind(text)
        except ValueError:
            return False
        return True

    return check


_FORMATS = {
    "uuid": _is(UUID),
    "date": _is(date.fromisoformat),
    "date-time": _is(datetime.fromisoformat),
    "ipv4": _is(ipaddress.IPv4Address),
}
