"""What banks declare that they take is kept by all processes together, before a call is begun."""

import asyncio

import asyncpg

from adapters.declaration import OperationKind, Quota
from kernel.sealing import Vault
from payments.calls.quotas import take_from_quotas
from tests.support.clock import FakeClock
from tests.support.payments_world import make_world, second_process
from tests.support.scripted_bank import declared

SUBMIT, ENQUIRE = OperationKind.SUBMIT, OperationKind.ENQUIRE


def quota(kind: OperationKind, requests: int, window_seconds: int) -> Quota:
    return Quota(kinds=frozenset({kind}), requests=requests, window_seconds=window_seconds)


async def test_a_payment_over_the_quota_is_queued_and_sent_later(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """The bank is not called, the payment says that it waits, and no submission of its few is used up."""
    declaration = declared(quotas=(quota(SUBMIT, 1, 1),))
    world = await make_world(database, vault, clock, declaration=declaration)
    await world.pay("first")
    second = await world.pay("second")
    assert (second.payment.status.value, world.bank.calls.count("submit")) == ("queued", 1)
    await asyncio.sleep(1)  # the database's own clock counts the quota's second
    await world.sweep(2)
    assert await world.status(second.payment.id) == "accepted"
    rows = await world.rows("SELECT sequence FROM submissions WHERE payment_id = $1", second.payment.id)
    assert [row["sequence"] for row in rows] == [1]
    assert world.bank.calls.count("submit") == 2


async def test_an_enquiry_over_the_quota_is_made_later(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """What is unknown stays unknown until the bank may be asked; another process keeps the same count."""
    declaration = declared(quotas=(quota(ENQUIRE, 1, 1),))
    world = await make_world(database, vault, clock, declaration=declaration)
    world.bank.then(["lost_after", "lost_after"])
    one, other = await world.pay("one"), await world.pay("other")
    await world.sweep(2)
    await second_process(world, vault, declaration=declaration).sweep(0)
    assert world.bank.calls.count("enquire") == 1
    statuses = {await world.status(created.payment.id) for created in (one, other)}
    assert statuses == {"settled", "outcome_unknown"}
    for _ in range(3):  # what is settled is asked about as well, and takes from the same quota
        await asyncio.sleep(1)
        await world.sweep(60)
    assert "outcome_unknown" not in {await world.status(created.payment.id) for created in (one, other)}


async def test_calls_at_once_are_counted_one_by_one(database: "asyncpg.Pool[asyncpg.Record]") -> None:
    """Twenty connections ask at the same moment; as many pass as the quota has, each other is told how long to wait."""
    declaration = declared(quotas=(quota(SUBMIT, 50, 3600),))

    async def ask() -> float | None:
        async with database.acquire() as connection, connection.transaction():
            return await take_from_quotas(connection, "bank", declaration, SUBMIT)

    waits = await asyncio.gather(*(ask() for _ in range(20)))
    assert waits.count(None) == 5
    assert all(70 < wait <= 80 for wait in waits if wait is not None)


async def test_a_call_under_two_quotas_takes_from_both_or_from_neither(
    database: "asyncpg.Pool[asyncpg.Record]",
) -> None:
    """A call that one of them refuses is not counted by the other."""
    wide = Quota(kinds=frozenset({SUBMIT, ENQUIRE}), requests=40, window_seconds=3600)
    declaration = declared(quotas=(wide, quota(SUBMIT, 1, 3600)))
    async with database.acquire() as connection, connection.transaction():
        asked = [await take_from_quotas(connection, "bank", declaration, kind) for kind in [SUBMIT] * 9 + [ENQUIRE] * 9]
    assert [wait is None for wait in asked] == [True] + [False] * 8 + [True] * 3 + [False] * 6


async def test_a_transaction_that_fails_counts_nothing(database: "asyncpg.Pool[asyncpg.Record]") -> None:
    """A call that was not begun is free."""
    declaration = declared(quotas=(quota(SUBMIT, 1, 3600),))
    async with database.acquire() as connection:
        for _ in range(2):
            transaction = connection.transaction()
            await transaction.start()
            assert await take_from_quotas(connection, "bank", declaration, SUBMIT) is None
            await transaction.rollback()


async def test_what_no_quota_names_is_not_counted(database: "asyncpg.Pool[asyncpg.Record]") -> None:
    """A kind of call without a quota is never counted."""
    async with database.acquire() as connection:
        assert await take_from_quotas(connection, "bank", declared(quotas=(quota(SUBMIT, 1, 1),)), ENQUIRE) is None
    assert await database.fetchval("SELECT count(*) FROM bank_quotas") == 0
