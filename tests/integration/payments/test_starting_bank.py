"""Banks that get the payment first and make it by themselves once the payer has authorised it in their pages or app."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import asyncpg
import orjson
import pytest

from adapters.contract import Verdict
from adapters.declaration import OperationKind
from kernel.masked import Secret
from kernel.sealing import Vault
from payments.calls.operations import WAIT_SECONDS
from payments.journeys.returning import Arrival, Brought, Reception
from tests.support.clock import FakeClock
from tests.support.payer_bank import STARTING, PayerBank
from tests.support.payments_world import World, make_world, second_process, until


@pytest.fixture
async def world(database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock) -> World:
    return await make_world(database, vault, clock, declaration=STARTING, bank=PayerBank(declaration=STARTING))


def bank_of(world: World) -> PayerBank:
    assert isinstance(world.bank, PayerBank)
    return world.bank


async def url_of(world: World, payment: UUID) -> str | None:
    view = await world.payments.get(world.caller, payment)
    return None if view.authorisation is None else view.authorisation.url


async def invitations(world: World) -> list[str | None]:
    """How the payer is to authorise it, by each event that says that the bank waits for them."""
    told = await world.rows(
        "SELECT partner_id, id, sealed_body FROM events WHERE type = 'payment.awaiting_authorisation' ORDER BY xid, id"
    )
    bodies = [
        orjson.loads(
            await world.tools.vault.open(row["partner_id"], row["sealed_body"], b"events.body:" + row["id"].bytes)
        )
        for row in told
    ]
    return [(body["data"]["authorisation"] or {}).get("method") for body in bodies]


async def come(world: World, *, refused: bool = False) -> Arrival | None:
    """The payer's browser comes back by the address that the bank was told at the beginning."""
    (sealed,) = await world.rows("SELECT partner_id, id, sealed_handshake FROM authorisations")
    opened = await world.tools.vault.open(
        sealed["partner_id"], sealed["sealed_handshake"], b"authorisations.handshake:" + sealed["id"].bytes
    )
    state = Secret(opened.decode().split('"state":"')[1].split('"')[0])
    arrival = await world.payments.returned(world.bank.id, Brought(state=state, refused=refused))
    await world.payments._runner.settle()
    return arrival


async def test_the_start_of_the_authorisation_is_the_call_that_counts(world: World) -> None:
    """The payer is sent where its answer says; the bank's own word says how it ended."""
    created = await world.pay()
    payment = created.payment.id
    assert (created.status_code, created.payment.status.value) == (201, "awaiting_authorisation")
    assert await url_of(world, payment) == "https://bank.example/start/C-0/1"
    bank_of(world).authorise()
    arrival = await come(world)
    assert arrival is not None
    assert arrival.reception is Reception.TAKEN
    assert await world.status(payment) == "settled"
    assert world.bank.calls == ["consent", "authorise", "enquire"]
    assert len(world.bank.paid(payment.hex)) == 1
    assert await world.event_types() == [
        *("payment.created", "payment.awaiting_authorisation", "payment.settled"),
    ]


@pytest.mark.parametrize("step", ["lost_before", "lost_after", "garbage"])
async def test_a_lost_start_is_asked_about_and_then_made_again(world: World, step: str) -> None:
    """One payment at the bank is made once at most, so its start may be asked for again to learn where to go."""
    world.bank.then(["ok", step])
    created = await world.pay()
    payment = created.payment.id
    assert created.payment.status.value == "outcome_unknown"
    await world.sweep(3)
    assert await world.status(payment) == "awaiting_authorisation"
    await world.sweep(3)
    assert (await url_of(world, payment) or "").startswith("https://bank.example/start/C-0/")
    assert await invitations(world) == [None, "redirect"]
    bank_of(world).authorise()
    await come(world)
    assert await world.status(payment) == "settled"
    assert world.bank.calls == ["consent", "authorise", "enquire", "authorise", "enquire"]
    assert len(world.bank.paid(payment.hex)) == 1


