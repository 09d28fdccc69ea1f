"""Test events on a real database."""

from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import pytest

from kernel.errors import Conflict, Invalid
from kernel.ids import Tenant
from kernel.sealing import Vault
from tests.support.clock import FakeClock
from tests.support.tenants import CollectingEnqueuer, caller
from webhooks.endpoints.requests import EndpointDraft, EndpointPatch
from webhooks.endpoints.service import Endpoints
from webhooks.endpoints.telling import EventTeller
from webhooks.endpoints.trying.tester import EndpointTester
from webhooks.events.model import body_context
from webhooks.states import EndpointState

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
URL = "https://shop.example.com/hook"


class OneExample:
    """A catalogue of one type."""

    async def example(self, tenant: Tenant, event_type: str) -> dict[str, Any] | None:  # noqa: ARG002 - the same for all
        return {"order": 7} if event_type == "order.shipped" else None


@pytest.fixture
def tester(database: Pool, teller: EventTeller, clock: FakeClock) -> EndpointTester:
    """The service."""
    return EndpointTester(database, teller, clock, OneExample())


async def test_a_test_event_goes_to_one_endpoint(
    database: Pool, endpoints: Endpoints, tester: EndpointTester, tenant: Tenant, enqueuer: CollectingEnqueuer
) -> None:
    """Whatever types it listens to."""
    chosen = (await endpoints.create(caller(tenant), EndpointDraft(url=URL, event_types=["a"]))).endpoint.id
    await endpoints.create(caller(tenant), EndpointDraft(url=URL))
    event_id = await tester.send(tenant, chosen)
    rows = await database.fetch("SELECT event_id, endpoint_id FROM deliveries")
    assert [(row["event_id"], row["endpoint_id"]) for row in rows] == [(event_id, chosen)]
    assert [job.endpoint_id for job in enqueuer.jobs] == [chosen]
    assert await database.fetchval("SELECT type FROM events") == "webhook_endpoint.test"


async def test_a_type_may_be_chosen(
    database: Pool, tester: EndpointTester, vault: Vault, tenant: Tenant, endpoint_id: UUID
) -> None:
    """An example of the catalogue is sent under its own type, marked as a test; a type without one is refused."""
    await tester.send(tenant, endpoint_id, "order.shipped")
    row = await database.fetchrow("SELECT partner_id, id, type, sealed_body FROM events")
    (body,) = await vault.open_many([(row["partner_id"], row["sealed_body"], body_context(row["id"]))])
    assert row["type"] == "order.shipped"
    assert body.endswith(b'"data":{"order":7},"test":true}')
    with pytest.raises(Invalid) as refused:
        await tester.send(tenant, endpoint_id, "order.lost")
    assert [error.pointer for error in refused.value.errors] == ["/event_type"]


async def test_who_receives_nothing_is_not_tested(
    endpoints: Endpoints, tester: EndpointTester, tenant: Tenant, endpoint_id: UUID
) -> None:
    """A disabled endpoint, and one whose receiver has something to prove, are refused with what to do."""
    await endpoints.patch(caller(tenant), endpoint_id, EndpointPatch(state=EndpointState.DISABLED))
    with pytest.raises(Conflict) as disabled:
        await tester.send(tenant, endpoint_id)
    assert disabled.value.problem_code == "endpoint_disabled"
    unproven = (await endpoints.create(caller(tenant), EndpointDraft(url=URL, is_challenged=True))).endpoint.id
    with pytest.raises(Conflict) as refused:
        await tester.send(tenant, unproven)
    assert refused.value.problem_code == "endpoint_unproven"
