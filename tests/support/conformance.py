"""Holds what a port answers against its OpenAPI document: each answer that a test sees is one that is described."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Protocol

from pydantic import BaseModel

from gateway.http.replies import SECURITY_HEADERS
from gateway.http.route import Route
from gateway.openapi import Surface, document
from gateway.problems.codes import STATUS_OF
from gateway.schemas.documents import TokenErrorOut
from gateway.schemas.pages import ProblemOut

_FRAMING = {"content-type", "content-length", "date", "connection", "keep-alive"}
_USUAL = _FRAMING | {name.lower() for name in SECURITY_HEADERS}


class Answered(Protocol):
    """What is looked at of an answer."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def raw(self) -> bytes: ...
    @property
    def json(self) -> Any: ...


class Conformance:
    """The document of one port, and the routes behind it."""

    def __init__(self, routes: Sequence[Route[Any]], surface: Surface) -> None:
        self._document = document(routes, surface)
        # A path without parameters goes before one that would take it as a value.
        ordered = sorted(routes, key=lambda route: route.path.count("{"))
        self._routes = [(re.compile(re.sub(r"\{\w+\}", "[^/]+", route.path)), route) for route in ordered]

    def check(self, method: str, path: str, answer: Answered) -> None:
        """Raises AssertionError for an answer that the document does not describe."""
        route = self._route("GET" if method == "HEAD" else method, path.partition("?")[0])
        if route is None:
            return
        where = f"{method} {route.path} answered {answer.status}"
        described = self._response(route, answer.status)
        assert described is not None, f"{where}, which is not described: {answer.raw[:300]!r}"
        extra = {name.lower() for name in answer.headers} - _USUAL - {name.lower() for name in described["headers"]}
        assert not extra, f"{where} with headers that are not described: {extra}"
        if answer.raw and answer.headers["Content-Type"].endswith("json"):
            self._check_body(route, answer, described, where)

    def _check_body(self, route: Route[Any], answer: Answered, described: dict[str, Any], where: str) -> None:
        media = answer.headers["Content-Type"]
        assert media in described["content"], f"{where} with {media}"
        if media == "application/problem+json":
            problem = ProblemOut.model_validate(answer.json)
            assert STATUS_OF[problem.code] == answer.status
            codes = described["content"][media]["examples"]
            assert problem.code in codes, f"{where} with the code {problem.code}, which is not described"
        else:
            model = _model(route, answer.status)
            if model is not None:
                model.model_validate(answer.json)

    def _response(self, route: Route[Any], status: int) -> dict[str, Any] | None:
        responses = self._document["paths"][route.path][route.method.lower()]["responses"]
        found = responses.get(str(status))
        if found is None or "$ref" not in found:
            return found  # type: ignore[no-any-return]
        made: dict[str, Any] = self._document["components"]["responses"][found["$ref"].rpartition("/")[2]]
        return made

    def _route(self, method: str, path: str) -> Route[Any] | None:
        fitting = (route for pattern, route in self._routes if route.method == method and pattern.fullmatch(path))
        return next(fitting, None)


def _model(route: Route[Any], status: int) -> type[BaseModel] | None:
    if status in route.others:
        return route.others[status]
    if route.raw and route.request is not None and status >= HTTPStatus.BAD_REQUEST:
        return TokenErrorOut
    return route.response