async def test_starts_are_made_again_a_few_times_only(world: World) -> None:
    """A bank whose answers are always lost is asked how it stands, and in the end asked to withdraw."""
    world.bank.then(["ok", "lost_after", "ok", "lost_after", "ok", "lost_after"])
    created = await world.pay()
    for _ in range(8):
        await world.sweep(61)
    assert world.bank.calls.count("authorise") == 3
    await world.sweep(7_200)
    await world.sweep(901)
    assert await world.status(created.payment.id) == "cancelled"


async def test_lost_beginnings_take_nothing_from_the_starts(world: World) -> None:
    """A bank that lost many beginnings still gets its start, and another where that is lost too."""
    world.bank.then(["garbage"] * 19 + ["ok", "lost_after"])
    created = await world.pay()
    for _ in range(24):
        await world.sweep(61)
    assert await url_of(world, created.payment.id) is not None
    assert (world.bank.calls.count("consent"), world.bank.calls.count("authorise")) == (20, 2)


async def test_a_withdrawal_outlasts_a_bank_that_is_away_for_minutes(world: World) -> None:
    """The more of its calls were in vain, the later comes the next."""
    created = await world.pay()
    world.clock.advance(3_600)
    world.bank.then(["never_left"] * 8)
    for _ in range(50):
        await world.sweep(60)
    assert world.bank.calls.count("cancel") <= 12
    assert await world.status(created.payment.id) == "cancelled"


async def test_a_refusal_in_the_browser_is_only_a_reason_to_ask(world: World) -> None:
    """The browser says no, and the bank says that it waits still: the bank is believed."""
    created = await world.pay()
    await come(world, refused=True)
    assert await world.status(created.payment.id) == "awaiting_authorisation"
    assert world.bank.calls == ["consent", "authorise", "enquire"]
    bank_of(world).refuse()
    await world.sweep(61)
    assert await world.status(created.payment.id) == "rejected"


async def test_a_payment_that_nobody_authorised_is_withdrawn_at_the_bank(world: World) -> None:
    """Money may move until the bank says that it will not, so the bank is asked to see to that."""
    created = await world.pay()
    world.bank.then(["ok", "lost_before"])
    for _ in range(3):
        await world.sweep(1_300)
    assert "cancel" in world.bank.calls
    await world.sweep(901)
    assert await world.status(created.payment.id) == "cancelled"
    arrival = await come(world)
    assert arrival is not None
    assert arrival.status.value == "cancelled"


async def test_a_payer_who_was_faster_than_the_withdrawal_has_paid(world: World) -> None:
    """The bank refuses to withdraw what it has made, and its word counts."""
    created = await world.pay()
    bank_of(world).authorise()
    world.bank.then(["garbage"])
    for _ in range(3):
        await world.sweep(3_700)
    assert world.bank.calls[2:] == ["cancel", "cancel", "enquire"]
    assert await world.status(created.payment.id) == "settled"


@pytest.mark.parametrize("step", ["lost_after", "garbage"])
async def test_a_lost_beginning_makes_another_that_nobody_is_sent_to(world: World, step: str) -> None:
    """The first one lies at the bank and is never authorised; the payer is sent to one of them."""
    world.bank.then([step])
    created = await world.pay()
    assert created.payment.status.value == "created"
    await world.sweep(3)
    assert await world.status(created.payment.id) == "awaiting_authorisation"
    assert world.bank.calls == ["consent", "consent", "authorise"]
    bank_of(world).authorise()
    await come(world)
    assert len(world.bank.paid(created.payment.id.hex)) == 1


async def test_a_partner_withdraws_at_the_bank_what_it_waits_for(world: World) -> None:
    """Not before the bank's answer is it said to be so."""
    created = await world.pay()
    await world.payments.cancel(world.caller, created.payment.id)
    assert await world.status(created.payment.id) == "cancelled"
    assert bank_of(world).consents[0].verdict is Verdict.CANCELLED


