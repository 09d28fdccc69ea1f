import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import pytest
from redis import RedisError

from gateway.limits.coalescer import Coalescer
from gateway.limits.flight.leases import MemoryLeases
from gateway.limits.gate import Gate
from gateway.limits.gcra import Bucket
from gateway.limits.live.book import FixedBook
from gateway.limits.policy import BUCKET_NAMES, LimitClass, LimitPolicy, Tier
from gateway.limits.storage import Demand, MemoryBuckets, RedisBuckets, TokenBucketSupport, Verdict
from gateway.oauth.scopes import Caller
from gateway.problems.errors import RateLimited
from gateway.schemas.pages import ProblemOut
from kernel.ids import Environment, Tenant
from kernel.sealing import Vault
from tests.support.clock import FakeClock
from tests.support.edge import Edge, another_admin, running_edge

SLOW = 0.01
_PROCESSES, _SECONDS = 4, 1.0
_SHARED = Bucket(capacity=100, rate_per_second=200)


ROOMY = Bucket(capacity=1000, rate_per_second=SLOW)
FEW = Bucket(capacity=5, rate_per_second=SLOW)


def tier(**named: Bucket) -> Tier:
    return Tier(buckets={**dict.fromkeys(BUCKET_NAMES, ROOMY), **named}, concurrency=20)


def policy(**named: Bucket) -> LimitPolicy:
    return LimitPolicy(tiers={"standard": tier(**named)}, token_by_address=FEW, refused_by_address=FEW)


def caller(name: str = "caller") -> Caller:
    tenant = Tenant(UUID(int=1), Environment.TEST)
    return Caller(tenant=tenant, client_id=uuid5(UUID(int=1), name), scopes=frozenset(), owner=name)


@pytest.fixture
async def tight(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, redis_url: str
) -> AsyncIterator[Edge]:
    """The edge with room for few requests."""
    limits = policy(
        reads=Bucket(capacity=3, rate_per_second=SLOW),
        money=Bucket(capacity=2, rate_per_second=SLOW),
        events=Bucket(capacity=5, rate_per_second=SLOW),
    )
    async with running_edge(database, vault, clock, redis_url, limits) as running:
        yield running


async def test_answers_say_which_limit_bites_and_how_much_is_left(tight: Edge) -> None:
    """RateLimit and RateLimit-Policy are on every limited answer; over the limit is 429 with Retry-After."""
    party = await tight.party()
    first = await tight.call("GET", "/v1/payments", token=party.token)
    assert first.headers["RateLimit-Policy"] == (
        '"partner";q=1000;w=100000, "client";q=1000;w=100000, "reads";q=3;w=300, '
        '"concurrency";q=20;qu="concurrent-requests"'
    )
    assert first.headers["RateLimit"] == '"reads";r=2;t=100'
    for _ in range(2):
        await tight.call("GET", "/v1/payments", token=party.token)
    refused = await tight.call("GET", "/v1/payments", token=party.token)
    assert (refused.status, refused.code) == (429, "rate_limited")
    assert refused.json["violated-policies"] == ["reads"]
    ProblemOut.model_validate(refused.json)
    assert refused.headers["RateLimit"].startswith('"reads";r=0;')
    assert 99 <= int(refused.headers["Retry-After"]) <= 100
    assert (await tight.call("POST", "/v1/events", token=party.token, json={"type": "a.b", "data": {}})).status == 201


async def test_a_batch_costs_what_it_holds(tight: Edge) -> None:
    """Six events never fit into a bucket of five: the field is named, no time to wait, and nothing of them is taken."""
    party = await tight.party()
    event = {"type": "a.b", "data": {}}
    refused = await tight.call("POST", "/v1/events/batch", token=party.token, json={"data": [event] * 6})
    assert (refused.status, refused.code, "Retry-After" in refused.headers) == (422, "validation_failed", False)
    (error,) = refused.json["errors"]
    assert (error["pointer"], error["code"]) == ("/data", "exceeds_limit")
    assert '"events"' in refused.headers["RateLimit"]
    taken = await tight.call("POST", "/v1/events/batch", token=party.token, json={"data": [event] * 5})
    assert taken.status == 200


async def test_what_is_dear_costs_more(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, redis_url: str
) -> None:
    """A replay takes five tokens, whatever comes of it."""
    limits = policy(management=Bucket(capacity=12, rate_per_second=SLOW))
    async with running_edge(database, vault, clock, redis_url, limits) as edge:
        party = await edge.party()
        statuses = [(await edge.call("POST", "/v1/replays", token=party.token, json={})).status for _ in range(3)]
        assert [status == 429 for status in statuses] == [False, False, True]


async def test_the_token_endpoint_is_limited_by_address(tight: Edge) -> None:
    """Guessing secrets is slow, whichever client ids are tried."""
    statuses = [(await tight.token("cli_" + "0" * 26, "x")).status for _ in range(7)]
    assert statuses == [401] * 5 + [429] * 2


async def test_clients_do_not_share_buckets(tight: Edge) -> None:
    """One client's calls leave another's untouched."""
    one, other = await tight.party(), await tight.party()
    for _ in range(4):
        last = await tight.call("GET", "/v1/payments", token=one.token)
    assert last.status == 429
    assert (await tight.call("GET", "/v1/payments", token=other.token)).status == 200


