"""A dry run of a payment: checked as a real one, shown as the bank would get it, and nothing happens."""

from dataclasses import replace
from typing import Any

from gateway.schemas.payments import BankOut, RehearsalOut
from payments.policy import Caps, PaymentsPolicy
from tests.integration.gateway.test_api import pay, payment
from tests.support.edge import Answer, Edge, Party
from tests.support.scripted_bank import ScriptedAdapter


async def rehearse(edge: Edge, party: Party, query: str = "dry_run=true", **changes: Any) -> Answer:
    return await edge.call("POST", f"/v1/payments?{query}", token=party.token, json=payment(party, **changes))


async def test_a_dry_run_shows_what_the_bank_would_get_and_does_nothing(edge: Edge) -> None:
    """Without a key; the database and the bank hear of nothing, and the payment can still be made."""
    party = await edge.party()
    await edge.add_bank()
    answer = await rehearse(edge, party)
    assert answer.status == 200, answer.raw
    shown = RehearsalOut.model_validate(answer.json)
    assert (shown.bank_id, shown.status) == ("scripted", "created")
    assert [(each.kind, each.method, each.path) for each in shown.requests] == [("submit", "POST", "/submit")]
    assert '"value":1234' in (shown.requests[0].body or "")
    assert edge.bank.calls == []
    pool = edge.services.payments._tools.pool
    for table in ("payments", "submissions", "bank_operations", "request_keys", "events"):
        assert await pool.fetchval(f"SELECT count(*) FROM {table}") == 0, table  # noqa: S608 - our own names
    assert (await pay(edge, party)).status == 201


async def test_a_dry_run_is_refused_as_the_payment_would_be(edge: Edge) -> None:
    """Wrong fields, an unknown merchant, caps, an unknown bank: the same status, code and pointers."""
    party, stranger = await edge.party(), await edge.party()
    await edge.add_bank()
    tools = edge.services.payments._tools
    capped = PaymentsPolicy(caps={"GBP": Caps(payment_max=5_000, merchant_day_max=6_000)})
    edge.services.payments._intents._tools = replace(tools, policy=capped)
    assert (await pay(edge, party, key="first", amount={"currency": "GBP", "value": 5_000})).status == 201
    for changes in (
        {"amount": {"currency": "GBP", "value": 0}},
        {"amount": {"currency": "EUR", "value": 1}},
        {"amount": {"currency": "GBP", "value": 5_001}},
        {"amount": {"currency": "GBP", "value": 1_001}},
        {"merchant_id": stranger.merchant_id},
        {"bank_id": "nowhere"},
        {"execute_at": "2020-01-01T00:00:00Z"},
        {"MARKED": 1},
    ):
        real, dry = await pay(edge, party, key="k", **changes), await rehearse(edge, party, **changes)
        assert (dry.status, dry.code, dry.pointers()) == (real.status, real.code, real.pointers()), changes
        assert dry.status >= 400, changes


async def test_a_dry_run_says_that_a_payment_would_wait(edge: Edge) -> None:
    """With its bank suspended it would be queued, with a time of its own scheduled."""
    party = await edge.party()
    await edge.add_bank()
    later = edge.clock.now().replace(year=edge.clock.now().year + 1, month=1, day=1).isoformat()
    assert (await rehearse(edge, party, execute_at=later)).json["status"] == "scheduled"
    await edge.services.payments._tools.pool.execute("UPDATE banks SET state = 'suspended'")
    assert (await rehearse(edge, party)).json["status"] == "queued"


async def test_a_bank_tells_what_it_takes_and_how_it_fares(edge: Edge) -> None:
    """Its declaration and its health, from all processes; suspended while it is."""
    party = await edge.party()
    await edge.add_bank()
    pool = edge.services.payments._tools.pool
    await pool.execute("INSERT INTO bank_health VALUES ('scripted', gen_random_uuid(), 10, 7, NULL, now())")
    shown = BankOut.model_validate((await edge.call("GET", "/v1/banks/scripted", token=party.token)).json)
    declared = ScriptedAdapter().declaration
    assert shown.capabilities.operations == sorted(declared.operations)
    assert shown.capabilities.recovery == {kind.value: way.value for kind, way in declared.recovery.items()}
    assert shown.capabilities.absence_proven_after_seconds == declared.absence_proven_after_seconds
    assert {limit.pointer for limit in shown.capabilities.fields} == set(declared.fields)
    assert (shown.health.state, shown.health.error_share, shown.health.window_seconds) == ("failing", 0.7, 60)
    await pool.execute("UPDATE banks SET state = 'suspended', version = version + 1")
    edge.clock.advance(2)
    again = (await edge.call("GET", "/v1/banks", token=party.token)).json["data"][0]
    assert (again["available"], again["health"]["state"]) == (False, "suspended")


async def test_no_slip_in_the_query_makes_a_payment(edge: Edge) -> None:
    """A parameter that is misspelt, or neither true nor false, is refused: nobody pays by a dry run."""
    party = await edge.party()
    await edge.add_bank()
    for query in ("dryrun=true", "dry_run=yes", "dry_run=", "dry_run=1", "dry_run=TRUE", "dry_run=true&dry_run=false"):
        answer = await edge.call(
            "POST",
            f"/v1/payments?{query}",
            token=party.token,
            headers={"Idempotency-Key": "k"},
            json=payment(party),
        )
        assert answer.status == 422, query
    cancel = await edge.call("POST", "/v1/payments/pay_test_x/cancel?force=true", token=party.token)
    assert cancel.status == 422
    assert edge.bank.calls == []
    assert (await rehearse(edge, party, query="dry_run=false")).pointers() == {"/headers/Idempotency-Key"}
