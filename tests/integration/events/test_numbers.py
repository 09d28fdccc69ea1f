"""An endpoint's deliveries are numbered without gaps, and never visible out of order."""

import asyncio
import random
from datetime import UTC, datetime
from hashlib import sha256
from typing import TypeAlias
from uuid import UUID

import asyncpg

from kernel.ids import Tenant, new_id
from kernel.sealing import Vault
from tests.support.tenants import caller
from webhooks.endpoints.requests import EndpointDraft
from webhooks.endpoints.service import Endpoints
from webhooks.events.matching import Matcher
from webhooks.events.model import NewEvent
from webhooks.events.numbers import take_numbers
from webhooks.events.writer import EventWriter

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
_URL = "https://shop.example.com/hook"
_WRITERS = 8
_TRANSACTIONS = 20
_SEQUENCES = "SELECT endpoint_id, array_agg(sequence ORDER BY sequence) AS numbers FROM deliveries GROUP BY endpoint_id"


async def make_endpoints(endpoints: Endpoints, tenant: Tenant) -> dict[str, UUID]:
    """Ordered and not, some for few types only."""
    drafts = {
        "all": EndpointDraft(url=_URL),
        "ordered": EndpointDraft(url=_URL, ordered=True),
        "few": EndpointDraft(url=_URL, event_types=["order.a"]),
    }
    return {name: (await endpoints.create(caller(tenant), draft)).endpoint.id for name, draft in drafts.items()}


class Publishing:
    """A process that writes transactions of a few events each, and rolls some back."""

    def __init__(self, pool: Pool, writer: EventWriter, tenant: Tenant, seed: int) -> None:
        self._pool, self._writer, self._tenant, self._seed = pool, writer, tenant, seed

    async def run(self) -> None:
        """All transactions, one after the other."""
        chance = random.Random(self._seed)  # noqa: S311 - a test's dice
        for number in range(_TRANSACTIONS):
            async with self._pool.acquire() as connection:
                transaction = connection.transaction()
                await transaction.start()
                events = [self._event(chance, number) for _ in range(chance.choice((1, 3)))]
                await self._writer.write(connection, events)
                await (transaction.rollback() if chance.random() < 0.3 else transaction.commit())

    def _event(self, chance: random.Random, number: int) -> NewEvent:
        now = datetime.now(UTC)
        twin = chance.random() < 0.4
        digest = sha256(f"{number}/{chance.choice('abc')}".encode()).digest() if twin else None
        return NewEvent(
            tenant=self._tenant,
            id=new_id(now),
            type=chance.choice(("order.a", "order.b")),
            merchant_id=None,
            occurred_at=now,
            data={},
            ordering_key=UUID(int=chance.choice((1, 2, 3))),
            key_digest=digest,
            fingerprint=b"same" if twin else None,
        )


async def watch(pool: Pool, done: asyncio.Event) -> int:
    """Every snapshot shows 1..n of each endpoint; returns how many were looked at."""
    looks = 0
    while not done.is_set():
        for row in await pool.fetch(_SEQUENCES):
            assert row["numbers"] == list(range(1, len(row["numbers"]) + 1))
        looks += 1
    return looks


async def test_numbers_have_no_gaps_and_never_appear_out_of_order(
    database_url: str, vault: Vault, endpoints: Endpoints, tenant: Tenant
) -> None:
    """Eight writers with rollbacks, twins and ordered lines: every snapshot shows exactly 1..n of each endpoint."""
    made = await make_endpoints(endpoints, tenant)
    async with asyncpg.create_pool(database_url, min_size=_WRITERS + 1, max_size=_WRITERS + 1) as pool:
        done = asyncio.Event()
        watching = asyncio.create_task(watch(pool, done))
        writers = [Publishing(pool, EventWriter(vault, Matcher(vault)), tenant, seed) for seed in range(_WRITERS)]
        async with asyncio.TaskGroup() as group:
            for writer in writers:
                group.create_task(writer.run())
        done.set()
        assert await watching > 0
        numbers = {row["endpoint_id"]: row["numbers"] for row in await pool.fetch(_SEQUENCES)}
        counters = await pool.fetch("SELECT endpoint_id, last_sequence FROM endpoint_counters")
        events = await pool.fetchval("SELECT count(*) FROM events")
    assert set(numbers) == set(made.values())
    assert len(numbers[made["all"]]) == len(numbers[made["ordered"]]) == events
    assert {row["endpoint_id"]: row["last_sequence"] for row in counters} == {
        endpoint_id: len(each) for endpoint_id, each in numbers.items()
    }


async def test_a_line_is_numbered_in_its_order(
    database: Pool, writer: EventWriter, endpoints: Endpoints, tenant: Tenant
) -> None:
    """Within one ordering key of an ordered endpoint, what comes later has the higher number."""
    await endpoints.create(caller(tenant), EndpointDraft(url=_URL, ordered=True))
    publishers = [Publishing(database, writer, tenant, seed) for seed in range(3)]
    await asyncio.gather(*(publisher.run() for publisher in publishers))
    rows = await database.fetch("SELECT ordering_key, sequence FROM deliveries ORDER BY ordering_key, id")
    assert rows
    assert [tuple(row) for row in rows] == sorted(tuple(row) for row in rows)


async def test_numbers_are_given_back_with_the_transaction(database: Pool, tenant: Tenant) -> None:
    """Ranges of one endpoint follow each other; a rolled-back one is given again."""
    partner, first, second = tenant.partner_id, UUID(int=1), UUID(int=2)
    async with database.acquire() as connection:
        async with connection.transaction():
            taken = await take_numbers(connection, [(partner, second, 2), (partner, first, 1), (partner, second, 1)])
            assert taken == {(partner, first): range(1, 2), (partner, second): range(1, 4)}
        transaction = connection.transaction()
        await transaction.start()
        assert (await take_numbers(connection, [(partner, second, 1)]))[partner, second] == range(4, 5)
        await transaction.rollback()
        assert (await take_numbers(connection, [(partner, second, 2)]))[partner, second] == range(4, 6)
        assert await take_numbers(connection, []) == {}
