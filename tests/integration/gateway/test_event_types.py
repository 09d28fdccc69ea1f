"""The catalogue of event types over HTTP."""

from typing import Any

from gateway.schemas.payments import PaymentOut
from gateway.schemas.webhooks.event_types import EventTypeOut, EventTypesOut, ExampleOut
from tests.support.edge import Answer, Edge, Party

TYPES = "/v1/event-types"
SCHEMA = {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}}


async def create(edge: Edge, party: Party, **changes: Any) -> Answer:
    body = {"name": "order.shipped", "schema": SCHEMA, "description": "An order left.", **changes}
    return await edge.call("POST", TYPES, token=party.token, json=body)


async def publish(edge: Edge, party: Party, **fields: Any) -> Answer:
    body = {"type": "order.shipped", "data": {"sku": "a"}, **fields}
    return await edge.call("POST", "/v1/events", token=party.token, json=body)


async def test_a_type_is_described_and_its_events_are_checked(edge: Edge) -> None:
    """From creation to a second version, a deprecation and an example, each answer as the document shows it."""
    party = await edge.party()
    created = await create(edge, party)
    assert created.status == 201
    EventTypeOut.model_validate(created.json)
    path = created.headers["Location"]
    assert (path, created.json["current_version"]) == (f"{TYPES}/order.shipped", 1)
    assert (await publish(edge, party, priority="high")).status == 201
    wrong = await publish(edge, party, data={"sku": 5, "note": "planted"})
    assert (wrong.status, wrong.pointers()) == (422, {"/data/sku"})
    assert b"planted" not in wrong.raw
    more = await edge.call("POST", f"{path}/versions", token=party.token, json={"schema": {"type": "object"}})
    assert (more.status, more.json["current_version"]) == (201, 2)
    assert (await publish(edge, party, data={"sku": 5})).status == 201
    assert (await publish(edge, party, data={"sku": 5}, type_version=1)).pointers() == {"/data/sku"}
    assert (await publish(edge, party, type_version=9)).pointers() == {"/type_version"}
    off = await edge.call("PATCH", f"{path}/versions/2", token=party.token, json={"deprecated": True})
    assert (off.json["current_version"], off.json["versions"][0]["deprecated"]) == (1, True)
    example = (await edge.call("GET", f"{path}/example?version=1", token=party.token)).json
    ExampleOut.model_validate(example)
    assert example["example"]["data"] == {"sku": "example"}
    batch = {"data": [{"type": "order.shipped", "data": {}}, {"type": "order.shipped", "data": {"sku": "b"}}]}
    items = (await edge.call("POST", "/v1/events/batch", token=party.token, json=batch)).json["data"]
    assert [item["status"] for item in items] == ["rejected", "accepted"]
    assert [error["pointer"] for error in items[0]["problem"]["errors"]] == ["/data/sku"]


async def test_our_types_are_listed_and_belong_to_nobody_else(edge: Edge) -> None:
    """Payment and operational events are described beside the partner's; nobody may add to them or see another's."""
    party = await edge.party()
    await create(edge, party)
    listed = (await edge.call("GET", TYPES, token=party.token)).json
    EventTypesOut.model_validate(listed)
    owners = {found["name"]: found["owner"] for found in listed["data"]}
    assert owners["order.shipped"] == "partner"
    assert owners["payment.settled"] == owners["delivery.dead"] == "threadneedle"
    example = (await edge.call("GET", f"{TYPES}/payment.settled/example", token=party.token)).json["example"]
    PaymentOut.model_validate(example["data"])
    assert (await create(edge, party, name="payment.mine")).pointers() == {"/name"}
    added = await edge.call("POST", f"{TYPES}/payment.settled/versions", token=party.token, json={"schema": {}})
    assert added.status == 404
    stranger = await edge.party()
    assert (await edge.call("GET", f"{TYPES}/order.shipped", token=stranger.token)).status == 404


async def test_wrong_input_names_its_field(edge: Edge) -> None:
    """Whatever is wrong is named by its pointer, and nothing of it is repeated."""
    party = await edge.party()
    await create(edge, party, name="order.none", schema={"required": ["a"], "properties": {"a": {"pattern": "^q{9}$"}}})
    cases: list[tuple[str, str, dict[str, Any], int, set[str]]] = [
        ("POST", TYPES, {"name": "a b", "schema": {"$ref": "https://planted.example"}}, 422, {"/name"}),
        ("POST", TYPES, {"name": "order.a", "schema": {"$ref": "https://planted.example"}}, 422, {"/schema"}),
        ("POST", TYPES, {"name": "order.a", "schema": "planted"}, 422, {"/schema"}),
        ("POST", TYPES, {"name": "order.a", "schema": {}, "description": "x" * 2_000}, 422, {"/description"}),
        ("POST", TYPES, {"name": "order.none", "schema": {}}, 409, set()),
        ("PATCH", f"{TYPES}/order.none/versions/1", {"deprecated": "planted"}, 422, {"/deprecated"}),
        ("PATCH", f"{TYPES}/order.none/versions/x", {"deprecated": True}, 404, set()),
        ("PATCH", f"{TYPES}/order.none/versions/99", {"deprecated": True}, 404, set()),
        ("POST", "/v1/events", {"type": "endpoint.mine", "data": {}}, 422, {"/type"}),
        ("POST", "/v1/events", {"type": "order.a", "data": {}, "priority": "planted"}, 422, {"/priority"}),
        ("POST", "/v1/events", {"type": "order.a", "data": {}, "type_version": 0}, 422, {"/type_version"}),
        ("POST", "/v1/events", {"type": "order.a", "data": {}, "type_version": 1}, 422, {"/type_version"}),
    ]
    for method, path, body, status, pointers in cases:
        answer = await edge.call(method, path, token=party.token, json=body)
        assert (answer.status, answer.pointers()) == (status, pointers), (path, body)
        assert b"planted" not in answer.raw
    none = await edge.call("GET", f"{TYPES}/order.none/example", token=party.token)
    assert (none.status, none.code) == (409, "no_example")
    for path in (f"{TYPES}/order.none/example?version=2", f"{TYPES}/a%00b", f"{TYPES}/order.gone/example"):
        assert (await edge.call("GET", path, token=party.token)).status == 404
