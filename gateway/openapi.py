"""The OpenAPI 3.1 document, made from the route table and the pydantic types; nothing of it is written by hand."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from gateway.http.route import Access, Route
from gateway.limits.policy import LimitClass
from gateway.oauth.scopes import Scope
from gateway.schemas.documents import TokenErrorOut
from gateway.schemas.pages import ProblemOut
from gateway.schemas.payments import PaymentOut
from gateway.schemas.types import Request

_REF = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)\}")
_JSON, _PROBLEM = "application/json", "application/problem+json"
_FORM, _BYTES = "application/x-www-form-urlencoded", "*/*"

Names = dict[type[BaseModel], str]


def document(routes: Sequence[Route[Any]], title: str) -> dict[str, Any]:
    """The whole document."""
    schemas, names = _schemas(routes)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1"},
        "paths": _paths(routes, names),
        "components": {"schemas": schemas, "securitySchemes": _security_schemes(routes)},
    }


def _schemas(routes: Sequence[Route[Any]]) -> tuple[dict[str, Any], Names]:
    models: set[type[BaseModel]] = {ProblemOut}
    for route in routes:
        models |= {TokenErrorOut} if _is_form(route) else set()
        models |= {model for model in (route.request, route.response, *route.others.values()) if model is not None}
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        (model, "validation" if issubclass(model, Request) else "serialization")
        for model in sorted(models, key=lambda model: model.__name__)
    ]
    refs, definitions = models_json_schema(wanted, ref_template=_REF)
    names = {model: refs[model, mode]["$ref"].rpartition("/")[2] for model, mode in wanted}
    return definitions["$defs"], names


def _paths(routes: Sequence[Route[Any]], names: Names) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, names)
    return paths


def _operation(route: Route[Any], names: Names) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": route.sentence,
        "tags": [route.tag],
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_header_parameters(route)],
        "responses": _responses(route, names),
    }
    if route.raw or route.request is not None:
        operation["requestBody"] = {"required": True, "content": _body(route, names)}
    security = _security(route)
    return operation if security is None else {**operation, "security": security}


def _responses(route: Route[Any], names: Names) -> dict[str, Any]:
    good: dict[str, Any] = {"description": HTTPStatus(route.status).phrase}
    if route.response is not None:
        good["content"] = _content(names[route.response])
    statuses = [route.status, *((202,) if _waits(route) else ())]
    problem = {"$ref": _REF.format(model=names[ProblemOut])}
    return {
        **{str(status): {**good, "description": HTTPStatus(status).phrase} for status in statuses},
        **{
            str(status): {"description": HTTPStatus(status).phrase, "content": _content(names[model])}
            for status, model in route.others.items()
        },
        **{
            str(status): {
                "description": HTTPStatus(status).phrase,
                "content": {_PROBLEM: {"schema": problem}},
            }
            for status in _problem_statuses(route)
        },
        **(_token_errors(names) if _is_form(route) else {}),
    }


def _waits(route: Route[Any]) -> bool:
    """A partner's POST that answers a payment waits for the bank; 202 says that its word has not come yet."""
    return route.method == "POST" and route.access is Access.PARTNER and route.response is PaymentOut


def _is_form(route: Route[Any]) -> bool:
    """A handler that reads typed bytes itself reads a form: the token endpoint's, whose errors are OAuth's own."""
    return route.raw and route.request is not None


def _token_errors(names: Names) -> dict[str, Any]:
    content = _content(names[TokenErrorOut])
    return {
        str(status): {"description": HTTPStatus(status).phrase, "content": content}
        for status in (HTTPStatus.BAD_REQUEST.value, HTTPStatus.UNAUTHORIZED.value)
    }


def _body(route: Route[Any], names: Names) -> dict[str, Any]:
    if route.request is None:
        return {_BYTES: {}}
    content = _content(names[route.request])
    return {_FORM: content[_JSON]} if route.raw else content


def _problem_statuses(route: Route[Any]) -> list[int]:
    """What a route may refuse with, by its columns."""
    statuses = {500, 503}
    if route.access is not Access.OPEN:
        statuses |= {401, 403}
    if route.limit is not LimitClass.UNLIMITED:
        statuses.add(429)
    if route.raw:
        statuses |= {413, 415} | ({403} if route.request is None else set())
    elif route.request is not None:
        statuses |= {400, 413, 415, 422}
    if route.query is not None:
        statuses.add(422)
    if "{" in route.path:
        statuses.add(404)
    if route.method != "GET" and not route.raw:
        statuses.add(409)
    return sorted(statuses)


def _content(name: str) -> dict[str, Any]:
    return {_JSON: {"schema": {"$ref": _REF.format(model=name)}}}


def _path_parameters(route: Route[Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(route.path)
    ]


def _query_parameters(route: Route[Any]) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    schema = route.query.model_json_schema()
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": part}
        for name, part in schema["properties"].items()
    ]


def _header_parameters(route: Route[Any]) -> list[dict[str, Any]]:
    if not _waits(route):
        return []
    key = {"type": "string", "minLength": 1, "maxLength": 255}
    wait = {"type": "string", "examples": ["wait=10", "respond-async"]}
    once = {"name": "Idempotency-Key", "in": "header", "required": True, "schema": key}
    return [*([once] if route.once else []), {"name": "Prefer", "in": "header", "required": False, "schema": wait}]


def _security(route: Route[Any]) -> list[dict[str, list[str]]] | None:
    match route.access:
        case Access.PARTNER:
            return [{"oauth": [] if route.scope is None else [route.scope.value]}]
        case Access.ADMIN:
            return [{"admin_token": []}]
        case Access.OPEN:
            return []


def _security_schemes(routes: Sequence[Route[Any]]) -> dict[str, Any]:
    schemes: dict[str, Any] = {}
    if any(route.access is Access.PARTNER for route in routes):
        scopes = {scope.value: scope.name.replace("_", " ").capitalize() for scope in Scope}
        flow = {"tokenUrl": "/oauth/token", "scopes": scopes}
        schemes["oauth"] = {"type": "oauth2", "flows": {"clientCredentials": flow}}
    if any(route.access is Access.ADMIN for route in routes):
        schemes["admin_token"] = {"type": "http", "scheme": "bearer"}
    return schemes
