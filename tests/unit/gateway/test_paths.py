"""Paths as the router takes them: a word of one path never names a resource of another."""

from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp import web

from gateway.admin.routes import ADMIN_ROUTES
from gateway.app import exact_path
from gateway.http.route import Route
from gateway.routes import PUBLIC_ROUTES


@pytest.mark.parametrize("routes", [PUBLIC_ROUTES, ADMIN_ROUTES], ids=["public", "admin"])
def test_a_path_knows_the_methods_that_the_table_says(routes: Sequence[Route[Any]]) -> None:
    """Whatever else is asked of a path without parameters is not served by a path with them."""
    paths = [route.path for route in routes]
    router = web.UrlDispatcher()
    for path in dict.fromkeys(exact_path(path, paths) for path in paths):
        router.add_resource(path)
    for path in paths:
        fitting = [
            resource for resource in router.resources() if _fits(resource, path.replace("{", "x").replace("}", ""))
        ]
        assert len(fitting) == 1, path


def test_what_names_a_resource_is_still_found() -> None:
    """Only the whole word is kept apart."""
    assert exact_path("/v1/events/{event_id}", ["/v1/events/{event_id}"]) == "/v1/events/{event_id}"
    router = web.UrlDispatcher()
    resource = router.add_resource(exact_path("/v1/events/{event_id}/erase", ["/v1/events/batch"]))
    assert _fits(resource, "/v1/events/batches/erase")
    assert not _fits(resource, "/v1/events/batch/erase")


def _fits(resource: web.AbstractResource, path: str) -> bool:
    return getattr(resource, "_match")(path) is not None  # noqa: B009 - aiohttp tells it to its router only
