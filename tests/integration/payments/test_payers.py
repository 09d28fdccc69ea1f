"""Payments that a payer authorises: consent, the way to the bank and back, access, and the one call that pays."""

import asyncio
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import asyncpg
import orjson
import pytest
from structlog.testing import capture_logs

from adapters.declaration import Declaration, OperationKind, Recovery
from kernel.errors import Invalid
from kernel.masked import Secret
from kernel.sealing import Vault
from payments.journeys.returning import Arrival, Brought, Reception
from payments.policy import PaymentsPolicy
from tests.support.clock import FakeClock
from tests.support.payer_bank import REDIRECTING, PayerBank
from tests.support.payments_world import World, make_world, second_process, until

RETURN_URL = "https://shop.example/paid?order=17"
# A bank that knows no keys, and pays whatever it is sent.
BY_ENQUIRY = replace(REDIRECTING, recovery={OperationKind.SUBMIT: Recovery.ENQUIRE})


@pytest.fixture
async def world(database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock) -> World:
    return await _world(database, vault, clock, REDIRECTING)


async def _world(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, declaration: Declaration
) -> World:
    return await make_world(
        database, vault, clock, declaration=declaration, bank=PayerBank(declaration=declaration, dedupes=False)
    )


def bank_of(world: World) -> PayerBank:
    assert isinstance(world.bank, PayerBank)
    return world.bank


async def invited(world: World, **changes: object) -> tuple[UUID, str]:
    """A payment whose payer is expected, and the state that they were sent out with."""
    created = await world.pay(return_url=RETURN_URL, **changes)
    assert created.payment.status.value == "awaiting_authorisation"
    assert created.status_code == 201
    assert created.payment.authorisation is not None
    return created.payment.id, state_of(created.payment.authorisation.url)


def state_of(url: str | None) -> str:
    assert url is not None
    return parse_qs(urlsplit(url).query)["state"][0]


async def come(world: World, state: str, code: str | None = None, **more: bool) -> Arrival | None:
    brought = Brought(state=Secret(state), code=None if code is None else Secret(code), **more)
    arrival = await world.payments.returned(world.bank.id, brought)
    await world.payments._runner.settle()
    return arrival


async def test_a_payer_authorises_and_the_payment_is_made_once(world: World) -> None:
    """Sent out, come back, exchanged, paid: each once and told in order; the access is erased with the end."""
    payment, state = await invited(world)
    arrival = await come(world, state, bank_of(world).authorise())
    assert arrival is not None
    assert (arrival.reception, arrival.payment_id, arrival.return_url) == (Reception.TAKEN, payment, RETURN_URL)
    view = await world.payments.get(world.caller, payment)
    assert (view.status.value, view.authorisation) == ("accepted", None)
    assert world.bank.calls == ["consent", "authorise", "submit"]
    assert await world.rows("SELECT FROM authorisations WHERE status = 'granted' AND sealed_grant IS NOT NULL")
    await world.sweep(5)
    await world.sweep(5)
    assert await world.status(payment) == "completed"
    assert len(world.bank.paid(payment.hex)) == 1
    (row,) = await world.rows("SELECT status::text AS status, sealed_grant FROM authorisations")
    assert (row["status"], row["sealed_grant"]) == ("ended", None)
    told = ["created", "awaiting_authorisation", "accepted", "settled", "completed"]
    assert await world.event_types() == [f"payment.{each}" for each in told]
    what = {entry["what"] for entry in await world.payments.timeline(world.caller, payment)}
    assert {f"{kind}.{what}" for kind in ("consent", "authorise", "submit") for what in ("sent", "answered")} <= what


async def test_an_end_that_the_bank_reports_by_itself_erases_the_access(world: World) -> None:
    """However the end is heard of, what the payer gave for the payment is not kept."""
    payment, state = await invited(world)
    await come(world, state, bank_of(world).authorise())
    raw = orjson.dumps({"verdict": "completed", "reference": world.bank.books[0].reference})
    await world.inbox.accept(world.bank.id, raw, {"Signature": "true"})
    await world.inbox_worker.run_once()
    assert await world.status(payment) == "completed"
    (row,) = await world.rows("SELECT status::text AS status, sealed_grant FROM authorisations")
    assert (row["status"], row["sealed_grant"]) == ("ended", None)


async def test_where_a_payer_goes_is_told_to_the_partner_only(world: World, vault: Vault) -> None:
    """The address, the state, the code and the access are in no event and no line of the log."""
    with capture_logs() as logs:
        payment, state = await invited(world)
        code = bank_of(world).authorise()
        await come(world, state, code)
    secrets = [state, code, bank_of(world).consents[0].token or "", "bank.example/authorise", "shop.example"]
    for row in await world.rows("SELECT partner_id, id, sealed_body FROM events"):
        body = await vault.open(row["partner_id"], row["sealed_body"], b"events.body:" + row["id"].bytes)
        assert not [each for each in secrets if each.encode() in body]
        data = orjson.loads(body)["data"]
        if data["status"] == "awaiting_authorisation":
            assert data["authorisation"]["url"] is None
            assert data["authorisation"]["method"] == "redirect"
    assert not [each for each in secrets if each in repr(logs)]
    listed = await world.payments.get(world.caller, payment)
    assert listed.authorisation is None


