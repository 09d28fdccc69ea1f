"""Webhook endpoints over HTTP, each answer as the OpenAPI document shows it."""

from base64 import b64encode, urlsafe_b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import orjson
from aiohttp import web

from gateway.schemas.webhooks.endpoints.bodies import EndpointChanged, EndpointCreated, EndpointOut
from gateway.schemas.webhooks.endpoints.keys import KeySetOut, SecretsOut
from gateway.schemas.webhooks.endpoints.trials import ChallengeOut, FilterTrialOut
from tests.support.certificates import client_certificate
from tests.support.edge import Answer, Edge, Party

ENDPOINTS = "/v1/webhook-endpoints"
URL = "https://shop.example.com/hook"


async def made(edge: Edge, party: Party, **fields: Any) -> Answer:
    return await edge.call("POST", ENDPOINTS, token=party.token, json={"url": URL, **fields})


def everything(edge: Edge, party: Party) -> dict[str, Any]:
    pem = client_certificate(edge.clock.now() + timedelta(days=9))
    return {
        "url": URL,
        "event_types": ["payment.*"],
        "merchant_ids": [party.merchant_id],
        "filter": "data.amount.value >= `1000`",
        "payload": "thin",
        "ordered": True,
        "description": "Back office",
        "headers": {"X-Tag": "a"},
        "secret_headers": {"Authorization": "Bearer planted"},
        "metadata": {"team": "a"},
        "signatures": ["v1", "v1a"],
        "concurrency": 3,
        "weight": 2,
        "rate": {"per_second": 2.5},
        "schedule_seconds": [0, 60, 3600],
        "client_certificate": {"certificate_chain": pem.chain, "private_key": pem.key},
        "secret": "whsec_" + b64encode(b"o" * 24).decode(),
    }


async def test_every_field_goes_in_and_comes_out(edge: Edge) -> None:
    """But for what is write-only: secret headers by name, a certificate by its end and fingerprint."""
    party = await edge.party()
    given = everything(edge, party)
    created = await edge.call("POST", ENDPOINTS, token=party.token, json=given)
    assert created.status == 201, created.raw
    EndpointCreated.model_validate(created.json)
    assert created.json["secret"] == given.pop("secret")
    shown = (await edge.call("GET", created.headers["Location"], token=party.token)).json
    EndpointOut.model_validate(shown)
    secret_headers, certificate = given.pop("secret_headers"), given.pop("client_certificate")
    assert shown["rate"] == {**given.pop("rate"), "burst": 3}
    assert given.items() <= shown.items()
    assert shown["secret_header_names"] == list(secret_headers)
    assert len(shown["client_certificate"]["sha256"]) == 64
    listed = (await edge.call("GET", ENDPOINTS, token=party.token)).json["data"]
    assert listed == [shown]
    for answer in (shown, listed):
        text = orjson.dumps(answer).decode()
        assert "planted" not in text
        assert not any(line in text for line in certificate["private_key"].splitlines()[1:-1])


async def test_fields_are_changed_cleared_and_kept(edge: Edge) -> None:
    """What is left out stays, null clears what may be empty and is refused elsewhere."""
    party = await edge.party()
    created = (await edge.call("POST", ENDPOINTS, token=party.token, json=everything(edge, party))).json
    path = f"{ENDPOINTS}/{created['id']}"
    kept = await edge.call("PATCH", path, token=party.token, json={"description": ""})
    EndpointChanged.model_validate(kept.json)
    moving = {"description", "updated_at", "secret", "public_key"}
    assert {key: value for key, value in created.items() if key not in moving}.items() <= kept.json.items()
    empty = {"filter": None, "rate": None, "schedule_seconds": None, "client_certificate": None, "merchant_ids": []}
    cleared = await edge.call(
        "PATCH", path, token=party.token, json={**empty, "secret_headers": {"Authorization": None}}
    )
    assert empty.items() <= cleared.json.items()
    assert cleared.json["secret_header_names"] == []
    refused = await edge.call("PATCH", path, token=party.token, json=dict.fromkeys(["url", "weight", "ownership"]))
    assert (refused.status, refused.pointers()) == (422, {"/url", "/weight", "/ownership"})


