"""Fixtures: writers, publishers and endpoints on a real database. A folder's conftest imports those that it needs."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import asyncpg
import pytest

from kernel.batcher import Batcher
from kernel.ids import Tenant
from kernel.sealing import Vault
from tests.support.clock import FakeClock
from tests.support.tenants import CollectingEnqueuer, add_tenant
from webhooks.catalogue.memory import Catalogue
from webhooks.endpoints.requests import EndpointRules
from webhooks.endpoints.service import Endpoints
from webhooks.events.checks import Checks, Merchants
from webhooks.events.matching import Matcher
from webhooks.events.model import SealedEvent, Written
from webhooks.events.publisher import EventWork, Publisher
from webhooks.events.writer import EventWriter

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


@pytest.fixture
async def tenant(database: Pool) -> Tenant:
    """A partner in its live environment."""
    return await add_tenant(database)


@pytest.fixture
def writer(vault: Vault) -> EventWriter:
    """A writer with a memory of its own."""
    return EventWriter(vault, Matcher(vault))


@pytest.fixture
def enqueuer() -> CollectingEnqueuer:
    """What was offered to the queue."""
    return CollectingEnqueuer()


@pytest.fixture
def endpoints(database: Pool, vault: Vault, clock: FakeClock) -> Endpoints:
    """The owner's view of endpoints."""
    return Endpoints(database, vault, clock, EndpointRules())


@pytest.fixture
async def second_pool(database_url: str) -> AsyncIterator[Pool]:
    """Another process's connections to the same database."""
    async with asyncpg.create_pool(database_url, min_size=1, max_size=4) as pool:
        yield pool


@pytest.fixture
async def make_publisher(
    vault: Vault, enqueuer: CollectingEnqueuer, clock: FakeClock
) -> AsyncIterator[Callable[[Pool], Awaitable[Publisher]]]:
    """Makes publishers as processes of their own: each remembers endpoints and merchants by itself."""
    batchers: list[Batcher[SealedEvent, Written]] = []

    async def make(pool: Pool) -> Publisher:
        writer = EventWriter(vault, Matcher(vault))
        batchers.append(Batcher(pool, EventWork(writer, enqueuer)))
        await batchers[-1].start()
        checks = Checks(Merchants(pool), Catalogue(pool, vault))
        return Publisher(batchers[-1], writer, checks, clock)

    yield make
    for batcher in batchers:
        await batcher.close()


@pytest.fixture
async def publisher(database: Pool, make_publisher: Callable[[Pool], Awaitable[Publisher]]) -> Publisher:
    """A publisher of one process."""
    return await make_publisher(database)