async def test_a_payer_who_comes_twice_at_once_pays_once(world: World, vault: Vault) -> None:
    """Two processes and ten returns: one code is exchanged, one payment made, and everybody is told the same."""
    payment, state = await invited(world)
    code, other = bank_of(world).authorise(), second_process(world, vault, declaration=REDIRECTING)
    found = await asyncio.gather(*(come(each, state, code) for each in (world, other) * 5))
    assert {(each.reception, each.return_url) for each in found if each} == {(Reception.TAKEN, RETURN_URL)}
    assert (await come(other, state, "another code")) is not None
    assert world.bank.calls == ["consent", "authorise", "submit"]
    assert len(world.bank.paid(payment.hex)) == 1


async def test_a_bank_that_answers_no_consent_is_not_asked_every_second(world: World) -> None:
    """The same bytes are sent again under the same key, ever later, and as often as any operation."""
    world.bank.then(["garbage"] * 100)
    created = await world.pay()
    for _ in range(300):
        await world.sweep(10)
    assert world.bank.calls == ["consent"] * 20
    view = await world.payments.get(world.caller, created.payment.id)
    assert (view.status.value, view.reason) == ("expired", "bank_unreachable")


async def test_a_refusal_in_the_browser_ends_the_payment(world: World) -> None:
    """The payer would not: nothing was sent that can pay, and a code that comes later changes nothing."""
    payment, state = await invited(world)
    arrival = await come(world, state, refused=True)
    assert arrival is not None
    assert arrival.status.value == "rejected"
    view = await world.payments.get(world.caller, payment)
    assert (view.status.value, view.reason) == ("rejected", "authorisation_refused")
    await come(world, state, bank_of(world).authorise())
    assert world.bank.calls == ["consent"]


@pytest.mark.parametrize(("brought", "reception"), [({}, Reception.INCOMPLETE), ({"failed": True}, Reception.FAILED)])
async def test_what_brings_no_code_loses_nothing(world: World, brought: dict[str, bool], reception: Reception) -> None:
    """Without a code, or with an error of the bank, the payer may try again."""
    payment, state = await invited(world)
    arrival = await come(world, state, **brought)
    assert arrival is not None
    assert arrival.reception is reception
    assert await world.status(payment) == "awaiting_authorisation"
    await come(world, state, bank_of(world).authorise())
    assert await world.status(payment) == "accepted"


async def test_a_state_of_nobody_or_of_another_bank_finds_nothing(world: World) -> None:
    """It is told in one way, whatever was wrong."""
    _, state = await invited(world)
    assert await come(world, "nobody") is None
    brought = Brought(state=Secret(state), code=Secret("x"))
    assert await world.payments.returned("another-bank", brought) is None


@pytest.mark.parametrize("step", ["lost_before", "lost_after", "garbage", "reject"])
async def test_a_code_that_was_used_up_ends_the_payment(world: World, step: str) -> None:
    """It is exchanged once, whatever comes of it: the payment has expired, and nobody paid."""
    payment, state = await invited(world)
    code = bank_of(world).authorise()
    world.bank.then([step])
    await come(world, state, code)
    await world.sweep(3)
    view = await world.payments.get(world.caller, payment)
    assert (view.status.value, view.reason) == ("expired", "authorisation_lost")
    await come(world, state, bank_of(world).authorise())
    assert await world.sweep(100_000) == 0
    assert world.bank.calls == ["consent", "authorise"]


async def test_access_to_another_consent_is_not_used(world: World) -> None:
    """A bank that takes one payer for another: nothing is paid with it or kept of it, and a person looks."""
    payment, state = await invited(world)
    code = bank_of(world).authorise()
    world.bank.then(["another_consent"])
    await come(world, state, code)
    view = await world.payments.get(world.caller, payment)
    assert (view.status.value, view.reason) == ("expired", "consent_mismatch")
    assert await world.exceptions() == ["consent_mismatch"]
    assert await world.rows("SELECT FROM authorisations WHERE sealed_grant IS NULL")
    assert await world.rows("SELECT FROM submissions WHERE consent_id = 'C-0'")
    assert await world.sweep(100_000) == 0
    assert world.bank.calls == ["consent", "authorise"]


