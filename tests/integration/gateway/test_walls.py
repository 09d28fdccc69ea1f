"""Walls between tenants, tried on every route of both tables: a new route is tried by itself, or fails here."""

import copy
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from gateway.admin.routes import ADMIN_ROUTES
from gateway.http.route import Access, Route
from gateway.openapi import ADMIN, PARTNERS
from gateway.routes import PUBLIC_ROUTES
from kernel.ids import Environment, Kind, new_id, to_text
from tests.support.edge import Answer, Edge, Party
from tests.support.linking import link

ENDPOINTS = "/v1/webhook-endpoints"
_KINDS = {f"{kind.name.lower()}_id": kind for kind in Kind}
# Banks belong to an environment and are open to all its partners.
_SHARED = "{bank_id}"
# A number that many may use: by itself it is nothing of anybody.
_NOBODYS = "version"
# Trials keep nothing and look nothing up.
_TRIALS = {"try_filter", "try_endpoint_filter"}
# What is each answer's own.
_OWN = {"request_id", "repeated", "microseconds"}
_NOW = datetime(2026, 11, 22, tzinfo=UTC)


async def _owned(edge: Edge, party: Party, bank: str) -> dict[str, str]:
    """One resource of each kind that has an id, by the name that it has in paths, queries and bodies."""
    path, token = f"{ENDPOINTS}", party.token
    order = copy.deepcopy(PARTNERS.examples["create_payment"]["request"]) | {
        "merchant_id": party.merchant_id,
        "bank_id": bank,
    }
    paid = await edge.call("POST", "/v1/payments", token=token, headers={"Idempotency-Key": "k"}, json=order)
    made = await edge.call("POST", path, token=token, json={"url": "https://hooks.example.com/in"})
    sent = await edge.call("POST", f"{path}/{made.json['id']}/test", token=token)
    found = await edge.call("GET", f"/v1/deliveries?event_id={sent.json['id']}", token=token)
    covered = {"endpoint_id": made.json["id"], "since": edge.clock.now().replace(microsecond=0).isoformat()}
    replay = await edge.call("POST", "/v1/replays", token=token, json=covered)
    linked = await link(edge, party, bank_id=bank)
    described = {"name": "order.shipped", "schema": {"type": "object"}}
    assert (await edge.call("POST", "/v1/event-types", token=token, json=described)).status == 201
    return {
        "partner_id": party.partner_id,
        "client_id": party.client_id,
        "merchant_id": party.merchant_id,
        "payment_id": paid.json["id"],
        "consent_id": linked.consent_id,
        "account_id": linked.account_ids[0],
        "endpoint_id": made.json["id"],
        "delivery_id": found.json["data"][0]["id"],
        "event_id": sent.json["id"],
        "replay_id": replay.json["id"],
        "environment": "test",
        "bank_id": bank,
        "day": "2026-11-22",
        "name": "order.shipped",
        "version": "1",
    }


def _nothing(name: str) -> str:
    """A well-formed id of the test environment that names nothing."""
    if name not in _KINDS:
        return "nothing"
    identifier = new_id(_NOW) if name != "partner_id" else UUID(int=secrets.randbits(128))
    return to_text(_KINDS[name], identifier, Environment.LIVE if name == "partner_id" else Environment.TEST)


def _request(route: Route[Any], ids: dict[str, str]) -> dict[str, Any]:
    """What the route takes: its own example, about the caller's own resources."""
    options: dict[str, Any] = {"headers": {"Idempotency-Key": secrets.token_hex(8)}}
    if route.request is not None and not route.raw:
        options["json"] = _with(copy.deepcopy(_example(route)), ids)
    return options


def _example(route: Route[Any]) -> dict[str, Any]:
    """The body that the document shows."""
    surface = ADMIN if route.access is Access.ADMIN else PARTNERS
    shown: dict[str, Any] = surface.examples[route.handler.__name__].get("request", {})
    return shown


def _with(value: Any, ids: dict[str, str]) -> Any:
    """The value with the caller's own ids in place of the example's."""
    if isinstance(value, dict):
        return {
            key: ids[key] if key in ids and isinstance(inner, str) else _with(inner, ids)
            for key, inner in value.items()
        }
    return [_with(inner, ids) for inner in value] if isinstance(value, list) else value


