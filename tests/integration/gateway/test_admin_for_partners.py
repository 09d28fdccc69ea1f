"""An admin on call sees a partner's payments and webhooks, and sets the latter right, without its credentials."""

from typing import Any

from gateway.admin.routes import ADMIN_ROUTES
from tests.integration.gateway.test_api import pay
from tests.support.edge import Answer, Edge, Party

URL = {"url": "https://hooks.example.com/in"}


class _Desk:
    """An admin, asking about one partner's environment."""

    def __init__(self, edge: Edge, party: Party) -> None:
        self._edge = edge
        self._base = f"/admin/v1/partners/{party.partner_id}/{party.environment}"

    async def call(self, method: str, path: str, **options: Any) -> Answer:
        answer = await self._edge.call(method, self._base + path, admin=True, **options)
        assert answer.status < 300, answer.raw
        return answer


async def _delivery(edge: Edge, party: Party, endpoint_id: str) -> dict[str, Any]:
    sent = await edge.call("POST", f"/v1/webhook-endpoints/{endpoint_id}/test", token=party.token)
    found = await edge.call("GET", f"/v1/deliveries?event_id={sent.json['id']}", token=party.token)
    delivery: dict[str, Any] = found.json["data"][0]
    return delivery


async def test_an_admin_sees_payments_and_moves_none(edge: Edge) -> None:
    """In a list, one by one and with their timelines, as the partner does; paying and withdrawing are not there."""
    await edge.add_bank()
    party = await edge.party()
    payment = await pay(edge, party)
    admin, path = _Desk(edge, party), f"/payments/{payment.json['id']}"
    for each in (
        path,
        f"{path}/timeline",
        f"/payments?status={payment.json['status']}&merchant_id={party.merchant_id}",
    ):
        told = await edge.call("GET", f"/v1{each}", token=party.token)
        assert (await admin.call("GET", each)).json == told.json, each
    base = f"/admin/v1/partners/{party.partner_id}/{party.environment}"
    for method, each in (("POST", "/payments"), ("POST", f"{path}/cancel")):
        assert (await edge.call(method, base + each, admin=True, json={})).status in {404, 405}


async def test_an_admin_sees_what_the_partner_sees(edge: Edge) -> None:
    """Endpoints, deliveries, attempts, events and what did not arrive are answered as to the partner itself."""
    party = await edge.party()
    made = await edge.call("POST", "/v1/webhook-endpoints", token=party.token, json=URL)
    endpoint = f"/webhook-endpoints/{made.json['id']}"
    delivery = await _delivery(edge, party, made.json["id"])
    admin = _Desk(edge, party)
    paths = [
        *("/webhook-endpoints", endpoint, f"{endpoint}/gaps", f"{endpoint}/manifests"),
        *("/deliveries", f"/deliveries/{delivery['id']}", f"/deliveries/{delivery['id']}/attempts", "/attempts"),
        *("/events", f"/events/{delivery['event_id']}", "/undelivered", "/event-types", "/replays"),
    ]
    for path in paths:
        told = await edge.call("GET", f"/v1{path}", token=party.token)
        assert (await admin.call("GET", path)).json == told.json, path
    stranger = await edge.party()
    path = f"/admin/v1/partners/{stranger.partner_id}/test/deliveries?endpoint_id={made.json['id']}"
    answer = await edge.call("GET", path, admin=True)
    assert (answer.status, answer.pointers()) == (422, {"/endpoint_id"})


async def test_what_an_admin_does_is_the_admins_in_the_audit_log(edge: Edge) -> None:
    """Pausing, resuming, disabling, retrying, replaying and erasing are recorded under the admin and the partner."""
    party = await edge.party()
    made = await edge.call("POST", "/v1/webhook-endpoints", token=party.token, json=URL)
    endpoint = f"/webhook-endpoints/{made.json['id']}"
    delivery = await _delivery(edge, party, made.json["id"])
    admin = _Desk(edge, party)
    assert (await admin.call("POST", f"{endpoint}/pause")).json["paused_at"] is not None
    assert (await admin.call("POST", f"{endpoint}/resume")).json["paused_at"] is None
    assert (await admin.call("POST", f"/deliveries/{delivery['id']}/retry")).json["object"] == "delivery_retry"
    covered = {"endpoint_id": made.json["id"], "since": edge.clock.now().replace(microsecond=0).isoformat()}
    replay = await admin.call("POST", "/replays", json=covered)
    assert (await admin.call("POST", f"/replays/{replay.json['id']}/cancel")).json["state"] == "cancelled"
    read = await edge.call("GET", replay.headers["Location"], admin=True)
    assert read.json["id"] == replay.json["id"]
    assert (await admin.call("POST", f"/events/{delivery['event_id']}/erase")).json["erased_at"] is not None
    assert (await admin.call("PATCH", endpoint, json={"state": "disabled"})).json["state"] == "disabled"
    rows = (await edge.call("GET", "/admin/v1/audit-log?limit=20", admin=True)).json["data"]
    acted = {row["action"]: (row["actor"][:4], row["partner_id"]) for row in rows}
    wanted = {"endpoint.paused", "endpoint.resumed", "delivery.retried", "replay.created", "replay.cancelled"}
    for action in wanted | {"event.erased", "endpoint.changed"}:
        assert acted[action] == ("adm_", party.partner_id), (action, acted)


async def test_an_admin_sends_endpoints_nowhere_else(edge: Edge) -> None:
    """Where messages go is the partner's to say: an admin may enable and disable, and change nothing beside."""
    party = await edge.party()
    made = await edge.call("POST", "/v1/webhook-endpoints", token=party.token, json=URL)
    path = f"/admin/v1/partners/{party.partner_id}/test/webhook-endpoints/{made.json['id']}"
    answer = await edge.call("PATCH", path, admin=True, json={"state": "enabled", "url": "https://else.example.com"})
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert (await edge.call("GET", path, admin=True)).json["url"] == URL["url"]


def test_no_secret_is_shown_and_nothing_is_published_for_a_partner() -> None:
    """The routes that an admin may call for a partner hold none that reveals, makes or replaces a key, or publishes."""
    names = {route.handler.__name__ for route in ADMIN_ROUTES if route.acting}
    left_out = {"reveal_secret", "rotate_secret", "publish_event", "publish_events", "create_endpoint", "send_test"}
    assert not names & left_out
    assert len(names) >= 25
