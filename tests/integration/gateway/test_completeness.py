"""What became of events, over HTTP: searched, missed, counted, proven."""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import asyncpg
import pytest

from gateway.schemas.pages import Page
from gateway.schemas.queue import QueueOut
from gateway.schemas.webhooks.completeness import (
    EventDetail,
    GapsOut,
    ManifestOut,
    SummaryOut,
    UndeliveredPageOut,
)
from gateway.schemas.webhooks.deliveries import DeliveryOut, FoundAttemptOut
from kernel.ids import Environment, Kind, Tenant, from_text, new_id, to_text
from kernel.sealing import Vault
from tests.support.clock import FakeClock
from tests.support.edge import Edge, Party
from tests.support.shelf import Shelf
from webhooks.manifests.maker import ManifestMaker

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
TEST = Environment.TEST


@pytest.fixture
async def party(edge: Edge) -> Party:
    """A partner's test environment."""
    return await edge.party()


@pytest.fixture
def shelf(database: Pool, party: Party) -> Shelf:
    """Rows of the party, put there by hand."""
    return Shelf(database, Tenant(from_text(Kind.PARTNER, party.partner_id), TEST))


async def get(edge: Edge, party: Party, path: str, model: Any) -> Any:
    """A good answer, as the OpenAPI document shows it."""
    answer = await edge.call("GET", path, token=party.token)
    assert answer.status == 200, answer.raw
    model.model_validate(answer.json)
    return answer.json


async def test_a_failed_delivery_is_found_and_explained(edge: Edge, party: Party, shelf: Shelf) -> None:
    """By its endpoint, status class, error class and time; with its number, its last attempt and what it waits for."""
    endpoint, now = await shelf.endpoint(held_at=datetime.now(UTC), next_probe_at=datetime.now(UTC)), datetime.now(UTC)
    failed = {"last_status_code": 503, "last_error_class": "status", "last_attempt_at": now}
    delivery = await shelf.delivery(endpoint, state="pending", priority=1, next_attempt_at=now, **failed)
    await shelf.attempt(delivery, endpoint, status_code=503, error_class="status", cause="probe")
    await shelf.delivery(endpoint)
    asked = f"endpoint_id={to_text(Kind.ENDPOINT, endpoint, TEST)}&status_class=5xx&error_class=status&cause=probe"
    found = await get(edge, party, f"/v1/deliveries?{asked}&state=pending,dead&types=order.*", Page[DeliveryOut])
    (shown,) = found["data"]
    assert shown["id"] == to_text(Kind.DELIVERY, delivery, TEST)
    assert (shown["sequence"], shown["priority"], shown["last_status_code"]) == (1, "high", 503)
    assert shown["waiting_for"]["reason"] == "held"
    found = await get(edge, party, f"/v1/attempts?{asked}&since=2026-01-01T00:00:00Z", Page[FoundAttemptOut])
    assert [one["delivery_id"] for one in found["data"]] == [shown["id"]]
    outside = await get(edge, party, f"/v1/deliveries?{asked}&status_code=404", Page[DeliveryOut])
    assert outside == {"data": [], "next_cursor": None}


async def test_what_did_not_arrive_is_listed_counted_and_numbered(edge: Edge, party: Party, shelf: Shelf) -> None:
    """The undelivered, their summary, the gaps and the event agree with each other."""
    endpoint = await shelf.endpoint()
    event = await shelf.event()
    await shelf.delivery(endpoint, event, state="dead", state_reason="steps_used")
    await shelf.delivery(endpoint)
    await shelf.event(matched=0)
    listed = await get(edge, party, "/v1/undelivered", UndeliveredPageOut)
    assert [one["reason"] for one in listed["data"]] == ["unmatched", "steps_used"]
    one = await get(edge, party, "/v1/undelivered?reason=steps_used,held&limit=1", UndeliveredPageOut)
    assert [row["event_id"] for row in one["data"]] == [to_text(Kind.EVENT, event, TEST)]
    summary = await get(edge, party, "/v1/undelivered/summary?since=2026-01-01T00:00:00Z", SummaryOut)
    assert {row["reason"]: row["count"] for row in summary["data"]} == {"steps_used": 1, "unmatched": 1}
    path = f"/v1/webhook-endpoints/{to_text(Kind.ENDPOINT, endpoint, TEST)}/gaps"
    gaps = await get(edge, party, path, GapsOut)
    assert [(gap["first_sequence"], gap["state"], gap["reason"]) for gap in gaps["data"]] == [(1, "dead", "steps_used")]
    assert (gaps["last_sequence"], gaps["next_since"], gaps["oldest_kept_sequence"]) == (2, 2, 1)
    assert (await get(edge, party, f"{path}?since=1&limit=1", GapsOut))["data"] == []
    beyond = await edge.call("GET", f"{path}?since=3", token=party.token)
    assert (beyond.status, beyond.pointers()) == (422, {"/since"})