async def test_a_start_that_never_left_goes_out_for_the_same_payment(world: World) -> None:
    """There is one submission, and one payment at the bank."""
    world.bank.then(["ok", "never_left"])
    created = await world.pay()
    assert created.payment.status.value == "queued"
    await world.sweep(61)
    assert await world.status(created.payment.id) == "awaiting_authorisation"
    assert world.bank.calls == ["consent", "authorise", "authorise"]
    (row,) = await world.rows("SELECT count(*) AS n FROM submissions")
    assert row["n"] == 1


async def test_a_dead_process_is_taken_over_by_asking(world: World, vault: Vault) -> None:
    """Whether the start arrived is asked; then where the payer is to go."""
    world.bank.then(["ok", "hang"])
    await world.pay(wait_seconds=0.2)
    other = second_process(world, vault, declaration=STARTING)
    for _ in range(4):
        await other.sweep(40)
    (payment,) = await world.rows("SELECT id FROM payments")
    url = await url_of(other, payment["id"])
    assert url is not None
    world.bank.gate.set()
    await asyncio.wait_for(world.payments._runner.settle(), 5)
    assert await world.status(payment["id"]) == "awaiting_authorisation"
    assert await url_of(other, payment["id"]) == url
    assert await invitations(world) == [None, "redirect"]


async def test_nobody_is_sent_to_authorise_another_payment(world: World) -> None:
    """A start that is answered for another amount invites nobody, and calls a person."""
    world.bank.then(["ok", "lost_after"])
    created = await world.pay()
    await world.sweep(3)
    world.bank.then(["wrong_amount"])
    await world.sweep(1)
    assert await world.exceptions() == ["amount_mismatch"]
    assert await url_of(world, created.payment.id) is None
    assert await invitations(world) == [None]


async def test_a_late_answer_of_another_beginning_does_not_take_the_payers_place(world: World, vault: Vault) -> None:
    """A process that slept brings a second resource, which no payer was sent to: the first one stays the payment's."""
    world.bank.then(["hang"])
    await world.pay(wait_seconds=0.2)
    other = second_process(world, vault, declaration=STARTING)
    for _ in range(3):
        await other.sweep(40)
    world.bank.gate.set()
    await asyncio.wait_for(world.payments._runner.settle(), 5)
    (payment,) = await world.rows("SELECT id, bank_reference FROM submissions")
    assert payment["bank_reference"] == "C-0"
    bank_of(world).authorise(0)
    for _ in range(5):
        await other.sweep(3_700)
    (row,) = await world.rows("SELECT status::text AS status FROM payments")
    assert row["status"] in {"settled", "completed"}


async def test_a_refusal_to_start_once_more_says_nothing_of_the_first_start(world: World) -> None:
    """The payer may have approved in the bank's app meanwhile: only the payment's own status counts."""
    world.bank.then(["ok", "lost_after", "ok"])
    created = await world.pay()
    await world.sweep(3)
    bank_of(world).authorise()
    world.bank.then(["reject"])
    for _ in range(3):
        await world.sweep(60)
    assert len(world.bank.paid(created.payment.id.hex)) == 1
    assert await world.status(created.payment.id) == "settled"


async def test_a_payers_time_that_ends_during_an_enquiry_is_not_forgotten(world: World) -> None:
    """Whatever the next step is when an enquiry ends, the payment is looked at again."""
    created = await world.pay()
    world.bank.then(["hang"])
    world.clock.advance(3_599)
    await world.sweeper.run_once()
    await until(lambda: world.bank.calls[-1] == "enquire")
    world.clock.advance(2)
    world.bank.gate.set()
    await world.sweeper.settle()
    for _ in range(3):
        await world.sweep(1_000)
    assert await world.status(created.payment.id) == "cancelled"


async def test_a_bank_that_calls_an_unauthorised_payment_pending_does_not_hide_its_address(world: World) -> None:
    """The payer is expected until they come or their time is over; then "pending" counts, and nothing is withdrawn."""
    created = await world.pay()
    payment = created.payment.id
    bank_of(world).consents[0].verdict = Verdict.PENDING
    await world.sweep(2)
    assert await world.status(payment) == "awaiting_authorisation"
    assert await url_of(world, payment) is not None
    await world.sweep(3_700)
    assert await world.status(payment) == "submitted"
    assert "cancel" not in world.bank.calls


