"""The document as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel

from accounts.consents.states import EVENT_SENTENCES as CONSENT_SENTENCES
from gateway.http.route import Route
from gateway.openapi import headers, schemas, security
from gateway.openapi.answers import JSON, answers, response_components
from gateway.openapi.parameters import parameters
from gateway.openapi.schemas import Json, Names
from gateway.openapi.texts import ADMIN_TEXT, PARTNERS_TEXT, TAG_SENTENCES, description_of
from gateway.openapi.webhooks import event_types, webhooks
from gateway.schemas.accounts.consents import ConsentOut
from gateway.schemas.documents import TokenErrorOut
from gateway.schemas.pages import ProblemOut
from gateway.schemas.payments import PaymentOut
from payments.calls.news import EVENT_SENTENCES
from webhooks.catalogue.builtin import builtin_types
from webhooks.catalogue.model import EventType

_FORM, _BYTES = "application/x-www-form-urlencoded", "*/*"
# Recorded from a running gateway: of each port and of both, by operation, its request, and its answers by status.
_EXAMPLES: Json = orjson.loads(Path(__file__).with_name("examples.json").read_bytes())
_PAYMENT, _CONSENT = (_EXAMPLES["partners"][name]["answers"]["200"] for name in ("get_payment", "get_consent"))
# The types of events that are ours, as the catalogue and the document tell of them.
OUR_EVENTS = builtin_types(
    event_types(EVENT_SENTENCES, PaymentOut.model_json_schema(), _PAYMENT)
    | event_types(CONSENT_SENTENCES, ConsentOut.model_json_schema(), _CONSENT)
)
# What events carry as the API shows it, by what stands before the dot of their types.
_TOLD: Mapping[str, type[BaseModel]] = {"payment": PaymentOut, "consent": ConsentOut}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surface:
    """What is said of a port as a whole; `events` are the types of webhooks that it describes."""

    title: str
    description: str
    examples: Json
    events: Mapping[str, EventType] = field(default_factory=dict)


PARTNERS = Surface(
    title="Threadneedle",
    description=PARTNERS_TEXT,
    examples=_EXAMPLES["both"] | _EXAMPLES["partners"],
    events=OUR_EVENTS,
)
# Partners' operations that admins have too; others that both have stand in a part of their own.
_READ_BY_ADMINS = ("list_payments", "get_payment", "read_timeline")
ADMIN = Surface(
    title="Threadneedle administration",
    description=ADMIN_TEXT,
    examples=_EXAMPLES["both"] | _EXAMPLES["admin"] | {name: _EXAMPLES["partners"][name] for name in _READ_BY_ADMINS},
)


def document(routes: Sequence[Route[Any]], surface: Surface) -> Json:
    """The OpenAPI 3.1 document of a port."""
    types, names = schemas.components(_models(routes))
    used = {route.tag for route in routes} | ({"webhooks"} if surface.events else set())
    made: Json = {
        "openapi": "3.1.0",
        "info": {"title": surface.title, "version": "1", "description": surface.description},
        "tags": [{"name": name, "description": text} for name, text in TAG_SENTENCES.items() if name in used],
        "paths": _paths(routes, names, surface.examples),
        "components": {
            "schemas": types,
            "responses": response_components(routes, names),
            "headers": headers.components(),
            "securitySchemes": security.schemes(routes),
        },
    }
    if surface.events:
        made["webhooks"] = webhooks(surface.events, {name: schemas.reference(names[_TOLD[name]]) for name in _TOLD})
    return made


def _models(routes: Sequence[Route[Any]]) -> set[type[BaseModel]]:
    found: set[type[BaseModel]] = {ProblemOut}
    for route in routes:
        found |= {TokenErrorOut} if security.is_form(route) else set()
        found |= {model for model in (route.request, route.response, *route.others.values()) if model is not None}
    return found


def _paths(routes: Sequence[Route[Any]], names: Names, examples: Json) -> Json:
    paths: Json = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(
            route, names, examples.get(route.handler.__name__, {})
        )
    return paths


def _operation(route: Route[Any], names: Names, examples: Json) -> Json:
    operation: Json = {
        "operationId": route.handler.__name__,
        "summary": route.sentence,
        "description": description_of(route),
        "tags": [route.tag],
        "parameters": parameters(route),
        "responses": answers(route, names, examples.get("answers", {})),
        "security": security.requirement(route),
    }
    if route.raw or route.request is not None:
        operation["requestBody"] = _body(route, names, examples)
    return operation


def _body(route: Route[Any], names: Names, examples: Json) -> Json:
    if route.request is None:
        return {"required": True, "content": {_BYTES: {}}}
    content: Json = {"schema": schemas.reference(names[route.request])}
    if "request" in examples:
        content["example"] = examples["request"]
    required = route.raw or any(field.is_required() for field in route.request.model_fields.values())
    return {"required": required, "content": {_FORM if route.raw else JSON: content}}
