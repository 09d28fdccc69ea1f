"""The HTTP surfaces: the public one for partners and banks, and the admin one on another port."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.admin.for_partners.acting import Acting
from gateway.admin.routes import ADMIN_ROUTES
from gateway.admin.services import AdminServices
from gateway.docs import CONTENT_SECURITY_POLICY, page
from gateway.http.call import Call, Reply
from gateway.http.edge import Answering, Edge, RequestHandler
from gateway.http.pipeline import Guards, Pipeline
from gateway.http.replies import WholeResponse, to_json
from gateway.http.route import Route, open_family
from gateway.http.server import DIRECT
from gateway.metrics import EdgeMetrics
from gateway.openapi import ADMIN, PARTNERS, Surface, document
from gateway.overload.shedder import OverloadMetrics, Shedder
from gateway.overload.shedding import Priority, priority_of
from gateway.routes import PUBLIC_ROUTES
from gateway.services import Services

# Every route reads its body itself, up to its own cap; aiohttp's would only stand in the way.
_NO_CAP = 0
_TABLES: Mapping[Surface, Sequence[Route[Any]]] = {PARTNERS: PUBLIC_ROUTES, ADMIN: ADMIN_ROUTES}
_PAGE_HEADERS = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": CONTENT_SECURITY_POLICY}


def build_app(services: Services) -> web.Application:
    """The public port: partners, banks, and documents for everybody."""
    guards = Guards(partners=services.verifier, gate=services.gate, reach=services.reach, proxies=services.proxies)
    edge = Edge(EdgeMetrics.of(services.health.registry), services.log)
    counts = OverloadMetrics.of(services.health.registry, services.load)
    shedder = Shedder(services.load, counts, services.request_seconds_max)
    return _application(PARTNERS, Pipeline(services, guards), _Port(edge, shedder))


def build_admin_app(services: AdminServices) -> web.Application:
    """The admin port: admins, and the machines that watch this process."""
    guards = Guards(
        admins=services.tokens, acting=Acting(services.parties), gate=services.gate, reach=services.public.reach
    )
    pipeline = Pipeline(services, guards)
    return _application(ADMIN, pipeline, _Port(Edge()))


@dataclass(frozen=True, slots=True)
class _Port:
    """What stands around the routes of a port: its edge, and what refuses requests when they are too many."""

    edge: Edge
    shedder: Shedder | None = None

    def handler(self, pattern: str, answering: Answering, priority: Priority) -> RequestHandler:
        """The handler of a route, or of what has none."""
        handler = self.edge.wrap(pattern, answering)
        return handler if self.shedder is None else self.shedder.wrap(priority, handler)


def _application(surface: Surface, pipeline: Pipeline[Any], port: _Port) -> web.Application:
    app = web.Application(middlewares=[_unrouted(port)], client_max_size=_NO_CAP)
    direct: dict[tuple[str, str], RequestHandler] = {}
    paths = [route.path for route in _TABLES[surface]]
    for route in (*_TABLES[surface], *_descriptions(surface)):
        handler = port.handler(route.path, pipeline.bind(route), priority_of(route))
        # RFC 9110 §9.3.2: HEAD is as GET, without the body.
        for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
            app.router.add_route(method, exact_path(route.path, paths), handler)
            if "{" not in route.path:
                direct[method, route.path] = handler
    app[DIRECT] = direct
    return app


def exact_path(path: str, paths: Iterable[str]) -> str:
    """The path for aiohttp's router: where a resource is named, the words of other paths name none.

    Else DELETE of /v1/events/batch, which knows POST only, would be taken for one of /v1/events/{event_id}.
    """
    parts, others = path.split("/"), [other.split("/") for other in paths]
    for number, part in enumerate(parts):
        words = {
            other[number] for other in others if len(other) > number and other[:number] == path.split("/")[:number]
        }
        literal = "|".join(re.escape(word) for word in sorted(words) if not word.startswith("{"))
        if part.startswith("{") and literal:
            parts[number] = f"{{{part[1:-1]}:(?!(?:{literal})(?:/|$))[^{{}}/]+}}"
    return "/".join(parts)


def _unrouted(port: _Port) -> Middleware:
    """The middleware for what no route takes: another path, another method."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        error = request.match_info.http_exception
        if error is None:
            return await handler(request)

        async def refused(_: Call) -> WholeResponse:
            raise error

        return await port.handler("unknown", refused, Priority.READS)(request)

    return middleware


@cache
def _descriptions(surface: Surface) -> tuple[Route[Any], Route[Any]]:
    """The OpenAPI document and the page made of it; both made once, served as bytes."""
    made = document(_TABLES[surface], surface)
    json, html, about = Reply(to_json(made)), Reply(page(made), headers=_PAGE_HEADERS), open_family("about")

    async def describe(services: object, call: Call) -> Reply:  # noqa: ARG001 - a handler like the others
        return json

    async def show(services: object, call: Call) -> Reply:  # noqa: ARG001 - a handler like the others
        return html

    return (
        about.get("/openapi.json", describe, "Read this API's description (OpenAPI 3.1)."),
        about.get("/docs", show, "Read this API's description as a page."),
    )