async def test_credentials_that_are_refused_are_limited_by_address(tight: Edge) -> None:
    """Guessing tokens is slow on either port; who presents a good one from the same address does not notice."""
    party = await tight.party()
    guesses = [(await tight.call("GET", "/v1/payments", token="guess")).status for _ in range(6)]
    assert guesses == [401] * 5 + [429]
    wrong = {"Authorization": "Bearer tna_guess"}
    refused = await tight.session.get(f"{tight.admin_url}/admin/v1/banks", headers=wrong)
    assert refused.status == 429
    assert (await tight.call("GET", "/v1/payments", token=party.token)).status == 200
    assert (await tight.call("GET", "/admin/v1/banks", admin=True)).status == 200


async def test_clients_of_a_partner_share_its_bucket(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, redis_url: str
) -> None:
    """More clients are not more room; another environment has its own."""
    limits = policy(partner=Bucket(capacity=3, rate_per_second=SLOW))
    async with running_edge(database, vault, clock, redis_url, limits) as edge:
        party = await edge.party()
        path = f"/admin/v1/partners/{party.partner_id}/clients"
        body = {"name": "second", "environment": "test", "scopes": ["payments:write"]}
        made = (await edge.call("POST", path, admin=True, json=body)).json
        second = (await edge.token(made["id"], made["secret"])).json["access_token"]
        statuses = [(await edge.call("GET", "/v1/payments", token=token)).status for token in [party.token, second] * 2]
        assert statuses == [200, 200, 200, 429]
        last = await edge.call("GET", "/v1/payments", token=second)
        assert last.json["violated-policies"] == ["partner"]


async def test_each_admin_token_has_its_bucket(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, redis_url: str
) -> None:
    """An admin's script that runs wild does not stop another admin."""
    limits = replace(policy(), admin=Bucket(capacity=2, rate_per_second=SLOW))
    async with running_edge(database, vault, clock, redis_url, limits) as edge:
        other = await another_admin(edge.admin_services)
        statuses = [(await edge.call("GET", "/admin/v1/banks", admin=True)).status for _ in range(3)]
        assert statuses == [200, 200, 429]
        bearer = {"Authorization": f"Bearer {other}"}
        assert (await edge.session.get(f"{edge.admin_url}/admin/v1/banks", headers=bearer)).status == 200
        assert (await edge.session.get(f"{edge.admin_url}/readyz")).status == 200


class Away(TokenBucketSupport):
    """A Redis that refuses, hangs, or works again."""

    def __init__(self) -> None:
        self.mode = "works"
        self.calls = 0
        self.late_seconds = 0.1
        self._memory = MemoryBuckets(time.monotonic)

    async def take_all(self, demands: Sequence[Demand]) -> list[Verdict]:
        self.calls += 1
        if self.mode == "refuses":
            raise RedisError("OOM command not allowed")
        if self.mode == "hangs":
            await asyncio.sleep(60)
        if self.mode == "late":
            await asyncio.sleep(self.late_seconds)
        return await self._memory.take_all(demands)


@pytest.fixture
async def away() -> AsyncIterator[tuple[Away, Gate]]:
    storage = Away()
    limits = replace(policy(reads=Bucket(capacity=40, rate_per_second=SLOW)), probe_interval_seconds=0.05)
    leases = MemoryLeases(time.monotonic, limits.lease_seconds)
    gate = Gate(storage, leases, FixedBook(limits), limits, time.monotonic)
    await gate.start()
    yield storage, gate
    await gate.close()


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nothing tells when Redis is found again
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("mode", ["refuses", "hangs"])
async def test_without_redis_a_local_share_holds_and_money_is_closed(away: tuple[Away, Gate], mode: str) -> None:
    """Reads go on at a quarter of the limit; money-moving calls are let through for repeats only; then all returns."""
    storage, gate = away
    storage.mode = mode
    for _ in range(10):
        (await gate.admit(caller(), LimitClass.READS)).leave()
    with pytest.raises(RateLimited):
        await gate.admit(caller(), LimitClass.READS)
    assert (await gate.admit(caller(), LimitClass.MONEY)).repeats_only
    assert not (await gate.admit(caller(), LimitClass.EVENTS)).repeats_only
    storage.mode = "works"
    await until(lambda: gate.redis_available)
    assert not (await gate.admit(caller(), LimitClass.MONEY)).repeats_only


async def test_a_hanging_redis_costs_a_request_fifty_milliseconds(away: tuple[Away, Gate]) -> None:
    """Who waits when Redis stops answering is let go soon; who comes after a few of those does not wait at all."""
    storage, gate = away
    storage.mode = "hangs"
    started = time.monotonic()
    await asyncio.gather(*(gate.admit(caller(f"caller {n}"), LimitClass.EVENTS) for n in range(50)))
    assert time.monotonic() - started < 0.1
    for number in range(2):
        await gate.admit(caller(f"next {number}"), LimitClass.EVENTS)
    assert not gate.redis_available
    started = time.monotonic()
    for number in range(100):
        await gate.admit(caller(f"later {number}"), LimitClass.EVENTS)
    assert time.monotonic() - started < 0.05


