"""Whatever is sent to whichever route of either port: what is refused is never repeated. Made from the route tables."""

import asyncio
import re
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import aiohttp
import orjson
import pytest
from rich.console import Console

from gateway.admin.routes import ADMIN_ROUTES
from gateway.http.route import Access, Route
from gateway.routes import PUBLIC_ROUTES
from tests.e2e.places import all_places, forms, holding
from tests.e2e.running import Running, opened, unique
from threadneedle.demo.proof import Proof
from threadneedle.demo.scene import Cast, Scene

# A client's bucket for the scarcest class of routes holds 50 calls.
_ROUTES_PER_CLIENT = 3
_AT_ONCE = 4


def filled(schema: dict[str, Any], whole: dict[str, Any], mark: str) -> Any:
    """A value of the schema's shape with the mark in every leaf and in the name of a member that it does not know."""
    if "$ref" in schema:
        return filled(whole["$defs"][schema["$ref"].rpartition("/")[2]], whole, mark)
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return filled(schema[several][0], whole, mark)
    if schema.get("type") == "object" or "properties" in schema:
        members = {name: filled(inner, whole, mark) for name, inner in schema.get("properties", {}).items()}
        return {**members, mark: mark}
    if schema.get("type") == "array":
        return [filled(schema.get("items", {}), whole, mark)]
    return mark


def bodies(route: Route[Any], mark: str) -> Iterator[dict[str, Any]]:
    """Requests with the mark in the body, as aiohttp takes them."""
    json = {"content-type": "application/json"}
    yield {"data": mark.encode(), "headers": json}
    yield {"data": f'{{"{mark}": "{mark}", "{mark}": [{mark}]}}'.encode(), "headers": json}
    yield {"data": orjson.dumps([mark]), "headers": json}
    yield {"data": f"{mark}={mark}&grant_type={mark}&client_id={mark}&client_secret={mark}&client_assertion={mark}"}
    yield {"data": mark.encode(), "headers": {"content-type": f"application/{mark}"}}
    if route.request is not None:
        schema = route.request.model_json_schema()
        yield {"data": orjson.dumps(filled(schema, schema, mark)), "headers": json}


def others(route: Route[Any], mark: str) -> Iterator[dict[str, Any]]:
    """Requests with the mark in the query and in headers."""
    names = route.query.model_fields if route.query is not None else ()
    yield {"params": {**dict.fromkeys(names, mark), mark: mark}}
    pair = b64encode(f"{mark}:{mark}".encode()).decode()
    for authorization in (f"Bearer {mark}", f"Basic {pair}", f"DPoP {mark}", mark):
        yield {"headers": {"authorization": authorization}}
    names = ("idempotency-key", "dpop", "cookie", "x-forwarded-for", "client-cert", "user-agent", "prefer", "signature")
    # An id that a caller gives its request is kept where it has the form of one; this has not.
    yield {"headers": {**dict.fromkeys(names, mark), "x-request-id": f'{mark}"', "request-timeout": mark}}


def requests(route: Route[Any], mark: str) -> Iterator[dict[str, Any]]:
    """All of them, with a path that holds the mark where it has a parameter; bank names have a form of their own."""
    yield from others(route, mark)
    if route.method != "GET":
        yield from bodies(route, mark)


async def token_of(scene: Scene, cast: Cast) -> str:
    """The token of a new client of the partner with every scope."""
    scopes = (await scene.partner.get("/.well-known/oauth-authorization-server")).body["scopes_supported"]
    made = await scene.admin.post(
        f"/admin/v1/partners/{cast.partner_id}/clients", {"name": "c", "environment": "test", "scopes": scopes}
    )
    await scene.partner.login(made.body["id"], made.body["secret"])
    return scene.partner.token


async def ask(
    session: aiohttp.ClientSession, url: str, route: Route[Any], token: str, mark: str
) -> list[tuple[int, bytes]]:
    """What a route answers to each of its requests: status, and everything else as bytes."""
    answers = []
    path = re.sub(r"\{\w+\}", mark, route.path)
    for request in requests(route, mark):
        given = {"authorization": f"Bearer {token}", "idempotency-key": "k", **request.pop("headers", {})}
        async with session.request(route.method, url + path, headers=given, allow_redirects=False, **request) as reply:
            told = "\n".join(f"{name}: {value}" for name, value in reply.headers.items()).encode()
            answers.append((reply.status, told + await reply.read()))
    return answers


@pytest.mark.timeout(120)
async def test_no_refusal_repeats_what_was_sent(running: Running) -> None:
    """A mark in every path, query, header, field, member name and form of every route: in no answer, log or store."""
    mark = unique("pl4nt")
    asked: dict[str, list[tuple[int, bytes]]] = {}
    async with opened(running, Proof(Console(quiet=True))) as (scene, cast), aiohttp.ClientSession() as session:
        public = list(PUBLIC_ROUTES)
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(url: str, route: Route[Any], token: str) -> None:
            async with places:
                asked[f"{url} {route.method} {route.path}"] = await ask(session, url, route, token, mark)

        for first in range(0, len(public), _ROUTES_PER_CLIENT):
            token = await token_of(scene, cast)
            some = public[first : first + _ROUTES_PER_CLIENT]
            await asyncio.gather(*(one(running.file.gateway, route, token) for route in some))
        admin = running.file.admin_token
        await asyncio.gather(*(one(running.file.admin, route, admin) for route in ADMIN_ROUTES))
    assert len(asked) == len(PUBLIC_ROUTES) + len(ADMIN_ROUTES)
    repeated = [
        (route, number)
        for route, answers in asked.items()
        for number, (_, told) in enumerate(answers)
        if any(form in told for form in forms(mark))
    ]
    assert not repeated
    statuses = [status for answers in asked.values() for status, _ in answers]
    assert not [status for status in statuses if status >= 500]
    limited = sum(status == 429 for status in statuses)
    assert limited < len(statuses) / 20, f"{limited} of {len(statuses)} were not looked at"
    assert holding(await all_places(running), mark) == []


def test_the_requests_reach_every_kind_of_route() -> None:
    """What is made of the tables has a body for each type of request, and asks both ports."""
    routes = [*PUBLIC_ROUTES, *ADMIN_ROUTES]
    assert {route.access for route in routes} == set(Access)
    with_body = [route for route in routes if route.request is not None]
    for route in with_body:
        schema = route.request.model_json_schema() if route.request else {}
        body = filled(schema, schema, "mark")
        assert schema.get("properties", {}).keys() < body.keys(), route.path
