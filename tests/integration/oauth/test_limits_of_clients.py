"""Clients that are limited to merchants and to addresses: on every route, for tokens that are out, within a second."""

import asyncio
import base64
import re
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from gateway.http.route import Access
from gateway.routes import PUBLIC_ROUTES
from tests.support.edge import Edge, Party
from tests.support.linking import link
from tests.support.oauth import Registered, register

SCOPES = ["payments:write", "accounts:write", "events:write", "webhooks:manage"]
PAYMENT: dict[str, Any] = {
    "bank_id": "scripted",
    "amount": {"currency": "GBP", "value": 1234},
    "creditor": {"name": "Example Books Ltd", "account": {"iban": "GB33BUKB20201555555555"}},
    "reference": "Invoice 17",
}
ENDPOINT = {"url": "https://127.0.0.1/hook", "event_types": ["*"]}
RESOURCES = {"payment_id", "consent_id", "account_id", "event_id", "delivery_id", "endpoint_id"}
PARTNER_ROUTES = [route for route in PUBLIC_ROUTES if route.access is Access.PARTNER]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A partner with two merchants, what the second one has, and a token that is limited to the first."""

    party: Party
    client: Registered
    token: str
    own: str
    other: str
    theirs: dict[str, str]


async def limited(edge: Edge, party: Party, **limits: Any) -> tuple[Registered, str]:
    """A client of the partner with these limits, and a token of it, if it gets one from here."""
    made = await register(edge, party.partner_id, scopes=SCOPES, **limits)
    assert made.answer.status == 201, made.answer.raw
    await edge.oauth.in_force.refresh()
    token = await edge.token(made.id, made.answer.json["secret"])
    return made, token.json.get("access_token", "")


async def pay(edge: Edge, token: str, merchant: str) -> Any:
    """Pay for a merchant."""
    headers = {"Idempotency-Key": uuid4().hex}
    return await edge.call(
        "POST", "/v1/payments", token=token, json={**PAYMENT, "merchant_id": merchant}, headers=headers
    )


@pytest.fixture
async def world(edge: Edge) -> World:
    """See the class."""
    await edge.add_bank()
    party = await edge.party(scopes=SCOPES)
    body = {"name": "Other Books Ltd", "environment": "test"}
    path = f"/admin/v1/partners/{party.partner_id}/merchants"
    other = (await edge.call("POST", path, admin=True, json=body)).json["id"]
    payment = await pay(edge, party.token, other)
    assert payment.status in {201, 202}, payment.raw
    made = await edge.call("POST", "/v1/webhook-endpoints", token=party.token, json={**ENDPOINT, "merchant_id": other})
    assert made.status == 201, made.raw
    event = await edge.call(
        "POST", "/v1/events", token=party.token, json={"type": "a.b", "data": {}, "merchant_id": other}
    )
    delivery = await edge.call("GET", "/v1/deliveries", token=party.token)
    linked = await link(edge, party, merchant_id=other)
    client, token = await limited(edge, party, merchant_ids=[party.merchant_id])
    theirs = {
        "payment_id": payment.json["id"],
        "consent_id": linked.consent_id,
        "account_id": linked.account_ids[0],
        "endpoint_id": made.json["id"],
        "event_id": event.json["id"],
        "delivery_id": delivery.json["data"][0]["id"],
    }
    return World(party=party, client=client, token=token, own=party.merchant_id, other=other, theirs=theirs)


def _path(path: str, ids: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: ids.get(match.group(1), "x"), path)


async def test_nothing_of_another_merchant_is_reached_on_any_route(edge: Edge, world: World) -> None:
    """Every route that names a resource answers 404 for one of a merchant that the client does not act for."""
    tried = 0
    for route in PARTNER_ROUTES:
        if not RESOURCES & set(re.findall(r"\{(\w+)\}", route.path)):
            continue
        tried += 1
        body = None if route.request is None else {}
        answer = await edge.call(route.method, _path(route.path, world.theirs), token=world.token, json=body)
        assert answer.status in {404, 422}, (route.method, route.path, answer.raw)
        assert answer.status == 404 or _was_not_read(answer), (route.method, route.path, answer.raw)
        if route.method == "GET" and "{day}" not in route.path:
            mine = await edge.call("GET", _path(route.path, world.theirs), token=world.party.token)
            assert mine.status == 200, (route.path, mine.raw)
    assert tried > 20


def _was_not_read(answer: Any) -> bool:
    """An empty body was refused before anything was looked for."""
    return {error["code"] for error in answer.json["errors"]} <= {"required", "format"}


async def test_a_route_that_names_no_merchant_is_closed(edge: Edge, world: World) -> None:
    """Of every other route either the merchant is asked for, or it is open on purpose, or it is refused."""
    for route in PARTNER_ROUTES:
        if RESOURCES & set(re.findall(r"\{(\w+)\}", route.path)) or route.for_limited:
            continue
        answer = await edge.call(
            route.method,
            _path(route.path, {}),
            token=world.token,
            json=None if route.request is None else {},
            headers={"Idempotency-Key": uuid4().hex},
        )
        names = [model for model in (route.request, route.query) if model and "merchant_id" in model.model_fields]
        if names and route.for_limited is None:
            assert answer.status == 422, (route.method, route.path, answer.raw)
            assert "/merchant_id" in answer.pointers() or route.request is not None, (route.path, answer.raw)
        elif route.request is None or route.for_limited is False:
            assert (answer.status, answer.code) == (403, "client_limited_to_merchants"), (route.path, answer.raw)


async def test_merchants_out_of_reach_do_not_exist(edge: Edge, world: World) -> None:
    """Naming another merchant, in a body, a batch or a query, is answered as naming none that there is."""
    assert (await pay(edge, world.token, world.other)).pointers() == {"/merchant_id"}
    batch = {"data": [{"type": "a.b", "data": {}, "merchant_id": each} for each in (world.own, world.other, None)]}
    batch["data"][2].pop("merchant_id")
    sent = await edge.call("POST", "/v1/events/batch", token=world.token, json=batch)
    assert [item["status"] for item in sent.json["data"]] == ["accepted", "rejected", "rejected"]
    for path in (
        "/v1/payments",
        "/v1/consents",
        "/v1/accounts",
        "/v1/events",
        "/v1/deliveries",
        "/v1/webhook-endpoints",
    ):
        refused = await edge.call("GET", f"{path}?merchant_id={world.other}", token=world.token)
        assert refused.pointers() == {"/merchant_id"}, path
        own = await edge.call("GET", f"{path}?merchant_id={world.own}", token=world.token)
        assert own.status == 200, own.raw
        assert world.other.encode() not in own.raw
    for name in ("endpoint_id", "event_id", "delivery_id"):
        answer = await edge.call("GET", f"/v1/attempts?{name}={world.theirs[name]}", token=world.token)
        assert answer.pointers() == {f"/{name}"}, name


async def test_the_own_merchant_is_served(edge: Edge, world: World) -> None:
    """What belongs to a merchant of the client works as for any client."""
    payment = await pay(edge, world.token, world.own)
    assert payment.status in {201, 202}, payment.raw
    for path in ("", "/timeline"):
        assert (await edge.call("GET", f"/v1/payments/{payment.json['id']}{path}", token=world.token)).status == 200
    body = {**ENDPOINT, "merchant_id": world.own}
    made = await edge.call("POST", "/v1/webhook-endpoints", token=world.token, json=body)
    assert made.status == 201, made.raw
    read = await edge.call("GET", f"/v1/webhook-endpoints/{made.json['id']}", token=world.token)
    assert read.status == 200
    unowned = await edge.call("POST", "/v1/webhook-endpoints", token=world.token, json=ENDPOINT)
    assert unowned.pointers() == {"/merchant_id"}


async def test_a_limit_bites_tokens_that_are_out(edge: Edge) -> None:
    """A limit that is set, changed or taken away is in force within a second, by itself."""
    party = await edge.party(scopes=SCOPES)
    path = f"/admin/v1/partners/{party.partner_id}/clients/{party.client_id}"
    assert (await edge.call("GET", "/v1/payments", token=party.token)).status == 200
    for limit, status in ({"merchant_ids": [party.merchant_id]}, 422), ({"merchant_ids": []}, 200):
        assert (await edge.call("PATCH", path, admin=True, json=limit)).status == 200
        async with asyncio.timeout(1):
            while (await edge.call("GET", "/v1/payments", token=party.token)).status != status:
                pass


async def test_a_client_is_limited_to_addresses(edge: Edge) -> None:
    """From elsewhere neither a token is given nor one that is out is taken; the proxy's own address does not count."""
    party = await edge.party(scopes=SCOPES)
    made, _ = await limited(edge, party, networks=["203.0.113.0/24", "2001:db8::/32"])
    for address, is_good in (("203.0.113.9", True), ("2001:db8::1", True), ("203.0.114.9", False), ("x", False)):
        headers = {"X-Forwarded-For": address}
        basic = {"client_id": made.id}
        answer = await edge.call(
            "POST",
            "/oauth/token",
            data={"grant_type": "client_credentials", **basic},
            headers={**headers, "Authorization": _basic(made)},
        )
        assert answer.status == (200 if is_good else 401), address
        if is_good:
            token = answer.json["access_token"]
            assert (await edge.call("GET", "/v1/payments", token=token, headers=headers)).status == 200
            refused = await edge.call("GET", "/v1/payments", token=token, headers={"X-Forwarded-For": "203.0.114.9"})
            assert (refused.status, refused.code) == (403, "address_not_allowed")


def _basic(made: Registered) -> str:
    return "Basic " + base64.b64encode(f"{made.id}:{made.answer.json['secret']}".encode()).decode()
