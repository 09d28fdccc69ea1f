"""A partner in its live environment and the services on its endpoints, on the test's own database."""

from typing import TypeAlias
from uuid import UUID

import asyncpg
import pytest

from kernel.ids import Tenant
from kernel.sealing import Vault
from tests.support.clock import FakeClock
from tests.support.lanes import LaneBook
from tests.support.tenants import CollectingEnqueuer, add_tenant, caller
from webhooks.endpoints.keys.service import EndpointSecrets
from webhooks.endpoints.requests import EndpointDraft, EndpointRules
from webhooks.endpoints.service import Endpoints
from webhooks.endpoints.telling import EventTeller, LaneTeller
from webhooks.events.matching import Matcher
from webhooks.events.writer import EventWriter

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
URL = "https://shop.example.com/hook"
RULES = EndpointRules(endpoints_max=5, merchant_endpoints_max=3)


@pytest.fixture
async def tenant(database: Pool) -> Tenant:
    """A partner in its live environment."""
    return await add_tenant(database)


@pytest.fixture
def lanes() -> LaneBook:
    """What the queue was told."""
    return LaneBook()


@pytest.fixture
def endpoints(database: Pool, vault: Vault, clock: FakeClock, lanes: LaneBook) -> Endpoints:
    """The service."""
    return Endpoints(database, vault, clock, RULES, LaneTeller(lanes))


@pytest.fixture
def enqueuer() -> CollectingEnqueuer:
    """What was offered after commits."""
    return CollectingEnqueuer()


@pytest.fixture
def teller(vault: Vault, enqueuer: CollectingEnqueuer) -> EventTeller:
    """How the partner is told."""
    return EventTeller(EventWriter(vault, Matcher(vault)), enqueuer)


@pytest.fixture
def secrets(database: Pool, vault: Vault, clock: FakeClock, teller: EventTeller) -> EndpointSecrets:
    """The service of their keys."""
    return EndpointSecrets(database, vault, clock, RULES, teller)


@pytest.fixture
async def endpoint_id(endpoints: Endpoints, tenant: Tenant) -> UUID:
    """An endpoint with nothing special about it."""
    return (await endpoints.create(caller(tenant), EndpointDraft(url=URL))).endpoint.id