async def test_an_event_is_read_with_its_deliveries_also_after_erasure(
    edge: Edge, party: Party, database: Pool
) -> None:
    """Its data, how many deliveries are in each state, and once it was erased no data but when that was."""
    hooks = {"url": "https://hooks.example.com/in"}
    await edge.call("POST", "/v1/webhook-endpoints", token=party.token, json=hooks)
    body = {"type": "order.shipped", "data": {"number": 7}}
    sent = (await edge.call("POST", "/v1/events", token=party.token, json=body)).json
    shown = await get(edge, party, f"/v1/events/{sent['id']}", EventDetail)
    assert (shown["data"], shown["deliveries"], shown["erased_at"]) == ({"number": 7}, {"pending": 1}, None)
    await database.execute("UPDATE events SET erased_at = now(), sealed_body = ''")
    erased = await get(edge, party, f"/v1/events/{sent['id']}", EventDetail)
    assert erased["data"] is None
    assert erased["erased_at"] is not None
    feed = (await edge.call("GET", "/v1/events", token=party.token)).json["data"]
    assert [event["data"] for event in feed if event["id"] == sent["id"]] == [None]


async def test_manifests_are_listed_and_read(
    edge: Edge, party: Party, shelf: Shelf, vault: Vault, clock: FakeClock
) -> None:
    """Newest day first, page by page, and one by its day; what is no day is not found."""
    endpoint = await shelf.endpoint(created_at=clock.now() - timedelta(days=3))
    await ManifestMaker(shelf.pool, vault, clock).run_once()
    path = f"/v1/webhook-endpoints/{to_text(Kind.ENDPOINT, endpoint, TEST)}/manifests"
    first = await get(edge, party, f"{path}?limit=1", Page[ManifestOut])
    second = await get(edge, party, f"{path}?limit=1&cursor={first['next_cursor']}", Page[ManifestOut])
    assert first["data"][0]["day"] > second["data"][0]["day"]
    day = first["data"][0]["day"]
    assert await get(edge, party, f"{path}/{day}", ManifestOut) == first["data"][0]
    for wrong in ("2019-01-01", "yesterday"):
        answer = await edge.call("GET", f"{path}/{wrong}", token=party.token)
        assert (answer.status, answer.code) == (404, "not_found")
        assert "YYYY-MM-DD" in answer.json["recommended_action"]


@pytest.mark.parametrize(
    ("path", "pointers"),
    [
        ("/v1/deliveries?state=lost&types=.&status_code=99&status_class=9xx&error_class=x&cause=x", 6),
        ("/v1/deliveries?since=now&until=then&limit=0&cursor=", 4),
        ("/v1/deliveries?endpoint_id=x&event_id=x&payment_id=x&merchant_id=x&replay_id=x", 5),
        ("/v1/attempts?endpoint_id=x&event_id=x&delivery_id=ep_x", 3),
        ("/v1/attempts?status_code=x&status_class=x&error_class=x&cause=x&since=x&until=x", 6),
        ("/v1/undelivered?reason=bored&since=x&until=x&limit=101", 4),
        ("/v1/undelivered/summary?since=x&until=x", 2),
        ("/v1/undelivered?endpoint_id=x&merchant_id=x", 2),
        ("/v1/deliveries?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", 1),
    ],
)
async def test_every_wrong_parameter_is_named_at_once(edge: Edge, party: Party, path: str, pointers: int) -> None:
    """Each parameter that is wrong has its own field error, and nothing of it is repeated."""
    answer = await edge.call("GET", path, token=party.token)
    assert answer.status == 422, answer.raw
    named = {f"/{pair.split('=')[0]}" for pair in path.partition("?")[2].split("&")}
    assert answer.pointers() <= named
    assert len(answer.pointers()) == pointers
    assert "bored" not in answer.raw.decode()


