"""Both ports, running on the test's own database and Valkey."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from gateway.limits.gcra import Bucket
from gateway.limits.policy import BUCKET_NAMES, LimitPolicy, Tier
from kernel.sealing import Vault
from tests.support.clock import FakeClock
from tests.support.edge import Edge, running_edge


def roomy_limits() -> LimitPolicy:
    """Limits that no test reaches by chance."""
    roomy = Bucket(capacity=100_000, rate_per_second=100_000)
    tiers = {"standard": Tier(buckets=dict.fromkeys(BUCKET_NAMES, roomy), concurrency=10_000)}
    return LimitPolicy(tiers=tiers, token_by_address=roomy, refused_by_address=roomy, admin=roomy)


@pytest.fixture
async def edge(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, redis_url: str
) -> AsyncIterator[Edge]:
    """The edge with limits that no test reaches by chance."""
    async with running_edge(database, vault, clock, redis_url, roomy_limits()) as running:
        yield running
