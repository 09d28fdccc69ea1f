"""Both ports, running on the test's own database and Valkey."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from kernel.sealing import Vault
from tests.support.clock import FakeClock
from tests.support.edge import Edge, running_edge


@pytest.fixture
async def edge(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, redis_url: str
) -> AsyncIterator[Edge]:
    """The edge with the default limits."""
    async with running_edge(database, vault, clock, redis_url) as running:
        yield running
