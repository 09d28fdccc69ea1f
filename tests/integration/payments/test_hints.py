"""A bank that tells that something changed, and not what: it is asked at once, and believed in nothing else."""

from datetime import timedelta

import asyncpg
import orjson
import pytest

from adapters.contract import BankSettings, Subject
from kernel.sealing import Vault
from payments.banks import seal_settings
from tests.support.clock import FakeClock
from tests.support.payments_world import World, make_world


@pytest.fixture
async def world(database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock) -> World:
    return await make_world(database, vault, clock)


async def _hint(world: World, id_: str, about: Subject = Subject.PAYMENT, *, ended: bool = False) -> None:
    raw = orjson.dumps({"verdict": "unknown", "hints": [[about, id_, ended]]})
    await world.inbox.accept("scripted", raw, {"signature": "true"})
    assert await world.inbox_worker.run_once() == 1


async def _outcomes(world: World) -> list[str]:
    return [row["outcome"] for row in await world.rows("SELECT outcome FROM bank_notifications ORDER BY id")]


async def _reference(world: World) -> str:
    return str((await world.rows("SELECT bank_reference FROM submissions"))[0]["bank_reference"])


async def test_a_hint_has_the_bank_asked_at_once(world: World) -> None:
    """The payment goes on by the bank's answer, long before it would have been asked about."""
    created = await world.pay()
    await world.pool.execute("UPDATE payments SET checks = 7, next_check_at = now() + interval '15 minutes'")
    assert await world.sweep() == 0
    await _hint(world, await _reference(world))
    assert await world.status(created.payment.id) == "accepted"
    assert await world.sweep() == 1
    assert await world.status(created.payment.id) == "settled"
    assert await _outcomes(world) == ["asked"]
    sources = await world.rows("SELECT DISTINCT source::text FROM payment_evidence")
    assert {row["source"] for row in sources} == {"response", "poll"}


async def test_after_a_hint_the_cadence_begins_anew(world: World) -> None:
    """A hint may come ahead of the bank's own books, so that the first answer after it is still the old one."""
    await world.pay()
    await world.pool.execute("UPDATE payments SET checks = 7, next_check_at = now() + interval '15 minutes'")
    await _hint(world, await _reference(world))
    assert await world.pool.fetchval("SELECT checks FROM payments") == 0


async def test_a_hint_never_delays(world: World) -> None:
    """What is due already stays due."""
    await world.pay()
    before = await world.pool.fetchval("SELECT next_check_at FROM payments")
    world.clock.advance(100)
    await _hint(world, await _reference(world))
    assert await world.pool.fetchval("SELECT next_check_at FROM payments") == before


async def test_a_hint_about_nothing_that_is_asked_about_is_passed_over(world: World) -> None:
    """Nobody's payment, and one that has ended: neither is tried again, nor does a person hear of it."""
    created = await world.pay()
    reference = await _reference(world)
    await world.sweep(5)
    await world.sweep(5)
    assert await world.status(created.payment.id) == "completed"
    await _hint(world, reference)
    await _hint(world, "nobodys")
    assert await _outcomes(world) == ["ignored", "ignored"]
    assert await world.sweep(100_000) == 0
    assert await world.exceptions() == []


async def test_a_hint_about_a_consent_goes_to_whoever_keeps_consents(world: World) -> None:
    """With whether its holder ended it."""
    await _hint(world, "aac-1", Subject.ACCOUNT_CONSENT, ended=True)
    assert world.hints.heard == [("scripted", "aac-1", True)]
    assert await _outcomes(world) == ["asked"]


async def test_a_bank_that_sends_many_holds_up_no_other(world: World, vault: Vault) -> None:
    """Of each bank the inbox takes a share; the other's one notification is not behind the flood."""
    await world.pool.execute(
        "INSERT INTO banks (id, adapter, environment, name, sealed_settings)"
        " SELECT 'other', adapter, environment, name, $1 FROM banks",
        await seal_settings(vault, "other", BankSettings(base_url="https://other.bank.example")),
    )
    for number in range(60):
        raw = orjson.dumps({"verdict": "unknown", "hints": [[Subject.PAYMENT, f"p-{number}", False]]})
        await world.inbox.accept("scripted", raw, {"signature": "true"})
    await world.pool.execute(
        "INSERT INTO bank_notifications (bank_id, id, dedupe_key, sealed_raw, verified, next_check_at)"
        " SELECT 'other', id, dedupe_key, sealed_raw, true, next_check_at FROM bank_notifications"
        " ORDER BY id DESC LIMIT 1"
    )
    world.clock.advance(2)
    rows = await world.inbox_worker._claim()
    assert [row["bank_id"] for row in rows].count("scripted") == world.tools.policy.notification_batch
    assert [row["bank_id"] for row in rows].count("other") == 1


async def test_a_long_silence_does_not_delay_what_follows_a_hint(world: World) -> None:
    """The first answer after it is still the old one: the next question comes by the cadence, not an hour later."""
    world.bank.settles = False
    await world.pay()
    await world.sweep(86_400)
    later = world.clock.now() + timedelta(hours=2)
    await world.pool.execute("UPDATE payments SET checks = 8, next_check_at = $1", later)
    await _hint(world, await _reference(world))
    assert await world.sweep() == 1
    assert await world.sweep(2) == 1