def _same(one: Answer, other: Answer) -> bool:
    """Whether a caller could tell the two apart."""
    return (one.status, _plain(one.json)) == (other.status, _plain(other.json))


def _plain(value: Any) -> Any:
    """Without what is each answer's own."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items() if key not in _OWN}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


async def test_ids_in_paths_of_others_are_not_found(edge: Edge) -> None:
    """Ids of another partner, of the other environment, or of nothing are 404, whatever the route."""
    owner, stranger, live = await edge.party(), await edge.party(), await edge.party("live")
    await edge.add_bank()
    ids = await _owned(edge, owner, "scripted")
    nothing = {name: _nothing(name) for name in ids}
    for route in PUBLIC_ROUTES:
        if route.access is not Access.PARTNER or "{" not in route.path:
            continue
        tries = [(live, ids), (owner, nothing), (owner, dict.fromkeys(ids, "nothing"))]
        for caller, used in tries if _SHARED in route.path else [(stranger, ids), *tries]:
            answer = await edge.call(
                route.method, route.path.format(**used), token=caller.token, **_request(route, ids)
            )
            assert (answer.status, answer.code) == (404, "not_found"), (route.method, route.path, caller.environment)


async def test_each_part_of_a_path_is_checked_by_itself(edge: Edge) -> None:
    """A path with several ids is not found as soon as one is another's: on the admin port and for anybody."""
    owner, other = await edge.party(), await edge.party()
    await edge.add_bank()
    ids, others = await _owned(edge, owner, "scripted"), await _owned(edge, other, "scripted")
    proposal = {"verdict": "rejected", "note": "Seen in the books."}
    for each in (ids, others):
        path = f"/admin/v1/payments/{each['payment_id']}/evidence"
        proposed = await edge.call("POST", path, admin=True, json=proposal)
        each["proposal_id"] = proposed.json.get("id", _nothing("proposal_id"))
    others["environment"] = "live"
    tried = 0
    for routes, admin in ((PUBLIC_ROUTES, False), (ADMIN_ROUTES, True)):
        for route in routes:
            names = [name for name in _names(route) if name != _NOBODYS]
            if route.access is Access.PARTNER or len(names) < 2 or _is_list_of_a_partner(route):
                continue
            for name in names:
                path = route.path.format(**ids | {name: others[name]})
                answer = await edge.call(route.method, path, admin=admin, **_request(route, ids))
                assert (answer.status, answer.code) == (404, "not_found"), (route.method, route.path, name)
                tried += 1
    assert tried >= 8


def _is_list_of_a_partner(route: Route[Any]) -> bool:
    """Whether an admin names no more there than a partner's environment, or a type that every partner may have."""
    return route.acting and set(_names(route)) <= {"partner_id", "environment", "name"}


def _names(route: Route[Any]) -> list[str]:
    return [part[1:-1] for part in route.path.split("/") if part.startswith("{")]


async def test_ids_in_queries_of_others_are_ids_of_nothing(edge: Edge) -> None:
    """A filter by another's id answers as one by an id that nobody has: nobody learns what exists."""
    owner, stranger = await edge.party(), await edge.party()
    await edge.add_bank()
    ids, own = await _owned(edge, owner, "scripted"), await _owned(edge, stranger, "scripted")
    tried = 0
    for route in PUBLIC_ROUTES:
        for name in [] if route.query is None else [each for each in route.query.model_fields if each in _KINDS]:
            path = route.path.format(**own)
            foreign = await edge.call(route.method, f"{path}?{name}={ids[name]}", token=stranger.token)
            unknown = await edge.call(route.method, f"{path}?{name}={_nothing(name)}", token=stranger.token)
            assert _same(foreign, unknown), (route.path, name)
            assert foreign.status in {404, 422} or foreign.json["data"] == [], (route.path, name)
            live = ids[name].replace("_test_", "_")
            answer = await edge.call(route.method, f"{path}?{name}={live}", token=stranger.token)
            assert (answer.status, answer.pointers()) == (422, {f"/{name}"}), (route.path, name)
            tried += 1
    assert tried >= 8