async def test_a_dead_process_burns_the_code(world: World, vault: Vault) -> None:
    """Whoever exchanged it may have used it up: it is not exchanged again, and nobody pays."""
    payment, state = await invited(world)
    code = bank_of(world).authorise()
    world.bank.then(["hang"])
    await world.payments.returned(world.bank.id, Brought(state=Secret(state), code=Secret(code)))
    await until(lambda: "authorise" in world.bank.calls)
    other = second_process(world, vault, declaration=REDIRECTING)
    await other.sweep(60)
    await other.sweep(5)
    assert await world.status(payment) == "expired"
    world.bank.gate.set()
    await world.payments._runner.settle()
    assert await world.status(payment) == "expired"
    assert "submit" not in world.bank.calls


@pytest.mark.parametrize("step", ["lost_before", "lost_after", "garbage"])
@pytest.mark.parametrize("rules", ["resend", "again"])
async def test_a_lost_consent_costs_another_try(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, step: str, rules: str
) -> None:
    """By the same key where the bank knows keys, else as another consent; the payment is made once."""
    world = await _world(database, vault, clock, REDIRECTING if rules == "resend" else BY_ENQUIRY)
    world.bank.then([step])
    created = await world.pay()
    assert (created.status_code, created.payment.status.value) == (202, "created")
    await world.sweep(3)
    view = await world.payments.get(world.caller, created.payment.id)
    assert view.authorisation is not None
    await come(world, state_of(view.authorisation.url), bank_of(world).authorise())
    assert await world.status(view.id) == "accepted"
    assert world.bank.calls == ["consent", "consent", "authorise", "submit"]
    assert (
        len({each.call["key"] for each in bank_of(world).consents})
        == (2 if (rules, step) == ("again", "lost_after") or (rules, step) == ("again", "garbage") else 1)
        or step == "garbage"
    )


async def test_a_refused_consent_is_final(world: World) -> None:
    """No payer is sent anywhere, and no more is asked of the bank."""
    world.bank.then(["reject"])
    created = await world.pay()
    assert (created.payment.status.value, created.payment.reason) == ("rejected", "account_blocked")
    assert await world.sweep(100_000) == 0


async def test_nobody_is_sent_to_consent_to_another_amount(world: World) -> None:
    """The bank's consent is about something else: it is not used, and a person looks."""
    world.bank.then(["wrong_amount"])
    created = await world.pay()
    assert (created.payment.status.value, created.payment.reason) == ("rejected", "amount_mismatch")
    assert await world.exceptions() == ["amount_mismatch"]


async def test_a_bank_that_pays_at_the_consent_is_believed(world: World) -> None:
    """It did more than it was asked: from then on it is a payment that was sent, and nothing more is."""
    world.bank.then(["executes"])
    created = await world.pay()
    assert created.payment.status.value == "accepted"
    await world.sweep(5)
    assert world.bank.calls == ["consent", "enquire"]
    assert len(world.bank.paid(created.payment.id.hex)) == 1


async def test_a_payer_who_never_comes_lets_the_payment_expire(world: World) -> None:
    """Nothing was sent that can pay; whoever comes after that is told so."""
    payment, state = await invited(world)
    await world.sweep(3_000)
    assert await world.status(payment) == "awaiting_authorisation"
    await world.sweep(601)
    view = await world.payments.get(world.caller, payment)
    assert (view.status.value, view.reason) == ("expired", "authorisation_expired")
    arrival = await come(world, state, bank_of(world).authorise())
    assert arrival is not None
    assert (arrival.reception, arrival.return_url) == (Reception.OVER, RETURN_URL)
    assert world.bank.calls == ["consent"]


async def test_a_payer_who_comes_as_it_expires_pays_or_does_not(world: World, vault: Vault) -> None:
    """Whoever has the payment's lock first decides, and the other one finds that."""
    ends = set()
    for number in range(8):
        created = await world.pay(f"key-{number}")
        assert created.payment.authorisation is not None
        code, state = bank_of(world).authorise(), state_of(created.payment.authorisation.url)
        other = second_process(world, vault, declaration=REDIRECTING)
        world.clock.advance(3_601)
        await asyncio.gather(other.sweeper.run_once(), come(world, state, code))
        await other.sweeper.settle()
        status = await world.status(created.payment.id)
        ends.add(status)
        assert len(world.bank.paid(created.payment.id.hex)) == (status != "expired")
    assert ends <= {"expired", "accepted", "settled", "completed"}


