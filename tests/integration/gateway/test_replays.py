"""Replays over HTTP, each answer as the OpenAPI document shows it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from gateway.schemas.pages import Page
from gateway.schemas.webhooks.replays import EstimateOut, ReplayOut, ReplayProgressOut, RetryOut
from kernel.ids import Environment, Kind, Tenant, from_text, to_text
from kernel.sealing import Vault
from tests.support.edge import Answer, Edge, Party
from tests.support.replays import Stage

REPLAYS = "/v1/replays"
TEST = Environment.TEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A partner that asks for replays of its deliveries."""

    edge: Edge
    party: Party
    stage: Stage

    async def post(self, path: str, body: dict[str, Any] | None = None) -> Answer:
        return await self.edge.call("POST", path, token=self.party.token, json=body or {})

    async def get(self, path: str) -> Answer:
        return await self.edge.call("GET", path, token=self.party.token)

    def ago(self, **span: float) -> str:
        return (self.stage.clock.now() - timedelta(**span)).isoformat()

    async def audited(self) -> list[tuple[str, str]]:
        """Action and target of what replays and retries left in the audit log."""
        rows = await self.stage.pool.fetch(
            "SELECT action, target FROM audit_log WHERE action ~ '^(replay|delivery)' ORDER BY at, id"
        )
        return [(row["action"], row["target"]) for row in rows]


@pytest.fixture
async def asking(edge: Edge, database: "asyncpg.Pool[asyncpg.Record]", vault: Vault) -> Asking:
    party = await edge.party()
    tenant = Tenant(from_text(Kind.PARTNER, party.partner_id), TEST)
    return Asking(edge=edge, party=party, stage=Stage(pool=database, vault=vault, clock=edge.clock, tenant=tenant))


def endpoint_text(endpoint_id: UUID) -> str:
    return to_text(Kind.ENDPOINT, endpoint_id, TEST)


