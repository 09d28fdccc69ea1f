"""Four gateway processes on one Redis: sixteen clients at ten times their limit, and a neighbour below its own."""

import asyncio
import math
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

import aiohttp
import pytest

from tests.e2e.gateways import gateways
from tests.e2e.running import Running, unique
from threadneedle.demo.partner import Api

Record = Callable[[str, object], None]
PROCESSES, RUSHING = 4, 16
RATE, CAPACITY, TIMES = 4.0, 8, 10
# What the processes may have let through that Redis, on a busy machine, answered late; it is made good at once.
LATE = CAPACITY
NEIGHBOUR_RATE, NEIGHBOUR_CALLS_PER_SECOND = 40.0, 20.0
PATH = "/v1/payments?limit=1"


@dataclass(slots=True, kw_only=True)
class Caller:
    """One client: what it asks for in a second, over all processes, and what it was answered."""

    token: str
    calls_per_second: float
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    @property
    def p99_ms(self) -> float:
        """In milliseconds."""
        return sorted(self.seconds)[math.ceil(len(self.seconds) * 0.99) - 1] * 1000

    async def call(self, session: aiohttp.ClientSession, url: str, until: float, delay: float) -> None:
        """Its part of the calls, at one process, evenly spread; late ones are made up for."""
        due = time.monotonic() + delay
        while due < until:
            await asyncio.sleep(max(0, due - time.monotonic()))
            started = time.monotonic()
            async with session.get(url + PATH, headers={"Authorization": f"Bearer {self.token}"}) as answer:
                await answer.read()
                self.statuses[answer.status] += 1
            self.seconds.append(time.monotonic() - started)
            due += PROCESSES / self.calls_per_second


def bucket(capacity: float, rate: float) -> dict[str, float]:
    return {"capacity": int(capacity), "rate_per_second": rate}


async def make_tier(admin: Api) -> str:
    """A tier of its own, whose clients may read little."""
    name, roomy = unique("tight-"), bucket(100_000, 10_000)
    limits = dict.fromkeys(("partner", "client", "money", "events", "management"), roomy)
    body = {**limits, "reads": bucket(CAPACITY, RATE), "concurrency": 100}
    await admin.put(f"/admin/v1/limit-tiers/{name}", body)
    return name


async def make_caller(running: Running, admin: Api, tier: str, calls_per_second: float) -> tuple[str, Caller]:
    """A partner with one client and its token; the partner's path on the admin port."""
    partner = (await admin.post("/admin/v1/partners", {"name": "Example Partner", "tier": tier})).body
    path = f"/admin/v1/partners/{partner['id']}"
    body = {"name": "shop", "environment": "test", "scopes": ["payments:read"]}
    client = (await admin.post(f"{path}/clients", body)).body
    async with Api(running.file.gateway) as api:
        await api.login(client["id"], client["secret"])
    return path, Caller(token=api.token, calls_per_second=calls_per_second)


def rush_apart(urls: list[str], caller: Caller, seconds: float) -> Caller:
    """In a process of its own, so that what is measured is not the other callers' own work."""
    asyncio.run(rush(urls, [caller], seconds))
    return caller


async def rush(urls: list[str], callers: list[Caller], seconds: float) -> float:
    """All of them call all processes for so long; how long it took from the first call to the last answer."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        started = time.monotonic()
        calls = [
            caller.call(session, url, started + seconds, (number + part / PROCESSES) / len(callers) * 0.1)
            for number, caller in enumerate(callers)
            for part, url in enumerate(urls)
        ]
        await asyncio.gather(*calls)
        return time.monotonic() - started


async def rushed(running: Running, seconds: float, record: Record) -> tuple[Caller, Caller]:
    """The neighbour alone, and the neighbour beside the sixteen, whose bounds are checked."""
    async with gateways(running, PROCESSES) as processes, Api(running.file.admin, running.file.admin_token) as admin:
        tier = await make_tier(admin)
        path, neighbour = await make_caller(running, admin, tier, NEIGHBOUR_CALLS_PER_SECOND)
        await admin.put(f"{path}/limits", {"reads": bucket(NEIGHBOUR_RATE, NEIGHBOUR_RATE)})
        rushing = [(await make_caller(running, admin, tier, RATE * TIMES))[1] for _ in range(RUSHING)]
        await asyncio.sleep(1)  # by then a change is in force in every process
        urls = [process.url for process in processes]
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:
            loop = asyncio.get_running_loop()
            alone = await loop.run_in_executor(apart, rush_apart, urls, neighbour, seconds)
            beside_it = loop.run_in_executor(apart, rush_apart, urls, neighbour, seconds)
            took = await rush(urls, rushing, seconds)
            beside = await beside_it
    for caller in rushing:
        assert set(caller.statuses) == {200, 429}, caller.statuses
        assert caller.statuses[200] <= CAPACITY + RATE * took + LATE, (caller.statuses, took)
        assert caller.statuses[200] >= RATE * took / 2, (caller.statuses, took)
    admitted = sorted(caller.statuses[200] for caller in rushing)
    record("calls of the sixteen", sum(caller.statuses.total() for caller in rushing))
    record("admitted of each", f"{admitted[0]} to {admitted[-1]}, bound {CAPACITY + RATE * took:.1f}")
    record("neighbour's p99 ms alone, beside", f"{alone.p99_ms:.1f}, {beside.p99_ms:.1f}")
    return alone, beside


@pytest.mark.timeout(120)
async def test_a_rush_is_held_within_its_bound_and_the_neighbour_does_not_notice(
    running: Running, record_property: Record
) -> None:
    """Each of the sixteen gets capacity plus rate times time over all processes; the neighbour is never refused."""
    for neighbour in await rushed(running, 2, record_property):
        assert set(neighbour.statuses) == {200}, neighbour.statuses


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_long_rush_is_held_within_its_bound(running: Running, record_property: Record) -> None:
    """Sixteen clients at ten times their limit: within the bound, and the neighbour hardly waits longer."""
    alone, beside = await rushed(running, 30, record_property)
    assert set(alone.statuses) == set(beside.statuses) == {200}
    assert beside.p99_ms <= 2 * alone.p99_ms + 5
