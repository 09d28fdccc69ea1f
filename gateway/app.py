"""The HTTP surfaces: the public one for partners and banks, and the admin one on another port."""

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from gateway.admin.routes import ADMIN_ROUTES
from gateway.admin.services import AdminServices
from gateway.http.call import Call, Reply
from gateway.http.edge import EDGE
from gateway.http.pipeline import Guards, Pipeline
from gateway.http.replies import to_json
from gateway.http.route import Route, open_family
from gateway.metrics import METRICS, EdgeMetrics
from gateway.openapi import document
from gateway.overload.middleware import OverloadMetrics, shedding
from gateway.overload.shedding import Priority, priority_of
from gateway.routes import PUBLIC_ROUTES
from gateway.services import Services

# Every route reads its body itself, up to its own cap; aiohttp's would only stand in the way.
_NO_CAP = 0
PRIORITIES = web.AppKey("priorities", dict[Any, Priority])


def build_app(services: Services) -> web.Application:
    """The public port: partners, banks, and documents for everybody."""
    guards = Guards(partners=services.verifier, gate=services.gate, proxies=services.proxies)
    app = _application(PUBLIC_ROUTES, services, guards, "Threadneedle")
    app[METRICS] = EdgeMetrics.of(services.health.registry)
    counts = OverloadMetrics.of(services.health.registry, services.load)
    priorities = app[PRIORITIES]
    app.middlewares.insert(0, shedding(services.load, priorities, counts, services.request_seconds_max))
    return app


def build_admin_app(services: AdminServices) -> web.Application:
    """The admin port: admins, and the machines that watch this process."""
    guards = Guards(admins=services.tokens, gate=services.gate)
    return _application(ADMIN_ROUTES, services, guards, "Threadneedle administration")


def _application(routes: Sequence[Route[Any]], services: Any, guards: Guards, title: str) -> web.Application:
    app = web.Application(middlewares=EDGE, client_max_size=_NO_CAP)
    pipeline: Pipeline[Any] = Pipeline(services, guards)
    app[PRIORITIES] = {}
    for route in (*routes, _description(routes, title)):
        handler = pipeline.bind(route)
        app[PRIORITIES][handler] = priority_of(route)
        app.router.add_route(route.method, route.path, handler)
        if route.method == "GET":  # RFC 9110 §9.3.2: as GET, without the body, which aiohttp leaves out
            app.router.add_route("HEAD", route.path, handler)
    return app


def _description(routes: Sequence[Route[Any]], title: str) -> Route[Any]:
    """The OpenAPI document; made once, served as bytes."""
    made = to_json(document(routes, title))

    async def describe(services: object, call: Call) -> Reply:  # noqa: ARG001 - a handler like the others
        return Reply(made)

    return open_family("about").get("/openapi.json", describe, "Read this API's description (OpenAPI 3.1).")
