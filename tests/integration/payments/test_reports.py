"""Banks that say little: until when they are asked, what is told of that, and when a person is called."""

import random
from dataclasses import replace
from datetime import timedelta

import asyncpg
import orjson
import pytest
from prometheus_client import CollectorRegistry

from adapters.contract import Instruction, Verdict
from adapters.declaration import EnquiryKey, LastWord, OperationKind, Recovery
from adapters.wire import WireRequest
from kernel.sealing import Vault
from payments.operators.waiting import WaitingGauge
from payments.policy import PaymentsPolicy
from payments.states.names import FINAL_STATUSES
from tests.support.clock import FakeClock
from tests.support.payer_bank import REDIRECTING, STARTING, PayerBank
from tests.support.payments_world import World, make_world
from tests.support.scripted_bank import DECLARATION, ScriptedAdapter, ScriptedBank, declared

SUBMIT, CANCEL = OperationKind.SUBMIT, OperationKind.CANCEL
TERSE = declared(last_word=LastWord.ACCEPTED, silent_after_seconds=86_400)
MUTE = declared(operations=frozenset({SUBMIT}), enquiry_keys=(), notifications=False, recovery={SUBMIT: Recovery.HOLD})
CALLING = replace(MUTE, notifications=True)
DECLARATIONS = [
    DECLARATION,
    TERSE,
    MUTE,
    CALLING,
    declared(enquiry_keys=(EnquiryKey.BANK_REFERENCE,)),
    declared(enquiry_keys=(EnquiryKey.BANK_REFERENCE,), notifications=False, absence_proven_after_seconds=None),
    declared(operations=frozenset({SUBMIT}), enquiry_keys=(), recovery={SUBMIT: Recovery.RESEND}, notifications=False),
    REDIRECTING,
    replace(REDIRECTING, enquiry_keys=(EnquiryKey.BANK_REFERENCE,), recovery={SUBMIT: Recovery.ENQUIRE}),
    STARTING,
]
STEPS = [
    *("ok", "ok", "ok", "reject", "lost_before", "lost_after", "never_left", "late"),
    *("wrong_amount", "wrong_reference", "garbage", "not_found"),
]


async def forgotten(world: World) -> list[str]:
    """Payments that nobody will look at again, and of which nobody was told that all is said."""
    finals = [status.value for status in FINAL_STATUSES]
    rows = await world.rows(
        "SELECT p.id FROM payments p WHERE p.next_check_at IS NULL AND NOT p.status::text = ANY ($1::text[])"
        " AND NOT EXISTS (SELECT FROM payment_exceptions x WHERE x.payment_id = p.id AND x.closed_at IS NULL)",
        finals,
    )
    views = [await world.payments.get(world.caller, row["id"]) for row in rows]
    now = world.clock.now()
    return [
        view.status.value for view in views if view.reports_expected_until is None or view.reports_expected_until > now
    ]


