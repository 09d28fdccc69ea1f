"""What each kind of call meets while Redis is away, killed under load, and that all is as before when it is back."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from config.embedded.binaries import find_valkey
from config.embedded.server import Place
from config.embedded.valkey import Valkey
from gateway.limits.gcra import Bucket
from gateway.limits.policy import BUCKET_NAMES, LimitPolicy, Tier
from kernel.sealing import Vault
from tests.integration.gateway.test_api import pay
from tests.support.clock import FakeClock
from tests.support.edge import Edge, Party, running_edge

STILL = 0.001
# A quarter of each is what one process lets through by itself.
LIMIT, SHARE = 40, 10
ROOMY = Bucket(capacity=10_000, rate_per_second=STILL)
NARROW = Bucket(capacity=LIMIT, rate_per_second=STILL)
POLICY = LimitPolicy(
    tiers={"standard": Tier(buckets={**dict.fromkeys(BUCKET_NAMES, NARROW), "client": ROOMY, "partner": ROOMY})},
    token_by_address=NARROW,
    refused_by_address=NARROW,
    admin=ROOMY,
    probe_interval_seconds=0.05,
)


@pytest.fixture
def valkey(tmp_path: Path) -> Valkey:
    """A Valkey of the test's own, to be killed."""
    return Valkey(Place(state=tmp_path, account=None, password="gone"), find_valkey())


@asynccontextmanager
async def installation(
    pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, valkey: Valkey, policy: LimitPolicy
) -> AsyncIterator[Edge]:
    await valkey.start()
    try:
        async with running_edge(pool, vault, clock, valkey.url, policy) as edge:
            yield edge
    finally:
        await valkey.stop()


@pytest.fixture
async def edge(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, valkey: Valkey
) -> AsyncIterator[Edge]:
    """The edge on that Valkey."""
    async with installation(database, vault, clock, valkey, POLICY) as running:
        yield running


@asynccontextmanager
async def gone(edge: Edge, valkey: Valkey) -> AsyncIterator[None]:
    """Redis is killed while another partner calls without pause, and comes back at the end, empty."""
    other, seen = await edge.party(), Counter[int]()

    async def load() -> None:
        while True:
            seen[(await edge.call("GET", "/v1/payments", token=other.token)).status] += 1

    loading = asyncio.create_task(load())
    await until(lambda: seen[200] > 3)
    valkey.kill()
    await until(lambda: not edge.services.gate.redis_available)
    yield
    await valkey.restart()
    await until(lambda: edge.services.gate.redis_available)
    loading.cancel()
    await asyncio.gather(loading, return_exceptions=True)
    assert set(seen) <= {200, 429}


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - another process is waited for
            await asyncio.sleep(0.01)


async def publish(edge: Edge, party: Party) -> int:
    body = {"type": "order.packed", "merchant_id": party.merchant_id, "data": {}}
    return (await edge.call("POST", "/v1/events", token=party.token, json=body)).status


async def test_reads_are_admitted_by_a_local_share(edge: Edge, valkey: Valkey) -> None:
    """A quarter of the limit in each process, then 429; the whole limit when Redis is back."""
    party = await edge.party()
    async with gone(edge, valkey):
        answers = [await edge.call("GET", "/v1/payments", token=party.token) for _ in range(SHARE + 3)]
        assert [answer.status for answer in answers] == [200] * SHARE + [429] * 3
        assert answers[-1].json["violated-policies"] == ["reads"]
    statuses = [(await edge.call("GET", "/v1/payments", token=party.token)).status for _ in range(LIMIT + 1)]
    assert statuses == [200] * LIMIT + [429]


async def test_events_are_admitted_by_a_local_share(edge: Edge, valkey: Valkey) -> None:
    """What is answered 201 is committed, Redis or not."""
    party = await edge.party()
    async with gone(edge, valkey):
        assert [await publish(edge, party) for _ in range(SHARE + 3)] == [201] * SHARE + [429] * 3
    assert [await publish(edge, party) for _ in range(LIMIT + 1)] == [201] * LIMIT + [429]
    feed = await edge.call("GET", "/v1/events?types=order.*&limit=100", token=party.token)
    assert len(feed.json["data"]) == SHARE + LIMIT


async def test_the_token_endpoint_has_a_local_bucket(edge: Edge, valkey: Valkey) -> None:
    """Clients log in, and guessing stays slow."""
    party = await edge.party()
    async with gone(edge, valkey):
        statuses = [(await edge.token(party.client_id, party.secret)).status for _ in range(SHARE + 3)]
        assert statuses == [200] * SHARE + [429] * 3
    assert (await edge.token(party.client_id, party.secret)).status == 200


async def test_new_payments_are_closed_and_known_ones_are_answered(edge: Edge, valkey: Valkey) -> None:
    """503 with Retry-After, and the bank hears nothing; a known request key and every GET are answered."""
    party = await edge.party()
    await edge.add_bank()
    known = await pay(edge, party, "known")
    calls = len(edge.bank.calls)
    async with gone(edge, valkey):
        refused = await pay(edge, party, "new")
        assert (refused.status, refused.code) == (503, "payments_closed")
        assert int(refused.headers["Retry-After"]) > 0
        repeat = await pay(edge, party, "known")
        assert (repeat.status, repeat.json["id"]) == (201, known.json["id"])
        assert repeat.headers["Idempotent-Replayed"] == "true"
        assert (await edge.call("GET", known.headers["Location"], token=party.token)).status == 200
        assert len(edge.bank.calls) == calls
    assert (await pay(edge, party, "new")).status == 201


async def test_new_payments_can_be_left_open(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, valkey: Valkey
) -> None:
    """With the setting money_without_redis a local share lets them in."""
    policy = replace(POLICY, money_without_redis=True)
    async with installation(database, vault, clock, valkey, policy) as edge:
        party = await edge.party()
        await edge.add_bank()
        async with gone(edge, valkey):
            statuses = [(await pay(edge, party, f"key {number}")).status for number in range(SHARE + 1)]
            assert statuses == [201] * SHARE + [429]


async def test_notifications_of_banks_are_always_accepted(edge: Edge, valkey: Valkey) -> None:
    """More of them than any limit allows, each committed before its answer."""
    await edge.add_bank()
    async with gone(edge, valkey):
        for number in range(LIMIT + SHARE):
            headers = {"signature": "true", "Content-Type": "application/json"}
            body = f'{{"verdict": "accepted", "reference": "{number}"}}'
            path = "/banks/scripted/notifications"
            assert (await edge.call("POST", path, headers=headers, data=body)).status < 300
    assert await edge.services.health.ready() == (
        True,
        {"draining": False, "postgresql": "available", "redis": "available"},
    )
