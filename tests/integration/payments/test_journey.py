"""The way of one payment, its repeats, and what partners are shown."""

import asyncpg
import pytest

from kernel.errors import Conflict, Invalid, NotFound
from kernel.ids import Environment, Tenant
from kernel.masked import Masked
from kernel.sealing import Vault
from payments.model import Requester, RequestKey
from payments.reading.reader import Filter
from tests.support.clock import FakeClock
from tests.support.payments_world import World, make_world


@pytest.fixture
async def world(database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock) -> World:
    return await make_world(database, vault, clock)


async def test_an_accepted_payment_is_answered_with_201(world: World) -> None:
    """The bank's word within the wait is in the answer, and every change was told once."""
    created = await world.pay()
    assert (created.status_code, created.payment.status.value, created.repeated) == (201, "accepted", False)
    assert await world.event_types() == ["payment.created", "payment.accepted"]
    await world.sweep(5)
    assert await world.status(created.payment.id) == "settled"
    await world.sweep(5)
    view = await world.payments.get(world.caller, created.payment.id)
    assert (view.status.value, view.finality.value) == ("completed", "creditor_credited")
    assert await world.sweep(100_000) == 0


async def test_a_repeat_is_the_same_payment_in_its_present_state(world: World) -> None:
    """Same key and body: same payment, first status code, no second call."""
    first = await world.pay()
    await world.sweep(5)
    again = await world.pay()
    assert again.payment.id == first.payment.id
    assert (again.status_code, again.repeated, again.payment.status.value) == (201, True, "settled")
    assert world.bank.calls.count("submit") == 1


async def test_a_key_with_another_body_is_refused(world: World) -> None:
    """A key is bound to what was asked first."""
    await world.pay()
    with pytest.raises(Conflict) as refused:
        await world.pay(reference=Masked("Invoice 43"))
    assert refused.value.problem_code == "idempotency_key_reused"


async def test_a_refused_request_binds_no_key(world: World) -> None:
    """After a 422 the same key may come with a corrected body."""
    with pytest.raises(Invalid) as refused:
        await world.pay(reference=Masked("§ not for this bank"))
    assert [error.pointer for error in refused.value.errors] == ["/reference"]
    assert (await world.pay()).status_code == 201


async def test_a_repeat_with_closed_doors(world: World) -> None:
    """Known keys are answered without creating anything; unknown ones are not."""
    created = await world.pay()
    found = await world.payments.find_repeat(world.caller, world.request(), RequestKey("key-1"))
    assert found is not None
    assert found.payment.id == created.payment.id
    assert await world.payments.find_repeat(world.caller, world.request(), RequestKey("other")) is None


async def test_nobody_else_sees_a_payment(world: World) -> None:
    """The other environment and the other partner get the same "not found"."""
    created = await world.pay()
    live = Requester(tenant=Tenant(world.tenant.partner_id, Environment.LIVE), client_id=world.client_id)
    other = Requester(tenant=Tenant(world.merchant_id, Environment.TEST), client_id=world.client_id)
    for stranger in (live, other):
        with pytest.raises(NotFound):
            await world.payments.get(stranger, created.payment.id)
        with pytest.raises(NotFound):
            await world.payments.timeline(stranger, created.payment.id)
        with pytest.raises(NotFound):
            await world.payments.cancel(stranger, created.payment.id)
        assert (await world.payments.list(stranger, Filter())).data == ()


async def test_the_creditor_is_masked_everywhere(world: World) -> None:
    """Neither the answer nor any plain column holds the account number or the name."""
    created = await world.pay()
    shown = str(created.payment.to_json())
    assert "GB82" not in shown
    assert "Example Books" not in shown
    for table in ("payments", "submissions", "bank_operations", "payment_evidence", "bank_exchanges", "events"):
        plain = str(await world.rows(f"SELECT to_jsonb(t) AS row FROM {table} t"))  # noqa: S608 - names from above
        assert "98765432" not in plain
        assert "Invoice 42" not in plain


async def test_pages_are_newest_first_and_complete(world: World) -> None:
    """Following the cursor shows every payment once."""
    made = []
    for number in range(5):
        world.clock.advance(1)
        made.append((await world.pay(f"key-{number}")).payment.id)
    seen = []
    page = await world.payments.list(world.caller, Filter(limit=2))
    seen += [view.id for view in page.data]
    while page.next_cursor is not None:
        page = await world.payments.list(world.caller, Filter(limit=2, after=page.next_cursor))
        seen += [view.id for view in page.data]
    assert seen == made[::-1]


async def test_the_timeline_tells_all_in_order(world: World) -> None:
    """Operations, evidence and events of one payment stand in one list."""
    created = await world.pay()
    await world.sweep(5)
    entries = await world.payments.timeline(world.caller, created.payment.id)
    assert [entry["at"] for entry in entries] == sorted(entry["at"] for entry in entries)
    told = [(entry["kind"], entry["what"]) for entry in entries]
    assert told[0] == ("payment", "created")
    assert {("operation", "submit.sent"), ("evidence", "accepted"), ("event", "payment.settled")} <= set(told)


async def test_the_timeline_shows_no_sending_of_a_call_that_never_left(world: World) -> None:
    """Such a call is planned and never left; the next submission is planned after that, also in the same instant."""
    world.bank.then(["never_left"])
    created = await world.pay()
    await world.sweep(10)
    entries = await world.payments.timeline(world.caller, created.payment.id)
    assert [entry["what"] for entry in entries] == [
        "created",
        "submit.planned",
        "submit.never_left",
        "payment.created",
        "payment.queued",
        "submit.planned",
        "submit.sent",
        "submit.answered",
        "accepted",
        "payment.accepted",
    ]


async def test_an_explicit_refusal_is_final(world: World) -> None:
    """Rejected by the bank: one event, no further call."""
    world.bank.then(["reject"])
    created = await world.pay()
    assert created.payment.status.value == "rejected"
    assert (await world.event_types())[-1] == "payment.rejected"
    assert await world.sweep(1000) == 0


async def test_an_unknown_merchant_or_bank_is_a_field_error(world: World) -> None:
    """All that names something else is said with its pointer."""
    with pytest.raises(Invalid) as merchant:
        await world.pay(merchant_id=world.client_id)
    assert [error.pointer for error in merchant.value.errors] == ["/merchant_id"]
    with pytest.raises(Invalid) as bank:
        await world.pay(bank_id="nowhere")
    assert [error.pointer for error in bank.value.errors] == ["/bank_id"]
    assert await world.rows("SELECT FROM request_keys") == []
