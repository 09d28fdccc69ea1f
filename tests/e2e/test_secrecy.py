"""What people and banks wrote, and what was given out as secret, is found nowhere but where it belongs."""

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from rich.console import Console

from gateway.admin.routes import ADMIN_ROUTES
from gateway.routes import PUBLIC_ROUTES
from tests.e2e.places import all_places, holding
from tests.e2e.running import Running, opened, unique
from threadneedle.demo.acts.arriving import log_in, register
from threadneedle.demo.merchant import Merchant
from threadneedle.demo.proof import Proof
from threadneedle.demo.scene import Cast, Scene, follow
from threadneedle.local.banks import UK_BANK

ATTEMPTS = {"GET /v1/deliveries/{delivery_id}/attempts", "GET /v1/attempts"}
EVENTS = {"GET /v1/events", "GET /v1/events/{event_id}"}
ENDPOINTS = {"GET /v1/webhook-endpoints", "GET /v1/webhook-endpoints/{endpoint_id}"}
CONSENTS = {"GET /v1/consents", "GET /v1/consents/{consent_id}"}
PAYMENTS = {"GET /v1/payments", "GET /v1/payments/{payment_id}"}
SECRET = {"GET /v1/webhook-endpoints/{endpoint_id}/secret"}
TYPES = {"GET /v1/event-types", "GET /v1/event-types/{name}", "GET /v1/event-types/{name}/example"}

_FOR_PARTNER = "/admin/v1/partners/{partner_id}/{environment}"


def shown_by(*routes: str) -> set[str]:
    """The partner's routes and, of those that an admin may call for it, the admin's."""
    admins = {f"{route.method} {route.path}" for route in ADMIN_ROUTES}
    return {*routes, *admins.intersection(route.replace("/v1", _FOR_PARTNER, 1) for route in routes)}


# Each thing that is planted, and the routes that may show it: to the partner that it belongs to, and to admins.
MAY_SHOW: Mapping[str, set[str]] = {
    "iban": set(),
    "creditor": set(),
    "merchant_name": set(),
    "note": {"GET /admin/v1/payments/{payment_id}/evidence"},
    "bank_secret": set(),
    "bank_url": set(),
    "client_secret": set(),
    "token": set(),
    "admin_token": set(),
    "secret_header": set(),
    "notification": set(),
    "signing_secret": SECRET,
    "own_secret": SECRET,
    "reference": {*shown_by(*PAYMENTS, *EVENTS, *ATTEMPTS), "GET /admin/v1/payments/{payment_id}/exchanges"},
    "metadata": shown_by(*PAYMENTS, *EVENTS, *ATTEMPTS),
    "end_to_end": shown_by(*PAYMENTS, *EVENTS, *ATTEMPTS),
    "event": shown_by(*EVENTS, *ATTEMPTS),
    "url": shown_by(*ENDPOINTS, *ATTEMPTS),
    "header": shown_by(*ENDPOINTS, *ATTEMPTS),
    "description": shown_by(*ENDPOINTS),
    "answer": shown_by(*ATTEMPTS),
    "type_words": shown_by(*TYPES),
    "request_key": set(),
    "return_url": CONSENTS,
    "user_agent": set(),
    "event_key": set(),
}


class Talkative(Merchant):
    """A merchant whose answers hold a mark."""

    def __init__(self, mark: str) -> None:
        super().__init__()
        self._mark = mark

    async def _receive(self, request: web.Request) -> web.Response:
        response = await super()._receive(request)
        response.text = self._mark
        return response


def marks() -> dict[str, str]:
    """A word for each thing; an account number and a signing secret have a form of their own."""
    made = {name: unique(f"{name[:6]}x") for name in MAY_SHOW}
    return {**made, "iban": "GB94BARC10201530093459", "reference": unique("ref"), "end_to_end": unique("e2e")}


