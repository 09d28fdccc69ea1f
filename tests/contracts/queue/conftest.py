import pytest

from tests.contracts.queue.harness import POLICY, Harness, MemoryHarness, RedisHarness
from tests.support.clock import FakeClock
from webhooks.queue.port import RebuildableQueue


@pytest.fixture(params=["memory", "redis"])
def harness(request: pytest.FixtureRequest, clock: FakeClock) -> Harness:
    """Each implementation of the queue in turn."""
    if request.param == "memory":
        return MemoryHarness(clock)
    return RedisHarness(request.getfixturevalue("redis"))


@pytest.fixture
async def queue(harness: Harness) -> RebuildableQueue:
    """An open queue of that kind."""
    return await harness.queue(POLICY)
