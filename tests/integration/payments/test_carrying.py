"""A process that commits an intent carries it: what happens when it is overtaken, late, stopping, or left alone."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import asyncpg
import pytest

from kernel.sealing import Vault
from payments.model import RequestKey
from payments.service import Payments
from payments.tools import Connection, EventSink
from tests.support.clock import FakeClock
from tests.support.payments_world import World, make_world, second_process, until
from tests.support.scripted_bank import declared
from webhooks.events.model import NewEvent, Written


@pytest.fixture
async def world(database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock) -> World:
    return await make_world(database, vault, clock)


class _SlowEvents:
    """The real writer, while whose transaction time passes."""

    def __init__(self, inner: EventSink, clock: FakeClock) -> None:
        self._inner = inner
        self._clock = clock

    async def write(self, connection: Connection, events: Sequence[NewEvent]) -> list[Written]:
        self._clock.advance(11)
        return await self._inner.write(connection, events)


async def test_a_notification_that_is_quicker_than_the_answer_counts_once(world: World) -> None:
    """The answer finds the payment changed, is kept as evidence, and ends its operation all the same."""
    world.bank.then(["hang"])
    created = await world.pay(wait_seconds=0)
    assert (created.status_code, created.payment.status.value) == (202, "submitting")
    await until(lambda: bool(world.bank.calls))
    reference = (await world.rows("SELECT end_to_end_id FROM submissions"))[0]["end_to_end_id"]
    raw = b'{"verdict":"settled","reference":"%s"}' % reference.encode()
    await world.inbox.accept("scripted", raw, {"Signature": "true"})
    await world.inbox_worker.run_once()
    world.bank.gate.set()
    await world.payments.drain()
    assert await world.status(created.payment.id) == "settled"
    assert await world.event_types() == ["payment.created", "payment.settled"]
    evidence = await world.rows("SELECT source::text, refused_why FROM payment_evidence")
    assert {tuple(row) for row in evidence} == {("callback", None), ("response", "stale")}
    assert [row["state"] for row in await world.rows("SELECT state::text FROM bank_operations")] == ["answered"]


async def test_a_lease_that_waited_for_its_commit_too_long_is_not_used(world: World) -> None:
    """Nothing is sent any more; the sweeper asks first."""
    events = _SlowEvents(world.tools.events, world.clock)
    created = await Payments(replace(world.tools, events=events)).create(
        world.caller, world.request(), RequestKey("late"), 5
    )
    assert (created.status_code, created.payment.status.value) == (202, "submitting")
    assert world.bank.calls == []
    await world.sweep(60)
    await world.sweep(1)
    assert world.bank.calls == ["enquire"]


async def test_a_process_that_stops_leases_nothing(world: World, vault: Vault) -> None:
    """What it still takes is planned, and another process sends it."""
    await world.payments.drain()
    created = await world.pay()
    assert (created.status_code, created.payment.status.value) == (202, "created")
    assert world.bank.calls == []
    await second_process(world, vault).sweep(30)
    assert world.bank.calls == ["submit"]


async def test_where_only_persons_could_clear_it_intent_and_lease_are_two_commits(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """A bank that proves no absence: what has not begun is planned, so a death in between leaves nothing unknown."""
    world = await make_world(database, vault, clock, declaration=declared(absence_proven_after_seconds=None))
    created = await world.pay()
    assert (created.status_code, created.payment.status.value) == (201, "accepted")
    row = (await world.rows("SELECT version FROM payments"))[0]
    assert row["version"] == 3  # created, submitting, accepted


async def test_whoever_asked_may_go(world: World) -> None:
    """The call goes on, and the repeat is answered with the code of a prompt answer."""
    world.bank.then(["hang"])
    asking = asyncio.create_task(world.pay("gone"))
    await until(lambda: bool(world.bank.calls))
    asking.cancel()
    world.bank.gate.set()
    await world.payments.drain()
    again = await world.pay("gone")
    assert (again.status_code, again.repeated, again.payment.status.value) == (201, True, "accepted")
    assert world.bank.calls == ["submit"]


async def test_who_stopped_listening_was_told_202(world: World) -> None:
    """The code of the first answer stays, although the bank's word came later."""
    world.bank.then(["hang"])
    assert (await world.pay("early", wait_seconds=0)).status_code == 202
    world.bank.gate.set()
    await world.payments.drain()
    again = await world.pay("early")
    assert (again.status_code, again.payment.status.value) == (202, "accepted")
