"""Erasure over the API: who may, what is answered, and what still works afterwards."""

from typing import Any

from tests.support.edge import Edge, Party


async def publish(edge: Edge, party: Party) -> str:
    """One event about the party's merchant."""
    body = {"type": "order.shipped", "data": {"number": 1}, "merchant_id": party.merchant_id}
    return str((await edge.call("POST", "/v1/events", token=party.token, json=body)).json["id"])


async def test_a_partner_erases_its_own_event(edge: Edge) -> None:
    """Answered with the time; the feed then shows it without data; a repeat answers the same."""
    party = await edge.party()
    event_id = await publish(edge, party)
    erased = await edge.call("POST", f"/v1/events/{event_id}/erase", token=party.token)
    assert (erased.status, erased.json["id"], erased.json["deliveries_ended"]) == (200, event_id, 0)
    again = await edge.call("POST", f"/v1/events/{event_id}/erase", token=party.token)
    assert again.json["erased_at"] == erased.json["erased_at"]
    feed = await edge.call("GET", "/v1/events", token=party.token)
    assert [event["data"] for event in feed.json["data"]] == [None]


async def test_strangers_and_readers_erase_nothing(edge: Edge) -> None:
    """Another partner, and the same partner's other environment, get 404; a client without the scope 403."""
    party, stranger = await edge.party(), await edge.party()
    event_id = await publish(edge, party)
    path = f"/v1/events/{event_id}/erase"
    assert (await edge.call("POST", path, token=stranger.token)).status == 404
    assert (await edge.call("POST", path.replace("evt_test_", "evt_"), token=party.token)).status == 404
    reader = await edge.party(scopes=["events:write", "webhooks:read"])
    assert (await edge.call("POST", path, token=reader.token)).status == 403


async def test_an_admin_erases_a_merchant(edge: Edge) -> None:
    """Its events lose their data, its name is gone, its endpoints go; lists go on; other merchants keep all."""
    party, other = await edge.party(), await edge.party()
    for each in (party, other):
        await publish(edge, each)
    body = {"url": "https://merchant.example/hooks", "merchant_id": party.merchant_id}
    assert (await edge.call("POST", "/v1/webhook-endpoints", token=party.token, json=body)).status == 201
    path = f"/admin/v1/partners/{party.partner_id}/merchants/{party.merchant_id}/erase-bodies"
    erased = await edge.call("POST", path, admin=True)
    assert (erased.status, erased.json["name"], erased.json["state"]) == (200, None, "suspended")
    merchants = await edge.call("GET", f"/admin/v1/partners/{party.partner_id}/merchants", admin=True)
    assert [merchant["name"] for merchant in merchants.json["data"]] == [None]
    assert [event["data"] for event in (await edge.call("GET", "/v1/events", token=party.token)).json["data"]] == [None]
    assert (await edge.call("GET", "/v1/webhook-endpoints", token=party.token)).json["data"] == []
    kept = await edge.call("GET", "/v1/events", token=other.token)
    assert [event["data"] for event in kept.json["data"]] == [{"number": 1}]
    audit = (await edge.call("GET", "/admin/v1/audit-log", admin=True)).json["data"]
    assert audit[0]["action"] == "merchant.erased"
    assert audit[0]["target"] == party.merchant_id


async def test_an_erased_merchant_is_told_nothing_more(edge: Edge) -> None:
    """Its events are refused, one by one and in batches, although it was known; so are endpoints that name it."""
    party = await edge.party()
    await publish(edge, party)
    path = f"/admin/v1/partners/{party.partner_id}/merchants/{party.merchant_id}/erase-bodies"
    assert (await edge.call("POST", path, admin=True)).status == 200
    event = {"type": "order.shipped", "data": {}, "merchant_id": party.merchant_id}
    for times in range(2):
        refused = await edge.call("POST", "/v1/events", token=party.token, json=event)
        assert (refused.status, *_fields(refused.json)) == (422, ("/merchant_id", "suspended")), times
    batch = await edge.call("POST", "/v1/events/batch", token=party.token, json={"data": [event]})
    assert _fields(batch.json["data"][0]["problem"]) == [("/merchant_id", "suspended")]
    for named in ({"merchant_id": party.merchant_id}, {"merchant_ids": [party.merchant_id]}):
        body = {"url": "https://merchant.example/hooks", **named}
        refused = await edge.call("POST", "/v1/webhook-endpoints", token=party.token, json=body)
        assert refused.status == 422
        assert [code for _, code in _fields(refused.json)] == ["suspended"]
    body = {"type": "order.shipped", "data": {}}
    assert (await edge.call("POST", "/v1/events", token=party.token, json=body)).status == 201


def _fields(problem: dict[str, Any]) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in problem["errors"]]


async def test_another_partners_merchant_is_not_there(edge: Edge) -> None:
    """A merchant is erased under its own partner and environment only."""
    party, other = await edge.party(), await edge.party()
    base = f"/admin/v1/partners/{other.partner_id}/merchants/"
    assert (await edge.call("POST", f"{base}{party.merchant_id}/erase-bodies", admin=True)).status == 404
    assert (await edge.call("POST", f"{base}nothing/erase-bodies", admin=True)).status == 404


async def test_a_merchant_with_an_open_payment_is_kept(edge: Edge) -> None:
    """While a payment may still need its terms nothing is erased; afterwards it is shown without them.

    One of which its bank has said all that it will say needs them no more, also if that was no end.
    """
    party = await edge.party()
    await edge.add_bank()
    body = {
        "bank_id": "scripted",
        "merchant_id": party.merchant_id,
        "amount": {"currency": "GBP", "value": 1234},
        "creditor": {"name": "Example Books Ltd", "account": {"iban": "GB82 WEST 1234 5698 7654 32"}},
        "reference": "INVOICE 1",
    }
    made = await edge.call("POST", "/v1/payments", token=party.token, json=body, headers={"Idempotency-Key": "k-1"})
    assert made.status in {201, 202}, made.raw
    path = f"/admin/v1/partners/{party.partner_id}/merchants/{party.merchant_id}/erase-bodies"
    refused = await edge.call("POST", path, admin=True)
    assert (refused.status, refused.code) == (409, "payments_open")
    pool = edge.services.feed._pool
    await pool.execute("UPDATE payments SET status = 'settled', next_check_at = NULL")
    await pool.execute(
        "INSERT INTO payment_exceptions (partner_id, id, payment_id, code) SELECT partner_id, id, id, 'x' FROM payments"
    )
    assert (await edge.call("POST", path, admin=True)).code == "payments_open"
    await pool.execute("UPDATE payment_exceptions SET closed_at = now()")
    assert (await edge.call("POST", path, admin=True)).status == 200
    shown = await edge.call("GET", f"/v1/payments/{made.json['id']}", token=party.token)
    assert (shown.status, shown.json["creditor"], shown.json["amount"]["value"]) == (200, None, 1234)
    assert (await edge.call("GET", "/v1/payments", token=party.token)).status == 200