async def plant(scene: Scene, cast: Cast, words: dict[str, str], simulator: str) -> dict[str, str]:
    """Say every word where it is taken, and note the secrets that are given out; the ids of what was made."""
    base = f"/admin/v1/partners/{cast.partner_id}"
    merchant = {"name": words["merchant_name"], "environment": "test"}
    cast.merchant_id = (await scene.admin.post(f"{base}/merchants", merchant)).body["id"]
    settings = {
        "base_url": f"{simulator}/{words['bank_url']}",
        "secrets": {"token": words["bank_secret"], "notification_secret": words["bank_secret"]},
    }
    bank = {"id": unique("bank-"), "adapter": "sandbox", "environment": "test", "name": "b", "settings": settings}
    made_bank = await scene.admin.post("/admin/v1/banks", bank)
    endpoint = await scene.partner.post(
        "/v1/webhook-endpoints",
        {
            "url": f"{scene.merchant.url}?token={words['url']}",
            "merchant_id": cast.merchant_id,
            "description": words["description"],
            "headers": {"x-kind": words["header"]},
            "secret_headers": {"x-api-key": words["secret_header"]},
        },
    )
    secrets = await scene.partner.get(f"/v1/webhook-endpoints/{endpoint.body['id']}/secret")
    words["signing_secret"] = secrets.body["data"][0]["secret"].removeprefix("whsec_")
    scene.merchant.trust(secrets.body["data"][0]["secret"])
    type_name = unique("order.")
    schema = {"type": "object", "title": words["type_words"]}
    document = {"name": type_name, "description": words["type_words"], "schema": schema}
    event_type = await scene.partner.post("/v1/event-types", document)
    event = await scene.partner.post(
        "/v1/events",
        {
            "id": words["event_key"],
            "type": type_name,
            "merchant_id": cast.merchant_id,
            "data": {"text": words["event"], "iban": words["event"]},
        },
    )
    paid = await scene.partner.pay(order(cast, words), key=words["request_key"])
    made = (made_bank, endpoint, event_type, event, paid)
    assert all(answer.status in (200, 201, 202) for answer in made), [answer.body for answer in made]
    notification = await scene.partner.post("/banks/sandbox/notifications", {"note": words["notification"]})
    consent = await scene.partner.post("/v1/consents", wish(cast, words), idempotency_key=unique("k"))
    note = {"verdict": "accepted", "note": words["note"]}
    proposal = await scene.admin.post(f"/admin/v1/payments/{paid.body['id']}/evidence", note)
    refused = [str(answer.body) for answer in (notification, proposal) if answer.status >= 400]
    assert not [word for word in words.values() if word in "".join(refused)]
    await follow(scene, paid.body["id"], until=("completed",))
    await scene.merchant.wait_for("payment.completed", paid.body["id"])
    words |= {"client_secret": cast.client_secret, "token": scene.partner.token, "admin_token": scene.admin.token}
    return {
        "partner_id": cast.partner_id,
        "client_id": cast.client_id,
        "merchant_id": cast.merchant_id,
        "bank_id": bank["id"],
        "payment_id": paid.body["id"],
        "consent_id": consent.body["id"],
        "event_id": event.body["id"],
        "environment": "test",
        "endpoint_id": endpoint.body["id"],
        "name": type_name,
        "version": "1",
    }


def order(cast: Cast, words: Mapping[str, str]) -> dict[str, Any]:
    """A payment with a word in every field that takes text."""
    return {
        "merchant_id": cast.merchant_id,
        "bank_id": "sandbox",
        "amount": {"currency": "GBP", "value": 1250},
        "creditor": {"name": words["creditor"], "account": {"iban": words["iban"]}},
        "reference": words["reference"],
        "end_to_end_id": words["end_to_end"],
        "metadata": {"note": words["metadata"]},
    }


def wish(cast: Cast, words: Mapping[str, str]) -> dict[str, Any]:
    """A consent with a word in every field that takes text."""
    return {
        "merchant_id": cast.merchant_id,
        "bank_id": UK_BANK,
        "valid_until": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
        "return_url": f"https://shop.example.com/{words['return_url']}",
        "payer": {"ip_address": "203.0.113.7", "user_agent": words["user_agent"]},
    }


async def read_all(running: Running, ids: Mapping[str, str], token: str) -> dict[str, bytes]:
    """What every GET of both ports answers, by route."""
    answers = {}
    ports = [(running.file.gateway, token, PUBLIC_ROUTES), (running.file.admin, running.file.admin_token, ADMIN_ROUTES)]
    async with aiohttp.ClientSession() as session:
        for url, bearer, routes in ports:
            for route in routes:
                if route.method != "GET":
                    continue
                path = re.sub(r"\{(\w+)\}", lambda found: ids.get(found[1], "none"), route.path)
                headers = {"authorization": f"Bearer {bearer}"}
                async with session.get(url + path, headers=headers) as reply:
                    while reply.status == 429:  # noqa: ASYNC110 - no other sign that there is room again
                        await asyncio.sleep(0.2)
                    answers[f"{route.method} {route.path}"] = str(reply.status).encode() + await reply.read()
    return answers


@pytest.mark.timeout(120)
async def test_planted_secrets_are_found_only_where_they_belong(running: Running) -> None:
    """Each planted word is shown by the routes that are for it, to its owner only, and lies or is logged nowhere."""
    words = marks()
    quiet = Proof(Console(quiet=True))
    async with opened(running, quiet) as (scene, cast), Talkative(words["answer"]) as merchant:
        mine = Scene(**{**{name: getattr(scene, name) for name in Scene.__dataclass_fields__}, "merchant": merchant})
        ids = await plant(mine, cast, words, running.file.simulator)
        deliveries = (await scene.partner.get(f"/v1/deliveries?event_id={ids['event_id']}")).body["data"]
        ids["delivery_id"] = deliveries[0]["id"]
        shown = await read_all(running, ids, scene.partner.token)
        other = Cast()
        await register(scene, other)
        await log_in(scene, other)
        strange = await read_all(running, ids, scene.partner.token)
    found = {word: set(holding(shown, text)) for word, text in words.items()}
    assert {word: places - MAY_SHOW[word] for word, places in found.items() if places - MAY_SHOW[word]} == {}
    assert {word for word in words if MAY_SHOW[word] and not found[word]} <= {"own_secret"}
    partners = {place: told for place, told in strange.items() if not place.split(" ")[1].startswith("/admin")}
    assert {word: holding(partners, text) for word, text in words.items() if holding(partners, text)} == {}
    places = await all_places(running)
    assert {"payments.sealed_terms", "audit_log.detail", "events.sealed_body", "redis names"} <= places.keys()
    assert {word: holding(places, text) for word, text in words.items() if holding(places, text)} == {}
    assert orjson.dumps(sorted(place for place in places if place.startswith("log "))).count(b"log") >= 3