async def test_a_bank_that_never_reports_more_than_acceptance_is_asked_for_a_time(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """The payment is never called paid; until when more is expected is told from its acceptance on, and kept to."""
    world = await make_world(database, vault, clock, declaration=TERSE, bank=ScriptedBank(settles=False))
    created = await world.pay()
    told = created.payment.to_json()
    assert (told["status"], told["status_final"]) == ("accepted", False)
    assert created.payment.reports_expected_until == created.payment.updated_at + timedelta(days=1)
    for _ in range(48 * 6):
        await world.sweep(600)
    assert await world.status(created.payment.id) == "accepted"
    assert 10 < world.bank.calls.count("enquire") < 60
    assert await world.exceptions() == []
    assert await world.sweep(86_400 * 3) == 0
    raw = orjson.dumps({"verdict": "settled", "reference": world.bank.books[0].reference})
    await world.inbox.accept("scripted", raw, {"Signature": "true"})
    await world.inbox_worker.run_once()
    assert await world.status(created.payment.id) == "settled"


async def test_a_bank_that_owes_more_is_asked_on_and_a_person_is_called(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """After a week of acceptance alone; who sees that nothing more comes can say so in the bank's settings."""
    world = await make_world(database, vault, clock, bank=ScriptedBank(settles=False))
    created = await world.pay()
    assert created.payment.reports_expected_until is None
    for _ in range(6):
        await world.sweep(86_400)
    assert await world.exceptions() == []
    for _ in range(4):
        await world.sweep(86_400)
    assert await world.exceptions() == ["no_end_told"]
    assert (await world.event_types()).count("payment.needs_operator") == 1
    world.bank.books[0].verdict = Verdict.SETTLED
    await world.sweep(86_400)
    assert await world.status(created.payment.id) == "settled"


async def test_a_payment_that_nobody_can_be_asked_about_is_given_to_a_person_at_once(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """The bank has it, cannot be asked and does not report: it does not rest in silence, and its event says so."""
    world = await make_world(database, vault, clock, declaration=MUTE)
    created = await world.pay()
    assert created.payment.status.value == "accepted"
    await world.sweep()
    assert await world.exceptions() == ["cannot_be_asked"]
    assert await world.event_types() == ["payment.created", "payment.accepted", "payment.needs_operator"]
    assert await world.sweep(86_400) == 0


async def test_a_question_that_cannot_be_put_is_given_to_a_person_and_tried_again(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings or an adapter that lack something do not leave a payment to itself; once they are mended it goes on."""
    world, build = await make_world(database, vault, clock), ScriptedAdapter.build

    def build_no_question(self: ScriptedAdapter, kind: OperationKind, instruction: Instruction) -> WireRequest:
        if kind is OperationKind.ENQUIRE:
            raise ValueError("a setting is missing")
        return build(self, kind, instruction)

    monkeypatch.setattr(ScriptedAdapter, "build", build_no_question)
    created = await world.pay()
    for _ in range(5):
        await world.sweep(30)
    assert await world.exceptions() == ["request_not_built"]
    monkeypatch.undo()
    await world.sweep(300)
    assert await world.status(created.payment.id) == "settled"


async def test_monitoring_sees_how_many_wait_for_persons_and_since_when(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """By reason, with the age of the oldest; what was dealt with is 0 again."""
    world, registry = await make_world(database, vault, clock, declaration=MUTE), CollectorRegistry()
    gauge, name = WaitingGauge(world.pool, registry), "threadneedle_payments_needing_operator"
    await world.pay()
    await world.sweep()
    await world.pool.execute("UPDATE payment_exceptions SET opened_at = now() - interval '2 hours'")
    await gauge.run_once()
    assert registry.get_sample_value(name, {"code": "cannot_be_asked"}) == 1
    assert 7_200 <= (registry.get_sample_value(f"{name}_oldest_seconds") or 0) < 7_300
    await world.pool.execute("UPDATE payment_exceptions SET closed_at = now()")
    await gauge.run_once()
    assert registry.get_sample_value(name, {"code": "cannot_be_asked"}) == 0
    assert registry.get_sample_value(f"{name}_oldest_seconds") == 0


async def test_a_bank_that_only_reports_by_itself_is_waited_for_and_then_a_person_is_called(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """A report that never came is found out by its time."""
    world = await make_world(database, vault, clock, declaration=CALLING)
    await world.pay()
    assert await world.sweep(604_000) == 0
    assert await world.sweep(1_000) == 1
    assert await world.exceptions() == ["no_end_told"]


async def test_an_outcome_that_only_persons_can_clear_is_told_at_once(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """Neither a key nor an enquiry: unknown, held, listed with its evidence, and told as an event of its own."""
    world = await make_world(database, vault, clock, declaration=MUTE)
    world.bank.then(["lost_after"])
    await world.pay()
    await world.sweep(2)
    assert await world.exceptions() == ["outcome_unknown"]
    told = ["payment.created", "payment.outcome_unknown", "payment.needs_operator"]
    assert await world.event_types() == told
    (row,) = await world.rows("SELECT id, partner_id, sealed_body FROM events WHERE type = 'payment.needs_operator'")
    body = await vault.open(row["partner_id"], row["sealed_body"], b"events.body:" + row["id"].bytes)
    data = orjson.loads(body)["data"]
    assert (data["status"], data["recovery"]["strategy"]) == ("outcome_unknown", "hold")


@pytest.mark.parametrize("which", range(len(DECLARATIONS)))
async def test_no_payment_is_ever_forgotten(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, which: int
) -> None:
    """After every call and every while of seeded lives, each payment has an end, a time, a person, or its last word."""
    declaration, chance = DECLARATIONS[which], random.Random(which)  # noqa: S311 - seeded, not secret
    bank = PayerBank(declaration=declaration) if declaration.sends_payers else ScriptedBank()
    policy = PaymentsPolicy(submissions_max=4, unknown_age_max_seconds=86_400)
    world = await make_world(database, vault, clock, declaration=declaration, policy=policy, bank=bank)
    for key in range(6):
        world.bank.then(chance.choices(STEPS, k=8))
        await world.pay(str(key))
        assert await forgotten(world) == []
        for _ in range(4):
            await world.sweep(chance.choice([1, 30, 900, 4_000]))
            assert await forgotten(world) == []
    for _ in range(4):
        await world.sweep(86_400)
        assert await forgotten(world) == []
