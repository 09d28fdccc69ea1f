import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from gateway.limits.flight.leases import Grant, Leases, RedisLeases, Want
from gateway.limits.flight.places import Place, Places
from gateway.limits.policy import LimitClass, LimitPolicy, Tier
from gateway.oauth.scopes import Caller
from kernel.ids import Environment, Kind, Tenant, from_text
from tests.support.edge import running_edge

LIMIT = 10


class Process(Leases):
    """What stands in one gateway process, counted."""

    def __init__(self, url: str, lease_seconds: float = 5) -> None:
        self.leases = RedisLeases(url, lease_seconds, timeout_seconds=5)
        self.is_redis_there = True
        self.calls = 0
        policy = LimitPolicy(lease_seconds=lease_seconds, wait_max_seconds=5)
        self.places = Places(self, policy, lambda: self.is_redis_there)

    async def settle(self, process: str, wants: Sequence[Want]) -> list[Grant]:
        self.calls += 1
        return await self.leases.settle(process, wants)

    async def enter(self, many: int, limit: int = LIMIT) -> list[Place]:
        entered = await asyncio.gather(*(self.places.enter("client", limit) for _ in range(many)))
        return [place for place in entered if place is not None]


@asynccontextmanager
async def processes(url: str, many: int, lease_seconds: float = 5) -> AsyncIterator[list[Process]]:
    made = [Process(url, lease_seconds) for _ in range(many)]
    for process in made:
        await process.places.start()
    yield made
    for process in made:
        await process.places.close()
        await process.leases.close()


async def entered_in_the_end(process: Process, many: int, *, seconds: float) -> None:
    """Within that time this many places can be had."""
    async with asyncio.timeout(seconds):
        while len(places := await process.enter(many)) < many:
            for place in places:
                place.leave()
            await asyncio.sleep(0.02)


async def test_four_processes_never_have_more_in_flight_than_the_limit(redis_url: str) -> None:
    """Whatever comes and goes where, at each moment all of them together hold at most the limit."""
    draw = random.Random(7)  # noqa: S311 - a test's choice
    running: list[Place] = []
    most = 0
    async with processes(redis_url, 4) as each:
        for _ in range(300):
            draw.shuffle(running)
            for _ in range(draw.randrange(len(running) + 1)):
                running.pop().leave()
            running += await draw.choice(each).enter(draw.randrange(1, 6))
            most = max(most, len(running))
            assert len(running) <= LIMIT
        for place in running:
            place.leave()
    assert most == LIMIT


async def test_a_client_that_is_steady_costs_no_calls(redis_url: str) -> None:
    """A thousand requests, three at once, ask Redis a few times."""
    async with processes(redis_url, 1) as (one,):
        for _ in range(333):
            for place in await one.enter(3):
                place.leave()
        assert one.calls < 10


async def test_nobody_is_refused_below_the_limit_of_one_process(redis_url: str) -> None:
    """Who comes while others wait for places does not take theirs: eight callers need eight places at most."""
    async with processes(redis_url, 1) as (one,):

        async def call() -> bool:
            place = await one.places.enter("client", 8)
            await asyncio.sleep(0)
            if place is not None:
                place.leave()
            return place is not None

        async def caller() -> bool:
            return all([await call() for _ in range(200)])

        assert all(await asyncio.gather(*(caller() for _ in range(8))))