async def test_one_slow_answer_does_not_close_the_money_routes(away: tuple[Away, Gate]) -> None:
    """A busy machine is no lost Redis: the request is judged by the local share, and the next one by Redis again."""
    storage, gate = away
    storage.mode = "hangs"
    assert not (await gate.admit(caller(), LimitClass.MONEY)).repeats_only
    storage.mode = "works"
    assert not (await gate.admit(caller(), LimitClass.MONEY)).repeats_only
    assert gate.redis_available


async def reads_left(gate: Gate) -> int:
    admission = await gate.admit(caller(), LimitClass.READS)
    admission.leave()
    return int(admission.headers["RateLimit"].split(";")[1].removeprefix("r="))


async def test_a_late_answer_is_counted_once(away: tuple[Away, Gate]) -> None:
    """Redis took the token although nobody waited for its answer any more: nothing more is taken for that request."""
    storage, gate = away
    storage.mode = "late"
    (await gate.admit(caller(), LimitClass.READS)).leave()
    storage.mode = "works"
    await asyncio.sleep(2 * storage.late_seconds)
    assert await reads_left(gate) == 38
    assert await reads_left(gate) == 37


async def test_a_request_that_passed_unanswered_is_taken_later(away: tuple[Away, Gate]) -> None:
    """Redis never took its token, so the next question about the same buckets takes two."""
    storage, gate = away
    storage.mode = "hangs"
    (await gate.admit(caller(), LimitClass.READS)).leave()
    storage.mode = "works"
    assert await reads_left(gate) == 38
    assert await reads_left(gate) == 37


async def test_what_redis_refuses_late_is_made_good(away: tuple[Away, Gate]) -> None:
    """A client at its limit gains nothing from slow answers: each that lets it pass delays it by as much afterwards."""
    storage, gate = away
    for _ in range(40):
        (await gate.admit(caller(), LimitClass.READS)).leave()
    storage.mode = "late"
    (await gate.admit(caller(), LimitClass.READS)).leave()
    storage.mode = "works"
    await asyncio.sleep(2 * storage.late_seconds)
    waits = []
    for _ in range(2):
        with pytest.raises(RateLimited) as refused:
            await gate.admit(caller(), LimitClass.READS)
        waits.append(refused.value.retry_after_seconds)
    assert all(198 <= wait <= 200 for wait in waits)


async def test_one_call_serves_all_of_one_turn() -> None:
    """A hundred requests at once are one call to Redis, and those that come meanwhile are the next."""
    storage = Away()
    coalescer = Coalescer(storage, LimitPolicy())
    demand = Demand(buckets=(("a", Bucket(capacity=1000, rate_per_second=1)),))
    verdicts = await asyncio.gather(*(coalescer.take(demand) for _ in range(100)))
    assert all(verdict is not None and verdict.allowed for verdict in verdicts)
    assert storage.calls == 1
    await coalescer.close()


async def test_a_flushed_redis_has_its_script_again(redis_url: str, redis: Any) -> None:
    """SCRIPT FLUSH and FLUSHALL are mended by the next call."""
    storage = RedisBuckets(redis_url, socket_timeout_seconds=5)
    demand = Demand(buckets=(("a", Bucket(capacity=2, rate_per_second=SLOW)),))
    await storage.take_all([demand])
    await redis.script_flush()
    assert (await storage.take_all([demand]))[0].levels[0].remaining == 0
    await redis.flushall()
    assert (await storage.take_all([demand]))[0].levels[0].remaining == 1
    await storage.close()


def _hammer(url: str, seconds: float, together: Any, taken: Any) -> None:
    async def run() -> tuple[int, float, float]:
        storage, count = RedisBuckets(url, socket_timeout_seconds=5), 0
        await storage.take_all([])
        together.wait(50)
        began = time.monotonic()
        while time.monotonic() < began + seconds:
            demand = Demand(buckets=(("shared", _SHARED),))
            count += sum(verdict.allowed for verdict in await storage.take_all([demand] * 5))
        await storage.close()
        return count, began, time.monotonic()

    taken.put(asyncio.run(run()))


async def test_four_processes_never_exceed_capacity_and_rate(redis_url: str) -> None:
    """Buckets are shared: what all processes take together is at most capacity plus rate times time."""
    context = multiprocessing.get_context("spawn")
    taken: Any = context.Queue()
    arguments = (redis_url, _SECONDS, context.Barrier(_PROCESSES), taken)
    workers = [context.Process(target=_hammer, args=arguments) for _ in range(_PROCESSES)]
    for worker in workers:
        worker.start()
    runs = [await asyncio.to_thread(taken.get, timeout=50) for _ in workers]
    for worker in workers:
        await asyncio.to_thread(worker.join)
    elapsed = max(end for _, _, end in runs) - min(began for _, began, _ in runs)
    total = sum(count for count, _, _ in runs)
    assert _SHARED.capacity < total <= _SHARED.capacity + _SHARED.rate_per_second * elapsed
