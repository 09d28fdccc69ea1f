"""Replays on a real database."""

import asyncpg
import pytest

from kernel.sealing import Vault
from tests.support.clock import FakeClock
from tests.support.replays import Stage
from tests.support.tenants import add_tenant


@pytest.fixture
async def stage(database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock) -> Stage:
    """A partner in its live environment, with nothing yet."""
    return Stage(pool=database, vault=vault, clock=clock, tenant=await add_tenant(database))