async def test_places_that_lie_idle_go_back(redis_url: str) -> None:
    """What one process used at its peak another can use soon after."""
    async with processes(redis_url, 2) as (one, other):
        for place in await one.enter(LIMIT // 2):
            place.leave()
        await entered_in_the_end(other, LIMIT, seconds=1)


async def test_a_crowded_client_gives_places_back_at_once(redis_url: str) -> None:
    """Once half of the places are leased, a free one is free for every process within a call's time."""
    async with processes(redis_url, 2) as (one, other):
        running = await one.enter(LIMIT)
        assert await other.enter(1) == []
        for place in running:
            place.leave()
        await entered_in_the_end(other, LIMIT, seconds=0.2)


async def test_a_process_that_ends_gives_its_places_back(redis_url: str) -> None:
    """Nobody waits for its leases."""
    async with processes(redis_url, 1) as (one,):
        for place in await one.enter(LIMIT):
            place.leave()
    async with processes(redis_url, 1) as (other,):
        assert len(await other.enter(LIMIT)) == LIMIT


async def test_a_process_that_dies_blocks_a_client_for_its_lease_only(redis_url: str) -> None:
    """Its places come back by themselves."""
    async with processes(redis_url, 2, lease_seconds=1) as (dead, other):
        await dead.enter(LIMIT)
        dead.places._looking.cancel()  # type: ignore[union-attr]
        assert await other.enter(1) == []
        await entered_in_the_end(other, LIMIT, seconds=3)
        dead.places._looking = None


async def test_a_flush_forgets_what_runs_for_a_moment_only(redis_url: str, redis: Any) -> None:
    """The next settlement states it again, and the limit holds as before."""
    async with processes(redis_url, 2, lease_seconds=1) as (one, other):
        await one.enter(LIMIT - 1)
        await redis.flushall()
        async with asyncio.timeout(2):
            while not await redis.exists("{limits}:flight:client"):  # noqa: ASYNC110 - the settlement is another task's
                await asyncio.sleep(0.02)
        assert len(await other.enter(3)) == 1


async def test_without_redis_a_share_bounds_each_process(redis_url: str) -> None:
    """A quarter of the limit each, without asking; and the limit again when it is back."""
    async with processes(redis_url, 2) as (one, other):
        one.is_redis_there = False
        alone = await one.enter(LIMIT)
        assert len(alone) == LIMIT // 4
        assert one.calls == 0
        one.is_redis_there = True
        assert len(await one.enter(LIMIT)) == LIMIT - len(alone)
        assert await other.enter(1) == []


async def test_a_caller_that_hangs_up_leaves_no_place_behind(redis_url: str) -> None:
    """Cancelled while it waits for a place, or just as it gets one."""
    async with processes(redis_url, 1) as (one,):
        for turns in range(12):
            task = asyncio.create_task(one.places.enter("client", 1))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            place = (await asyncio.gather(task, return_exceptions=True))[0]
            if isinstance(place, Place):
                place.leave()
        await entered_in_the_end(one, 1, seconds=1)


async def test_a_limit_that_is_lowered_lets_nothing_more_in(redis_url: str) -> None:
    """What runs goes on; the next one must wait for the new limit."""
    async with processes(redis_url, 1) as (one,):
        running = await one.enter(6)
        assert await one.enter(1, limit=4) == []
        for place in running[:3]:
            place.leave()
        assert len(await one.enter(2, limit=4)) == 1


@pytest.fixture
def narrow() -> LimitPolicy:
    """One request of a client at a time."""
    return LimitPolicy(tiers={"standard": replace(Tier(), concurrency=1)})


async def test_one_request_too_many_is_told_so(
    database: Any, vault: Any, clock: Any, redis_url: str, narrow: LimitPolicy
) -> None:
    """429 names the limit in its headers and its document; the place is free as soon as the other is answered."""
    async with running_edge(database, vault, clock, redis_url, narrow) as edge:
        party = await edge.party()
        assert (await edge.call("GET", "/v1/payments", token=party.token)).status == 200
        tenant = Tenant(from_text(Kind.PARTNER, party.partner_id), Environment.TEST)
        caller = Caller(tenant=tenant, client_id=UUID(int=1), scopes=frozenset(), owner=party.client_id)
        running = await edge.services.gate.admit(caller, LimitClass.READS)
        refused = await edge.call("GET", "/v1/payments", token=party.token)
        assert (refused.status, refused.json["violated-policies"]) == (429, ["concurrency"])
        assert (refused.headers["Retry-After"], refused.headers["RateLimit"]) == ("1", '"concurrency";r=0;t=1')
        assert refused.headers["RateLimit-Policy"].endswith('"concurrency";q=1;qu="concurrent-requests"')
        running.leave()
        for _ in range(3):  # an answer that is an error gives its place back as well
            assert (await edge.call("GET", "/v1/payments/pay_test_x", token=party.token)).status == 404
        assert (await edge.call("GET", "/v1/payments", token=party.token)).status == 200