@pytest.mark.parametrize("stage", ["consent lost", "payer away", "exchanged"])
async def test_a_partner_may_withdraw_until_the_call_that_pays(world: World, stage: str) -> None:
    """Before it nothing can have moved; what comes back later finds a payment that has ended."""
    world.bank.then(["lost_before"] if stage == "consent lost" else [])
    created = await world.pay()
    payment, state = created.payment.id, ""
    if stage != "consent lost":
        assert created.payment.authorisation is not None
        state = state_of(created.payment.authorisation.url)
    if stage == "exchanged":
        world.bank.then(["ok", "never_left"])
        await come(world, state, bank_of(world).authorise())
        assert await world.status(payment) == "queued"
    await world.payments.cancel(world.caller, payment)
    assert await world.status(payment) == "cancelled"
    if state:
        arrival = await come(world, state, "late")
        assert arrival is not None
        assert arrival.status.value == "cancelled"
    assert await world.sweep(100_000) == 0
    assert world.bank.paid(payment.hex) == []
    assert not await world.rows("SELECT FROM authorisations WHERE sealed_grant IS NOT NULL")


async def test_a_call_that_never_left_goes_out_under_the_same_consent(world: World) -> None:
    """The bank compares the payment with the consent: the reference stays, and there is one submission."""
    payment, state = await invited(world)
    code = bank_of(world).authorise()
    world.bank.then(["never_left", "ok", "never_left", "never_left"])
    await come(world, state, code)
    for _ in range(4):
        await world.sweep(61)
    assert await world.status(payment) in {"accepted", "settled"}
    (row,) = await world.rows("SELECT count(*) AS n FROM submissions")
    assert row["n"] == 1
    assert len(world.bank.paid(payment.hex)) == 1


async def test_a_lost_answer_to_the_call_that_pays_is_unknown(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """From its sending on the rules of every payment hold: not sent again, and asked about."""
    world = await _world(database, vault, clock, BY_ENQUIRY)
    payment, state = await invited(world)
    code = bank_of(world).authorise()
    world.bank.then(["ok", "lost_after"])
    await come(world, state, code)
    assert await world.status(payment) == "outcome_unknown"
    await world.sweep(3)
    assert await world.status(payment) == "settled"
    assert world.bank.calls == ["consent", "authorise", "submit", "enquire"]


async def test_access_that_ended_is_not_presented(world: World) -> None:
    """A refusal of it would prove nothing about the first sending, and before that nothing can be sent at all."""
    payment, state = await invited(world)
    code = bank_of(world).authorise()
    world.bank.then(["ok", "never_left"])
    await come(world, state, code)
    await world.sweep(301)
    view = await world.payments.get(world.caller, payment)
    assert (view.status.value, view.reason) == ("expired", "authorisation_expired")
    assert world.bank.calls.count("submit") == 1


async def test_who_is_suspended_sends_nobody_on(world: World) -> None:
    """What the payer brought is kept, and used when all may go on."""
    payment, state = await invited(world)
    await world.pool.execute("UPDATE banks SET state = 'suspended'")
    arrival = await come(world, state, bank_of(world).authorise())
    assert arrival is not None
    assert await world.status(payment) == "queued"
    assert world.bank.calls == ["consent"]
    await world.pool.execute("UPDATE banks SET state = 'active'")
    await world.sweep(3)
    assert await world.status(payment) == "accepted"


async def test_a_process_that_stops_keeps_what_was_brought(world: World, vault: Vault) -> None:
    """The payer is answered, and another process goes on."""
    payment, state = await invited(world)
    await world.payments.drain()
    assert (await come(world, state, bank_of(world).authorise())) is not None
    assert world.bank.calls == ["consent"]
    await second_process(world, vault, declaration=REDIRECTING).sweep(11)
    assert await world.status(payment) == "accepted"


async def test_a_dry_run_shows_what_can_be_built_before(world: World) -> None:
    """The consent, with nothing in it that could be used; nothing is sent or kept."""
    shown = await world.payments.rehearse(world.caller, world.request(return_url=RETURN_URL))
    assert [each.kind.value for each in shown.requests] == ["consent"]
    assert world.bank.calls == []
    assert not await world.rows("SELECT FROM authorisations")


async def test_a_payment_for_later_needs_a_bank_that_keeps_it(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """Elsewhere it is refused by name; where the bank schedules, the payer is sent there at once."""
    later = {"execute_at": clock.now().replace(year=clock.now().year + 1, month=1, day=1)}
    with pytest.raises(Invalid) as refused:
        await (await _world(database, vault, clock, REDIRECTING)).pay(**later)
    assert [error.pointer for error in refused.value.errors] == ["/execute_at"]


async def test_the_first_tries_are_bounded_by_time(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """A bank that never answers gets so many consents, and no payment."""
    bank = PayerBank(declaration=BY_ENQUIRY, dead=set())
    world = await make_world(
        database, vault, clock, declaration=BY_ENQUIRY, bank=bank, policy=PaymentsPolicy(submissions_max=3)
    )
    world.bank.then(["lost_after"] * 10)
    created = await world.pay()
    for _ in range(6):
        await world.sweep(100)
    view = await world.payments.get(world.caller, created.payment.id)
    assert (view.status.value, view.reason) == ("expired", "bank_unreachable")
    assert world.bank.calls == ["consent"] * 3