async def test_a_replay_is_asked_for_watched_and_steered(asking: Asking) -> None:
    """Created with its total, paused, resumed and cancelled, listed, and each act is in the audit log."""
    stage = asking.stage
    endpoint = await stage.endpoint()
    await stage.deliveries(endpoint, 30)
    body = {"endpoint_id": endpoint_text(endpoint), "since": asking.ago(hours=2), "rate_per_second": 20}
    created = await asking.post(REPLAYS, {**body, "event_types": ["order.*"], "status_classes": ["5xx"]})
    assert created.status == 201, created.raw
    ReplayProgressOut.model_validate(created.json)
    assert (created.json["state"], created.json["total"], created.json["seconds_left"]) == ("running", 30, 1.5)
    assert created.json["states"] == ["dead", "undelivered"]
    path = created.headers["Location"]
    assert path == f"{REPLAYS}/{created.json['id']}"
    await stage.runner().run_once()
    now = (await asking.get(path)).json
    assert (now["queued"], now["outcomes"]["pending"], now["seconds_left"]) == (10, 10, 1.0)
    for verb, state in (("pause", "paused"), ("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        steered = await asking.post(f"{path}/{verb}")
        assert (steered.status, steered.json["state"]) == (200, state)
        ReplayProgressOut.model_validate(steered.json)
    late = await asking.post(f"{path}/resume")
    assert (late.status, late.code) == (409, "replay_ended")
    listed = (await asking.get(f"{REPLAYS}?limit=1")).json
    Page[ReplayOut].model_validate(listed)
    assert [item["id"] for item in listed["data"]] == [created.json["id"]]
    verbs = ("created", "paused", "resumed", "cancelled")
    assert await asking.audited() == [(f"replay.{verb}", created.json["id"]) for verb in verbs]


async def test_a_dry_run_only_counts(asking: Asking) -> None:
    """200 with counts and time; no replay, no Location, no word in the audit log."""
    stage = asking.stage
    endpoint = await stage.endpoint()
    await stage.deliveries(endpoint, 4)
    await stage.events(6, at=stage.recently + timedelta(seconds=1))
    body = {"endpoint_id": endpoint_text(endpoint), "since": asking.ago(hours=2), "include_unmatched": True}
    answer = await asking.post(REPLAYS, {**body, "rate_per_second": 2, "dry_run": True})
    assert answer.status == 200, answer.raw
    assert "Location" not in answer.headers
    estimate = EstimateOut.model_validate(answer.json)
    assert (estimate.total, estimate.unmatched, estimate.estimated_seconds) == (4, 6, 5.0)
    assert (await asking.get(REPLAYS)).json["data"] == []
    assert await asking.audited() == []


async def test_a_replay_of_one_merchant_is_asked_for_by_its_id(asking: Asking) -> None:
    """Counted, made and shown with its merchant; one that is not the partner's is a wrong field, counted or made."""
    stage, merchant = asking.stage, asking.party.merchant_id
    endpoint = await stage.endpoint()
    await stage.deliveries(endpoint, 2, merchant_id=from_text(Kind.MERCHANT, merchant, TEST))
    await stage.deliveries(endpoint, 5)
    body = {"merchant_id": merchant, "since": asking.ago(hours=2)}
    counted = await asking.post(REPLAYS, {**body, "dry_run": True})
    assert (counted.status, counted.json["total"]) == (200, 2)
    created = await asking.post(REPLAYS, body)
    assert (created.status, created.json["total"], created.json["merchant_id"]) == (201, 2, merchant)
    assert (await asking.get(created.headers["Location"])).json["merchant_id"] == merchant
    foreign = (await asking.edge.party()).merchant_id
    for wrong in (foreign, endpoint_text(endpoint), "mer_test_x"):
        for dry_run in (False, True):
            refused = await asking.post(REPLAYS, {**body, "merchant_id": wrong, "dry_run": dry_run})
            assert (refused.status, refused.pointers()) == (422, {"/merchant_id"})


async def test_lists_go_on_page_by_page(asking: Asking) -> None:
    """Newest first, each once, until there is no cursor."""
    stage = asking.stage
    await stage.deliveries(await stage.endpoint(), 1)
    made = [(await asking.post(REPLAYS, {"since": asking.ago(hours=2)})).json["id"] for _ in range(3)]
    first = (await asking.get(f"{REPLAYS}?limit=2")).json
    rest = (await asking.get(f"{REPLAYS}?limit=2&cursor={first['next_cursor']}")).json
    assert [item["id"] for item in (*first["data"], *rest["data"])] == made[::-1]
    assert rest["next_cursor"] is None
    assert (await asking.get(f"{REPLAYS}?cursor=nonsense")).pointers() == {"/cursor"}


async def test_one_delivery_is_retried(asking: Asking) -> None:
    """202: a pending one keeps its round, an ended one gets another and a replay that tells of it."""
    stage = asking.stage
    endpoint = await stage.endpoint()
    [dead, pending] = *await stage.deliveries(endpoint), *await stage.deliveries(endpoint, state="pending")
    text = to_text(Kind.DELIVERY, pending, TEST)
    answer = await asking.post(f"/v1/deliveries/{text}/retry")
    assert (answer.status, answer.json["delivery_id"]) == (202, text)
    assert (answer.json["round"], answer.json["replay_id"]) == (0, None)
    text = to_text(Kind.DELIVERY, dead, TEST)
    retried = RetryOut.model_validate((await asking.post(f"/v1/deliveries/{text}/retry")).json)
    assert (retried.delivery_id, retried.round, retried.step) == (text, 1, 0)
    replay = (await asking.get(f"{REPLAYS}/{retried.replay_id}")).json
    assert (replay["state"], replay["delivery_id"], replay["queued"]) == ("completed", text, 1)
    await stage.pool.execute("UPDATE deliveries SET state = 'delivered'")
    again = await asking.post(REPLAYS, {"delivery_id": text})
    assert (again.status, again.json["state"]) == (201, "completed")


async def test_every_wrong_field_is_named_at_once(asking: Asking) -> None:
    """422 lists all of them with JSON Pointers, and repeats nothing that was sent."""
    wrong = {
        "delivery_id": "evt_MARKED",
        "endpoint_id": "ep_MARKED",
        "event_types": ["ok.*", "MARKED*"],
        "since": asking.ago(days=31),
        "until": asking.ago(days=-1),
        "include_unmatched": True,
        "rate_per_second": 10_000,
    }
    answer = await asking.post(REPLAYS, wrong)
    assert (answer.status, answer.code) == (422, "validation_failed")
    pointers = {f"/{name}" for name in wrong} - {"/event_types"}
    assert answer.pointers() == {*pointers, "/event_types", "/event_types/1"}
    assert b"MARKED" not in answer.raw
    answer = await asking.post(REPLAYS, {"states": ["pending"], "status_classes": [7, "x"], "since": "MARKED", "x": 1})
    assert answer.pointers() == {"/states/0", "/status_classes/0", "/status_classes/1", "/since", "/x"}
    [said] = [error["message"] for error in answer.json["errors"] if error["pointer"] == "/status_classes/1"]
    assert "5xx" in said


async def test_ids_that_name_nothing_are_wrong_fields(asking: Asking) -> None:
    """An endpoint or delivery of another partner is unknown here, whether counted or replayed."""
    other = await asking.edge.party()
    foreign = Stage(
        pool=asking.stage.pool,
        vault=asking.stage.vault,
        clock=asking.edge.clock,
        tenant=Tenant(from_text(Kind.PARTNER, other.partner_id), TEST),
    )
    endpoint = await foreign.endpoint()
    [delivery_id] = await foreign.deliveries(endpoint)
    text = to_text(Kind.DELIVERY, delivery_id, TEST)
    bodies: list[dict[str, Any]] = [
        {"endpoint_id": endpoint_text(endpoint), "since": asking.ago(hours=2)},
        {"delivery_id": text},
    ]
    for body in bodies:
        for dry_run in (False, True):
            answer = await asking.post(REPLAYS, {**body, "dry_run": dry_run})
            assert (answer.status, answer.pointers()) == (422, {f"/{next(iter(body))}"})
    created = await asking.edge.call("POST", REPLAYS, token=other.token, json={"since": asking.ago(hours=2)})
    path = f"{REPLAYS}/{created.json['id']}"
    assert (await asking.get(path)).status == 404
    for verb in ("pause", "resume", "cancel"):
        assert (await asking.post(f"{path}/{verb}")).status == 404
    assert (await asking.post(f"/v1/deliveries/{text}/retry")).status == 404
    assert (await asking.get(REPLAYS)).json["data"] == []


async def test_an_endpoint_that_receives_nothing_is_refused_with_advice(asking: Asking) -> None:
    """409 with what helps, also for a dry run."""
    for state in ("disabled", "unproven", "deleted"):
        endpoint = await asking.stage.endpoint(state=state)
        for dry_run in (False, True):
            body = {"endpoint_id": endpoint_text(endpoint), "since": asking.ago(hours=2), "dry_run": dry_run}
            answer = await asking.post(REPLAYS, body)
            assert (answer.status, answer.code) == (409, "endpoint_not_receiving")
            assert answer.json["recommended_action"]


async def test_too_many_at_once_are_refused(asking: Asking) -> None:
    """Ten may run; a paused one makes room."""
    body = {"since": asking.ago(hours=2)}
    made = [await asking.post(REPLAYS, body) for _ in range(10)]
    assert {answer.status for answer in made} == {201}
    refused = await asking.post(REPLAYS, body)
    assert (refused.status, refused.code) == (409, "replays_max")
    await asking.post(f"{made[0].headers['Location']}/pause")
    assert (await asking.post(REPLAYS, body)).status == 201


async def test_reading_needs_less_than_steering(asking: Asking) -> None:
    """Who may only read webhooks may see replays, and neither make nor retry anything."""
    reader = await asking.edge.party(scopes=["webhooks:read"])
    assert (await asking.edge.call("GET", REPLAYS, token=reader.token)).status == 200
    for path in (REPLAYS, "/v1/deliveries/dlv_x/retry"):
        assert (await asking.edge.call("POST", path, token=reader.token, json={})).status == 403