async def test_wrong_fields_are_told_together(edge: Edge) -> None:
    """With a pointer each, and nothing of what was sent."""
    party = await edge.party()
    wrong = {
        "url": "http://planted.example.com",
        "event_types": ["planted!"],
        "filter": "planted(",
        "secret_headers": {"Host": "planted"},
        "signatures": [],
        "weight": 0,
        "rate": {"per_second": 0, "burst": 0},
        "schedule_seconds": [0, 432_000],
        "client_certificate": {"certificate_chain": "planted", "private_key": "planted"},
        "secret": "planted",
    }
    refused = await made(edge, party, **wrong)
    assert refused.status == 422
    assert refused.pointers() == {
        "/url",
        "/event_types/0",
        "/filter",
        "/secret_headers",
        "/signatures",
        "/weight",
        "/rate/per_second",
        "/rate/burst",
        "/schedule_seconds/1",
        "/client_certificate/certificate_chain",
        "/client_certificate/private_key",
        "/secret",
    }
    assert b"planted" not in refused.raw
    unknown = await made(edge, party, merchant_ids=["planted", party.merchant_id, "mer_test_planted"])
    assert (unknown.status, unknown.pointers()) == (422, {"/merchant_ids/0", "/merchant_ids/2"})
    types = await made(edge, party, payload="half", signatures=["v2"], ownership="maybe", rate={"per_second": "1"})
    assert types.pointers() == {"/payload", "/signatures/0", "/ownership", "/rate/per_second"}


async def test_a_filter_that_is_too_slow_is_refused(edge: Edge) -> None:
    """It would run at every event: the error names the field and says what it may take."""
    party = await edge.party()
    slow = " || ".join(["length(data.items[?price > `9` && sku != 'x']) > `3`"] * 12)
    refused = await made(edge, party, filter=slow)
    assert (refused.status, refused.pointers()) == (422, {"/filter"})
    assert refused.json["errors"][0]["code"] == "filter_slow"


async def test_pausing_and_enabling(edge: Edge) -> None:
    """Both directions, and what a replay would cover after it was disabled."""
    party = await edge.party()
    path = f"{ENDPOINTS}/{(await made(edge, party)).json['id']}"
    paused = await edge.call("POST", f"{path}/pause", token=party.token)
    assert (paused.status, paused.json["paused_at"] is None) == (200, False)
    resumed = await edge.call("POST", f"{path}/resume", token=party.token)
    assert (resumed.status, resumed.json["paused_at"]) == (200, None)
    disabled = (await edge.call("PATCH", path, token=party.token, json={"state": "disabled"})).json
    assert disabled["replay_hint"] is None
    enabled = (await edge.call("PATCH", path, token=party.token, json={"state": "enabled"})).json
    assert enabled["replay_hint"]["since"] == disabled["disabled_at"]
    assert "replay" in enabled["replay_hint"]["action"]


async def test_keys_are_rotated_per_scheme_and_published(edge: Edge) -> None:
    """The private half of v1a is never shown; its public half anybody may read, for as long as it signs."""
    party = await edge.party()
    created = (await made(edge, party)).json
    path = f"{ENDPOINTS}/{created['id']}/secret"
    rotated = await edge.call("POST", f"{path}/rotate", token=party.token, json={"scheme": "v1a"})
    SecretsOut.model_validate(rotated.json)
    assert [key["scheme"] for key in rotated.json["data"]] == ["v1", "v1a", "v1a"]
    assert [key["secret"] for key in rotated.json["data"]] == [created["secret"], None, None]
    assert rotated.json["data"][2]["public_key"] == created["public_key"]
    assert (await edge.call("GET", path, token=party.token)).json == rotated.json
    published = await edge.call("GET", created["jwks_path"])
    KeySetOut.model_validate(published.json)
    assert published.headers["Cache-Control"] == "public, max-age=300"
    shown = ["whpk_" + b64encode(urlsafe_b64decode(key["x"] + "=")).decode() for key in published.json["keys"]]
    assert shown == [key["public_key"] for key in rotated.json["data"][1:]]
    assert [key["kid"] for key in published.json["keys"]] == [key["id"] for key in rotated.json["data"][1:]]
    third = await edge.call("POST", f"{path}/rotate", token=party.token, json={"scheme": "v1a"})
    assert (third.status, third.code) == (409, "rotation_unfinished")
    own = await edge.call("POST", f"{path}/rotate", token=party.token, json={"scheme": "v1a", "secret": "whsec_x"})
    assert (own.status, own.pointers()) == (422, {"/secret"})