async def test_a_payer_who_came_back_is_not_awaited(world: World) -> None:
    """From then on what the bank says of the payment is about an authorised one."""
    created = await world.pay()
    bank_of(world).consents[0].verdict = Verdict.PENDING
    await come(world)
    assert await world.status(created.payment.id) == "submitted"


async def test_a_payment_that_its_bank_forgot_is_given_to_a_person(world: World) -> None:
    """Nobody came, and the bank does not know it any more: whether the payer paid before that is not ours to guess."""
    created = await world.pay()
    bank_of(world).consents[0].id = "forgotten"
    await world.sweep(1_000)
    assert await world.exceptions() == []
    for _ in range(40):
        await world.sweep(901)
    assert await world.status(created.payment.id) == "awaiting_authorisation"
    assert await world.exceptions() == ["forgotten_by_bank"]


async def test_a_payment_without_an_end_is_given_to_a_person(world: World) -> None:
    """The bank that is never heard of again cannot keep a payment from being looked at."""
    created = await world.pay()
    world.bank.then(["never_left"] * 1_000)
    for _ in range(9):
        await world.sweep(86_400)
    assert await world.status(created.payment.id) == "awaiting_authorisation"
    assert await world.exceptions() == ["no_end_told"]


async def test_a_payer_who_returns_during_an_enquiry_is_asked_about_soon(world: World, vault: Vault) -> None:
    """The answer that is on its way was given before they approved; the next one is not a quarter of an hour away."""
    created = await world.pay()
    await world.pool.execute("UPDATE payments SET checks = 8, next_check_at = $1", world.clock.now())
    other = second_process(world, vault, declaration=STARTING)
    bank_of(world).settles = False
    bank_of(world).then(["hang"])
    await other.sweeper.run_once()
    await until(lambda: world.bank.calls[-1] == "enquire")
    bank_of(world).then(["garbage"])
    assert await come(world) is not None
    world.bank.gate.set()
    await other.sweeper.settle()
    bank_of(world).authorise()
    assert await other.sweep(3) == 1
    assert await world.status(created.payment.id) == "accepted"


async def test_pending_in_a_notification_leaves_the_payer_expected(world: World) -> None:
    """Banks say it before the approval too: the bank is asked at once, and the payer still has where to go."""
    created = await world.pay()
    payment = created.payment.id
    await world.pool.execute("UPDATE payments SET next_check_at = now() + interval '10 minutes'")
    (row,) = await world.rows("SELECT end_to_end_id FROM submissions")
    raw = orjson.dumps({"verdict": "pending", "reference": row["end_to_end_id"]})
    await world.inbox.accept(world.bank.id, raw, {"signature": "true"})
    assert await world.inbox_worker.run_once() == 1
    assert await world.status(payment) == "awaiting_authorisation"
    assert await url_of(world, payment) is not None
    assert await world.sweep() == 1
    told = await world.rows("SELECT refused_why FROM payment_evidence WHERE source = 'callback'")
    assert [each["refused_why"] for each in told] == ["payer_awaited"]


async def test_nobody_else_asks_while_a_payer_is_asked_about(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """Several calls may follow the enquiry; the next look is not before all of them must have ended."""
    operations = STARTING.operations | {OperationKind.ENQUIRE_AUTHORISATION}
    declaration = replace(STARTING, operations=operations)
    world = await make_world(database, vault, clock, declaration=declaration, bank=PayerBank(declaration=declaration))
    await world.pay()
    bank_of(world).then(["hang"])
    clock.advance(5)
    await world.sweeper.run_once()
    await until(lambda: world.bank.calls[-1] == "enquire")
    calls_end = clock.now() + timedelta(seconds=WAIT_SECONDS + 5 * declaration.deadlines.total_seconds)
    assert await world.pool.fetchval("SELECT next_check_at FROM payments") >= calls_end
    world.bank.gate.set()
    await world.sweeper.settle()
