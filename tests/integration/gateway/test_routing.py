"""A payment without a named bank goes to the best one, and says why; whoever waits for a person is listed."""

from typing import Any

from gateway.schemas.admin import WaitingOut
from gateway.schemas.payments import PaymentOut, RehearsalOut
from tests.integration.gateway.test_api import pay, payment
from tests.support.edge import Answer, Edge, Party


async def routed(edge: Edge, party: Party, key: str = "key-1", query: str = "", **changes: Any) -> Answer:
    body = payment(party, **changes)
    del body["bank_id"]
    headers = {"Idempotency-Key": key}
    return await edge.call("POST", f"/v1/payments{query}", token=party.token, headers=headers, json=body)


async def test_a_bank_is_chosen_and_the_reasons_stay_with_the_payment(edge: Edge) -> None:
    """The answer, a later reading and the list tell the same choice; a named bank has no reasons."""
    party = await edge.party()
    await edge.add_bank()
    created = await routed(edge, party)
    assert created.status == 201, created.raw
    PaymentOut.model_validate(created.json)
    assert created.json["bank_id"] == "scripted"
    considered = [{"bank_id": "scripted", "eligible": True, "reasons": ["not_known_to_fail"]}]
    assert created.json["routing"] == {"bank_id": "scripted", "considered": considered}
    read = await edge.call("GET", created.headers["Location"], token=party.token)
    assert read.json["routing"] == created.json["routing"]
    named = await pay(edge, party, key="named")
    assert named.json["routing"] is None


async def test_a_repeat_is_the_same_payment_whatever_would_be_chosen_by_now(edge: Edge) -> None:
    """The rule counts for whether a request is the same, and not the choice."""
    party = await edge.party()
    await edge.add_bank()
    first = await routed(edge, party, routing={"needs": ["enquire"]})
    await edge.add_bank(bank_id="another")
    again = await routed(edge, party, routing={"needs": ["enquire"], "banks": []})
    assert again.json["id"] == first.json["id"]
    assert again.headers["Idempotent-Replayed"] == "true"
    await edge.services.payments._tools.pool.execute("UPDATE banks SET state = 'suspended'")
    edge.clock.advance(5)
    assert (await routed(edge, party, routing={"needs": ["enquire"]})).json["id"] == first.json["id"]
    other = await routed(edge, party, routing={"banks": ["scripted"]})
    assert (other.status, other.code) == (422, "idempotency_key_reused")


async def test_where_no_bank_can_every_one_is_told_with_its_reason(edge: Edge) -> None:
    """422 names the banks and why; nothing is made, and the key is free."""
    party = await edge.party()
    await edge.add_bank()
    refused = await routed(edge, party, routing={"rail": "sepa_instant"})
    assert (refused.status, refused.pointers()) == (422, {"/routing"})
    assert "scripted: rail_not_supported" in refused.raw.decode()
    euros = await routed(edge, party, amount={"currency": "EUR", "value": 1})
    assert euros.pointers() == {"/bank_id"}
    assert (await routed(edge, party)).status == 201


async def test_a_bank_that_is_none_is_named_and_not_left_out(edge: Edge) -> None:
    """The payment would else go another way than the partner meant; a dry run tells it too, and the key is free."""
    party = await edge.party()
    await edge.add_bank()
    for query in ("", "?dry_run=true"):
        refused = await routed(edge, party, query=query, routing={"banks": ["scripted", "scripted-bnak"]})
        assert (refused.status, refused.pointers()) == (422, {"/routing/banks/1"})
        assert b"bnak" not in refused.raw
    assert (await routed(edge, party, routing={"banks": ["scripted"]})).status == 201


async def test_a_dry_run_shows_the_choice(edge: Edge) -> None:
    """As the payment would have it; nothing is made."""
    party = await edge.party()
    await edge.add_bank()
    shown = RehearsalOut.model_validate((await routed(edge, party, query="?dry_run=true")).json)
    assert shown.bank_id == "scripted"
    assert shown.routing is not None
    assert [each.bank_id for each in shown.routing.considered] == ["scripted"]


async def test_a_named_bank_and_a_rule_contradict_each_other(edge: Edge) -> None:
    """One of them, not both; an unknown rail or operation is named."""
    party = await edge.party()
    await edge.add_bank()
    assert (await pay(edge, party, routing={})).pointers() == {"/routing"}
    assert (await routed(edge, party, routing={"rail": "pigeon"})).pointers() == {"/routing/rail"}
    assert (await routed(edge, party, routing={"needs": ["magic"]})).pointers() == {"/routing/needs/0"}


async def test_payments_that_need_a_person_are_listed_with_what_the_bank_said(edge: Edge) -> None:
    """The partner lists its own, an operator those of all partners; others are on neither list."""
    party, stranger = await edge.party(), await edge.party()
    await edge.add_bank()
    fine = (await pay(edge, party, key="fine")).json["id"]
    held = (await pay(edge, party, key="held")).json["id"]
    pool = edge.services.payments._tools.pool
    await pool.execute(
        "INSERT INTO payment_exceptions (partner_id, id, payment_id, code)"
        " SELECT partner_id, gen_random_uuid(), id, 'contradiction' FROM payments ORDER BY id DESC LIMIT 1"
    )
    listed = await edge.call("GET", "/v1/payments?needs_operator=true", token=party.token)
    assert [each["id"] for each in listed.json["data"]] == [held]
    assert listed.json["data"][0]["recovery"]["strategy"] == "hold"
    assert [each["verdict"] for each in listed.json["data"][0]["recovery"]["evidence"]] != []
    others = await edge.call("GET", "/v1/payments?needs_operator=false", token=party.token)
    assert [each["id"] for each in others.json["data"]] == [fine]
    assert (await edge.call("GET", "/v1/payments?needs_operator=true", token=stranger.token)).json["data"] == []
    waiting = await edge.call("GET", "/admin/v1/payments?needs_operator=true", admin=True)
    misspelt = await edge.call("GET", "/v1/payments?status=foo", token=party.token)
    assert "outcome_unknown" in misspelt.json["errors"][0]["message"]
    refused = await edge.call("GET", "/admin/v1/payments?needs_operator=false", admin=True)
    assert [each["code"] for each in refused.json["errors"]] == ["not_supported"]
    [shown] = waiting.json["data"]
    WaitingOut.model_validate(shown)
    assert (shown["id"], shown["needs_operator"]) == (held, ["contradiction"])
    said = await edge.call("GET", shown["exchanges_url"], admin=True)
    assert [each["kind"] for each in said.json["data"]] == ["submit"]
