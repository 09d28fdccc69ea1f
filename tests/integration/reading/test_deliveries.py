"""Reading deliveries and attempts."""

from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID, uuid4

import asyncpg
import pytest

from kernel.errors import NotFound
from kernel.ids import NIL, Environment, Tenant, id_beside
from kernel.sealing import Vault
from tests.support.tenants import add_merchant, add_tenant, caller
from webhooks.endpoints.requests import EndpointDraft
from webhooks.endpoints.service import Endpoints
from webhooks.events.publisher import Published, Publisher
from webhooks.events.requests import EventRequest
from webhooks.reading.deliveries import Deliveries, DeliveryQuery
from webhooks.sending.model import Exchange, exchange_context
from webhooks.states import DeliveryState

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


@pytest.fixture
def deliveries(database: Pool, vault: Vault) -> Deliveries:
    """The reader."""
    return Deliveries(database, vault)


async def add_attempt(database: Pool, vault: Vault, tenant: Tenant, delivery_id: UUID, exchange: Exchange) -> None:
    attempt_id = id_beside(delivery_id)
    key = await vault.data_key(tenant.partner_id, NIL)
    await database.execute(
        "INSERT INTO delivery_attempts (partner_id, delivery_id, id, round, step, cause, superseded, status_code,"
        " error_class, started_at, total_us, sealed_exchange)"
        " VALUES ($1, $2, $3, 0, 0, 'first', false, 500, 'status', $4, 1234, $5)",
        tenant.partner_id,
        delivery_id,
        attempt_id,
        datetime.now(UTC),
        vault.seal(key, exchange.to_bytes(), exchange_context(attempt_id)),
    )


async def test_deliveries_are_listed_and_narrowed(
    database: Pool, endpoints: Endpoints, publisher: Publisher, tenant: Tenant, deliveries: Deliveries
) -> None:
    """Newest first with pages; by endpoint, event, merchant and state; never another tenant's."""
    merchant = await add_merchant(database, tenant)
    one, two = [
        (await endpoints.create(caller(tenant), EndpointDraft(url="https://shop.example.com"))).endpoint.id
        for _ in range(2)
    ]
    outcomes = await publisher.publish_many(
        tenant, [EventRequest(type="a", data={}, merchant_id=merchant if n == 0 else None) for n in range(3)]
    )
    events = [outcome.event_id for outcome in outcomes if isinstance(outcome, Published)]
    await database.execute("UPDATE deliveries SET state = 'dead' WHERE event_id = $1", events[1])

    async def found(**fields: object) -> set[tuple[UUID, UUID]]:
        page = await deliveries.list(tenant, DeliveryQuery(**fields))
        return {(delivery.event_id, delivery.endpoint_id) for delivery in page.deliveries}

    assert await found() == {(event, endpoint) for event in events for endpoint in (one, two)}
    assert await found(endpoint_id=one) == {(event, one) for event in events}
    assert await found(event_id=events[2]) == {(events[2], one), (events[2], two)}
    assert await found(merchant_id=merchant) == {(events[0], one), (events[0], two)}
    assert await found(states=(DeliveryState.DEAD,), endpoint_id=two) == {(events[1], two)}
    seen, cursor = [], None
    for _ in range(3):
        page = await deliveries.list(tenant, DeliveryQuery(limit=2, cursor=cursor))
        seen += [delivery.id for delivery in page.deliveries]
        cursor = page.next_cursor
    assert (len(seen), cursor) == (6, None)
    assert seen == sorted(seen, reverse=True)
    for other in (await add_tenant(database), Tenant(tenant.partner_id, Environment.TEST)):
        assert (await deliveries.list(other, DeliveryQuery())).deliveries == ()
        with pytest.raises(NotFound):
            await deliveries.attempts(other, seen[0])


async def test_attempts_are_opened(
    database: Pool, vault: Vault, endpoints: Endpoints, publisher: Publisher, tenant: Tenant
) -> None:
    """With what was exchanged; a delivery that does not exist is not found."""
    deliveries = Deliveries(database, vault)
    await endpoints.create(caller(tenant), EndpointDraft(url="https://shop.example.com"))
    await publisher.publish(tenant, EventRequest(type="a", data={}))
    delivery = (await deliveries.list(tenant, DeliveryQuery())).deliveries[0]
    exchange = Exchange(url="https://shop.example.com", request_headers=(("a", "b"),), response_body=b"\x00\xff")
    await add_attempt(database, vault, tenant, delivery.id, exchange)
    attempts = await deliveries.attempts(tenant, delivery.id)
    assert [(one.status_code, one.cause, one.timings.total_us, one.exchange) for one in attempts] == [
        (500, "first", 1234, exchange)
    ]
    assert await deliveries.get(tenant, delivery.id) == delivery
    with pytest.raises(NotFound):
        await deliveries.get(tenant, uuid4())
