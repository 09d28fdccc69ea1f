import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from redis import RedisError

from gateway.limits.coalescer import Coalescer
from gateway.limits.gate import Gate, Weight
from gateway.limits.gcra import Bucket
from gateway.limits.policy import LimitClass, LimitPolicy, Tier
from gateway.limits.storage import Demand, MemoryBuckets, RedisBuckets, TokenBucketSupport, Verdict
from gateway.problems.errors import RateLimited
from kernel.sealing import Vault
from tests.support.clock import FakeClock
from tests.support.edge import Edge, running_edge

SLOW = 0.01
_PROCESSES, _SECONDS = 4, 1.0
_SHARED = Bucket(capacity=100, rate_per_second=200)


def tier(**classes: Bucket) -> Tier:
    named = {LimitClass(name): bucket for name, bucket in classes.items()}
    return Tier(client=Bucket(capacity=1000, rate_per_second=SLOW), classes={**Tier().classes, **named})


def policy(**classes: Bucket) -> LimitPolicy:
    return LimitPolicy(tiers={"standard": tier(**classes)}, token_by_address=Bucket(capacity=5, rate_per_second=SLOW))


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
    assert first.headers["RateLimit-Policy"] == '"client";q=1000;w=100000, "reads";q=3;w=300'
    assert first.headers["RateLimit"] == '"reads";r=2;t=100'
    for _ in range(2):
        await tight.call("GET", "/v1/payments", token=party.token)
    refused = await tight.call("GET", "/v1/payments", token=party.token)
    assert (refused.status, refused.code) == (429, "rate_limited")
    assert refused.headers["RateLimit"].startswith('"reads";r=0;')
    assert 99 <= int(refused.headers["Retry-After"]) <= 100
    assert (await tight.call("POST", "/v1/events", token=party.token, json={"type": "a.b", "data": {}})).status == 201


async def test_a_batch_costs_what_it_holds(tight: Edge) -> None:
    """Six events do not fit into a bucket of five; nothing of them is taken."""
    party = await tight.party()
    event = {"type": "a.b", "data": {}}
    refused = await tight.call("POST", "/v1/events/batch", token=party.token, json={"data": [event] * 6})
    assert refused.status == 429
    taken = await tight.call("POST", "/v1/events/batch", token=party.token, json={"data": [event] * 5})
    assert taken.status == 200


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


class Away(TokenBucketSupport):
    """A Redis that refuses, hangs, or works again."""

    def __init__(self) -> None:
        self.mode = "works"
        self.calls = 0
        self._memory = MemoryBuckets(time.monotonic)

    async def take_all(self, demands: Sequence[Demand]) -> list[Verdict]:
        self.calls += 1
        if self.mode == "refuses":
            raise RedisError("OOM command not allowed")
        if self.mode == "hangs":
            await asyncio.sleep(60)
        return await self._memory.take_all(demands)


@pytest.fixture
async def away() -> AsyncIterator[tuple[Away, Gate]]:
    storage = Away()
    limits = replace(policy(reads=Bucket(capacity=40, rate_per_second=SLOW)), probe_interval_seconds=0.05)
    gate = Gate(storage, limits, time.monotonic)
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
        await gate.admit(Weight(LimitClass.READS, "caller"))
    with pytest.raises(RateLimited):
        await gate.admit(Weight(LimitClass.READS, "caller"))
    assert (await gate.admit(Weight(LimitClass.MONEY, "caller"))).repeats_only
    assert not (await gate.admit(Weight(LimitClass.EVENTS, "caller"))).repeats_only
    storage.mode = "works"
    await until(lambda: gate.redis_available)
    assert not (await gate.admit(Weight(LimitClass.MONEY, "caller"))).repeats_only


async def test_a_hanging_redis_costs_a_request_fifty_milliseconds(away: tuple[Away, Gate]) -> None:
    """Who waits when Redis stops answering is let go soon; who comes after a few of those does not wait at all."""
    storage, gate = away
    storage.mode = "hangs"
    started = time.monotonic()
    await asyncio.gather(*(gate.admit(Weight(LimitClass.EVENTS, f"caller {n}")) for n in range(50)))
    assert time.monotonic() - started < 0.1
    for number in range(2):
        await gate.admit(Weight(LimitClass.EVENTS, f"next {number}"))
    assert not gate.redis_available
    started = time.monotonic()
    for number in range(100):
        await gate.admit(Weight(LimitClass.EVENTS, f"later {number}"))
    assert time.monotonic() - started < 0.05


async def test_one_slow_answer_does_not_close_the_money_routes(away: tuple[Away, Gate]) -> None:
    """A busy machine is no lost Redis: the request is judged by the local share, and the next one by Redis again."""
    storage, gate = away
    storage.mode = "hangs"
    assert not (await gate.admit(Weight(LimitClass.MONEY, "caller"))).repeats_only
    storage.mode = "works"
    assert not (await gate.admit(Weight(LimitClass.MONEY, "caller"))).repeats_only
    assert gate.redis_available


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