async def test_ids_in_bodies_of_others_are_ids_of_nothing(edge: Edge) -> None:
    """A body that names another's resource is refused as one that names nothing, with the same words."""
    owner, stranger = await edge.party(), await edge.party()
    await edge.add_bank()
    await edge.add_bank("live", "scripted-live")
    ids, own = await _owned(edge, owner, "scripted"), await _owned(edge, stranger, "scripted")
    foreign = ids | {"bank_id": "scripted-live"}
    tried = set()
    for route in PUBLIC_ROUTES:
        if route.request is None or route.raw:
            continue
        for place in _places(route, own):
            answers = []
            for value in (foreign[place[-1]], _nothing(place[-1])):
                options = _request(route, own)
                _put(options["json"], place, value)
                answers.append(await edge.call(route.method, route.path.format(**own), token=stranger.token, **options))
            assert _same(*answers), (route.path, place, answers[0].raw, answers[1].raw)
            refused = answers[0].status >= 400 or b'"rejected"' in answers[0].raw
            assert refused or route.handler.__name__ in _TRIALS, (route.path, place)
            tried.add(place[-1])
    assert tried >= {"merchant_id", "bank_id", "endpoint_id", "delivery_id"}


def _places(route: Route[Any], own: dict[str, str]) -> Iterator[tuple[str | int, ...]]:
    """Where the route's body may name a resource: as its type says, and as its example does."""
    assert route.request is not None
    known = {*_KINDS, "bank_id"} & own.keys()
    shown = _example(route)
    yield from sorted({*_typed(route.request, known), *_shown(shown, known)}, key=str)


def _typed(model: type[BaseModel], known: set[str]) -> Iterator[tuple[str | int, ...]]:
    for name, field in model.model_fields.items():
        if name in known:
            yield (name,)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from ((name, *rest) for rest in _typed(field.annotation, known))


def _shown(value: Any, known: set[str]) -> Iterator[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        if key in known:
            yield (key,)
        yield from ((key, *rest) for rest in _shown(inner, known))


def _put(body: Any, place: tuple[str | int, ...], value: str) -> None:
    for key in place[:-1]:
        body = body.setdefault(key, {}) if isinstance(body, dict) else body[key]
    body[place[-1]] = value


async def test_what_a_stranger_lists_is_its_own(edge: Edge) -> None:
    """Every list that needs no id is empty for a partner that has nothing, and for the other environment."""
    owner, stranger, live = await edge.party(), await edge.party(), await edge.party("live")
    await edge.add_bank()
    ids = await _owned(edge, owner, "scripted")
    mine = {value.encode() for name, value in ids.items() if name in _KINDS} | {b"order.shipped"}
    for route in PUBLIC_ROUTES:
        if route.access is Access.PARTNER and route.method == "GET" and "{" not in route.path:
            for caller in (stranger, live):
                answer = await edge.call("GET", route.path, token=caller.token)
                assert answer.status == 200, route.path
                assert not [value for value in mine if value in answer.raw], route.path


async def test_what_an_admin_lists_for_a_partner_is_that_partners(edge: Edge) -> None:
    """Lists of one partner's environment hold nothing of another's; of a partner that is not there, there are none."""
    owner, other = await edge.party(), await edge.party()
    await edge.add_bank()
    ids = await _owned(edge, owner, "scripted")
    mine = {value.encode() for name, value in ids.items() if name in _KINDS} | {b"order.shipped"}
    lists = [route for route in ADMIN_ROUTES if route.acting and len(_names(route)) == 2 and route.method == "GET"]
    for route in lists:
        for place in ({"partner_id": other.partner_id}, {"environment": "live"}):
            answer = await edge.call("GET", route.path.format(**ids | place), admin=True)
            assert answer.status == 200, route.path
            assert not [value for value in mine if value in answer.raw], route.path
        for place in ({"partner_id": _nothing("partner_id")}, {"environment": "staging"}):
            answer = await edge.call("GET", route.path.format(**ids | place), admin=True)
            assert (answer.status, answer.code) == (404, "not_found"), (route.path, place)
    assert len(lists) >= 6
