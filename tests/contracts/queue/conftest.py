import pytest

from tests.contracts.queue.harness import Harness, MemoryHarness, RedisHarness
from tests.support.clock import FakeClock


@pytest.fixture(params=["memory", "redis"])
def harness(request: pytest.FixtureRequest, clock: FakeClock) -> Harness:
    """Each implementation of the queue in turn."""
    if request.param == "memory":
        return MemoryHarness(clock)
    return RedisHarness(request.getfixturevalue("redis"))
