"""Places for requests in flight, on each of the stores of their leases."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from gateway.limits.flight.leases import Grant, Leases, MemoryLeases, RedisLeases, Want

LEASE_SECONDS = 0.4


@pytest.fixture(params=["memory", "redis"])
async def leases(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[Leases]:
    """Each implementation, empty."""
    if request.param == "memory":
        yield MemoryLeases(time.monotonic, LEASE_SECONDS)
        return
    made = RedisLeases(redis_url, LEASE_SECONDS, timeout_seconds=5)
    yield made
    await made.close()


async def settle(leases: Leases, process: str, used: int, wanted: int) -> Grant:
    return (await leases.settle(process, [Want("client", 10, used, wanted)]))[0]


async def test_processes_share_a_clients_places(leases: Leases) -> None:
    """All of them together get the limit and no more; each is told how many are leased in all."""
    assert await settle(leases, "a", 0, 6) == Grant(6, 6)
    assert await settle(leases, "b", 0, 6) == Grant(4, 10)
    assert await settle(leases, "c", 0, 1) == Grant(0, 10)


async def test_a_settlement_states_the_whole(leases: Leases) -> None:
    """Repeating it changes nothing, and wanting less gives places back."""
    for _ in range(3):
        assert await settle(leases, "a", 2, 6) == Grant(6, 6)
    assert await settle(leases, "a", 0, 1) == Grant(1, 1)
    assert await settle(leases, "b", 0, 20) == Grant(9, 10)
    assert await settle(leases, "a", 0, 0) == Grant(0, 9)


async def test_what_is_in_use_is_granted(leases: Leases) -> None:
    """A lowered limit, or one that Redis forgot, does not undo what runs; it lets nothing more in."""
    assert await settle(leases, "a", 0, 10) == Grant(10, 10)
    assert await settle(leases, "b", 3, 5) == Grant(3, 13)


async def test_a_process_that_dies_gives_its_places_back(leases: Leases) -> None:
    """By its lease's end, while those of a process that goes on stay its own."""
    await settle(leases, "dead", 6, 6)
    await settle(leases, "alive", 2, 2)
    deadline = time.monotonic() + 5
    while (grant := await settle(leases, "alive", 2, 10)).places < 10:
        assert grant.places == 4
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    assert await settle(leases, "other", 0, 1) == Grant(0, 10)


async def test_one_call_settles_many_clients(leases: Leases) -> None:
    """Each by its own limit, answered in the order of the question."""
    wants = [Want(f"client {n}", n, 0, 5) for n in range(1, 9)]
    assert [grant.places for grant in await leases.settle("a", wants)] == [1, 2, 3, 4, 5, 5, 5, 5]
    assert await leases.settle("a", []) == []