async def test_another_partners_endpoint_has_nothing_to_show(edge: Edge, party: Party, shelf: Shelf) -> None:
    """A search that names it, or a merchant that is not there, is refused, and its gaps and manifests are not found."""
    endpoint = to_text(Kind.ENDPOINT, await shelf.endpoint(), TEST)
    await shelf.delivery(from_text(Kind.ENDPOINT, endpoint, TEST), state="dead", state_reason="too_old")
    stranger = await edge.party()
    for path in ("deliveries", "attempts", "undelivered"):
        for named in (endpoint, to_text(Kind.ENDPOINT, new_id(datetime.now(UTC)), TEST)):
            answer = await edge.call("GET", f"/v1/{path}?endpoint_id={named}", token=stranger.token)
            assert (answer.status, answer.pointers()) == (422, {"/endpoint_id"}), answer.raw
    for path in ("deliveries", "undelivered", "events", "payments"):
        for named in (party.merchant_id, to_text(Kind.MERCHANT, new_id(datetime.now(UTC)), TEST)):
            answer = await edge.call("GET", f"/v1/{path}?merchant_id={named}", token=stranger.token)
            assert (answer.status, answer.pointers()) == (422, {"/merchant_id"}), answer.raw
        own = await edge.call("GET", f"/v1/{path}?merchant_id={stranger.merchant_id}", token=stranger.token)
        assert (own.status, own.json["data"]) == (200, [])
    for path in ("gaps", "manifests"):
        answer = await edge.call("GET", f"/v1/webhook-endpoints/{endpoint}/{path}", token=stranger.token)
        assert answer.status == 404
    mine = await edge.call("GET", f"/v1/undelivered?endpoint_id={endpoint}", token=party.token)
    assert len(mine.json["data"]) == 1


async def test_an_admin_on_call_sees_the_queue(edge: Edge, party: Party, shelf: Shelf) -> None:
    """What is due and why it is not sent, the lanes that wait longest, and what of a partner's did not arrive."""
    now = datetime.now(UTC)
    late, held_since = now - timedelta(hours=2), now - timedelta(hours=1)
    stuck = await shelf.endpoint()
    held = await shelf.endpoint(held_at=held_since, next_probe_at=now, failing_since=held_since)
    paused = await shelf.endpoint(paused_at=now)
    for endpoint, due_at in ((stuck, late), (held, held_since), (held, now - timedelta(seconds=5)), (paused, late)):
        await shelf.delivery(endpoint, await shelf.event(late), state="pending", next_attempt_at=due_at)
    await shelf.delivery(stuck, state="pending", next_attempt_at=now + timedelta(hours=1))
    queue = (await edge.call("GET", "/admin/v1/queue", admin=True)).json
    QueueOut.model_validate(queue)
    assert {one["why"]: one["deliveries"] for one in queue["due"]} == {
        "queue": 1,
        "held": 2,
        "paused": 1,
        "unproven": 0,
        "ending": 0,
    }
    assert (queue["lanes_with_due"], queue["endpoints_held"], queue["endpoints_failing"]) == (3, 1, 1)
    assert {lane["endpoint_id"] for lane in queue["worst"][:2]} == {
        to_text(Kind.ENDPOINT, endpoint, TEST) for endpoint in (stuck, paused)
    }
    base = "/admin/v1/undelivered"
    mine = (await edge.call("GET", f"{base}?partner_id={party.partner_id}&environment=test", admin=True)).json
    assert len(mine["data"]) == 4
    whose = f"partner_id={party.partner_id}"
    assert (await edge.call("GET", f"{base}?{whose}&environment=live", admin=True)).json["data"] == []
    narrow = f"{whose}&environment=test&endpoint_id={to_text(Kind.ENDPOINT, held, TEST)}&types=order.*"
    assert len((await edge.call("GET", f"{base}?{narrow}", admin=True)).json["data"]) == 2
    nobody = to_text(Kind.PARTNER, new_id(now))
    unknown = to_text(Kind.MERCHANT, new_id(now), TEST)
    for wrong, pointer in (
        ("", "/partner_id"),
        ("partner_id=x&environment=test", "/partner_id"),
        (f"partner_id={nobody}&environment=test", "/partner_id"),
        (f"{whose}&environment=moon", "/environment"),
        (whose, "/environment"),
        (f"{whose}&environment=test&merchant_id={unknown}", "/merchant_id"),
        (f"{whose}&environment=test&endpoint_id=x", "/endpoint_id"),
    ):
        answer = await edge.call("GET", f"{base}?{wrong}", admin=True)
        assert answer.status == 422, answer.raw
        assert pointer in answer.pointers()