async def test_unknown_key_sets_are_not_found(edge: Edge) -> None:
    """Another partner's id before the endpoint's, the other environment's, a deleted one, no ids at all."""
    party, other = await edge.party(), await edge.party()
    created = (await made(edge, party)).json
    good = created["jwks_path"]
    wrong = (
        good.replace(party.partner_id, other.partner_id),
        good.replace("ep_test_", "ep_"),
        good.replace(party.partner_id, "nobody"),
        "/webhook-keys/a/b/jwks.json",
    )
    for path in wrong:
        assert (await edge.call("GET", path)).status == 404, path
    assert (await edge.call("GET", good)).status == 200
    await edge.call("DELETE", f"{ENDPOINTS}/{created['id']}", token=party.token)
    assert (await edge.call("GET", good)).status == 404


async def test_a_receiver_proves_itself(edge: Edge) -> None:
    """A real receiver gives the token back over HTTP; one that does not is told what to do."""
    party = await edge.party()
    async with receiver(lambda token: token) as good, receiver(lambda _: "ok") as bad:
        created = (await made(edge, party, url=bad, ownership="challenge")).json
        assert (created["state"], created["proven_at"]) == ("unproven", None)
        path = f"{ENDPOINTS}/{created['id']}"
        first = await edge.call("POST", f"{path}/challenge", token=party.token)
        ChallengeOut.model_validate(first.json)
        assert (first.json["proven"], first.json["reason"], first.json["status_code"]) == (False, "body_other", 200)
        assert "data.challenge" in first.json["expected"]
        await edge.call("PATCH", path, token=party.token, json={"url": good})
        second = await edge.call("POST", f"{path}/challenge", token=party.token)
        assert (second.json["proven"], second.json["state"]) == (True, "enabled")
    await edge.call("PATCH", path, token=party.token, json={"url": bad})
    third = await edge.call("POST", f"{path}/challenge", token=party.token)
    assert (third.json["proven"], third.json["error_class"], third.json["state"]) == (False, "connect", "unproven")


async def test_filters_are_tried_before_they_are_used(edge: Edge) -> None:
    """With everything else at its widest, or on what an endpoint has; why an event is kept away is said."""
    party = await edge.party()
    event = {"type": "order.shipped", "data": {"total": 7}, "merchant_id": party.merchant_id}
    trial = {"filter": "data.total > `5`", "event": event}
    heard = await edge.call("POST", f"{ENDPOINTS}/filter-test", token=party.token, json=trial)
    FilterTrialOut.model_validate(heard.json)
    assert (heard.json["matches"], heard.json["failed"], heard.json["microseconds"] > 0) == (True, [], True)
    created = (await made(edge, party, event_types=["payment.*"], filter="data.total > `9`")).json
    path = f"{ENDPOINTS}/{created['id']}/filter-test"
    own = await edge.call("POST", path, token=party.token, json={"event": event})
    assert (own.json["matches"], own.json["failed"]) == (False, ["event_types", "filter"])
    assert (own.json["why"].count("."), own.json["filter_result"]) == (2, "false")
    broken = {"event": event, "filter": "length(data.gone) > `1`"}
    cannot = await edge.call("POST", f"{ENDPOINTS}/filter-test", token=party.token, json=broken)
    assert (cannot.json["failed"], cannot.json["filter_result"]) == (["filter"], "not_computable")
    assert "cannot be computed" in cannot.json["why"]
    other = await edge.call("POST", path, token=party.token, json={**trial, "event_types": ["order.*"]})
    assert other.json["matches"] is True
    refused = await edge.call(
        "POST", path, token=party.token, json={"filter": "(", "event_types": ["a b"], "event": event}
    )
    assert (refused.status, refused.pointers()) == (422, {"/filter", "/event_types/0"})


@asynccontextmanager
async def receiver(answer: Any) -> AsyncIterator[str]:
    """A merchant's server that answers with what the function makes of the token; its URL."""

    async def handle(request: web.Request) -> web.Response:
        return web.Response(text=answer((await request.json())["data"]["challenge"]))

    app = web.Application()
    app.router.add_post("/hook", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}/hook"
    finally:
        await runner.cleanup()
