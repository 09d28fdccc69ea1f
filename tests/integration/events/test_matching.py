"""Who hears of an event: owners, chosen merchants, types, expressions, and never the one that it is about."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from kernel.ids import Tenant, new_id
from kernel.sealing import Vault
from tests.support.tenants import CollectingEnqueuer, add_merchant, caller
from webhooks.endpoints.model import filter_context
from webhooks.endpoints.requests import EndpointDraft
from webhooks.endpoints.service import Endpoints
from webhooks.events.matching import Matcher, MatcherMetrics
from webhooks.events.model import NewEvent
from webhooks.events.publisher import Publisher
from webhooks.events.requests import EventRequest
from webhooks.events.writer import _SQL, EventWriter
from webhooks.filters.expression import Filter
from webhooks.queue.port import Priority

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
_UNUSABLE = "threadneedle_webhook_filters_unusable_total"


async def endpoint(endpoints: Endpoints, tenant: Tenant, **fields: Any) -> UUID:
    draft = replace(EndpointDraft(url="https://shop.example.com/hook"), **fields)
    return (await endpoints.create(caller(tenant), draft)).endpoint.id


def event(tenant: Tenant, **fields: Any) -> NewEvent:
    now = datetime.now(UTC)
    plain = NewEvent(
        tenant=tenant, id=new_id(now), type="order.paid", merchant_id=None, occurred_at=now, data={"total": 5}
    )
    return replace(plain, **fields)


async def heard(pool: Pool, writer: EventWriter, told: NewEvent) -> set[UUID]:
    """Write the event; the endpoints that it goes to."""
    async with pool.acquire() as connection, connection.transaction():
        await writer.write(connection, [told])
        rows = await connection.fetch("SELECT endpoint_id FROM deliveries WHERE event_id = $1", told.id)
    return {row["endpoint_id"] for row in rows}


async def test_merchants_and_expressions_narrow(
    database: Pool, writer: EventWriter, endpoints: Endpoints, tenant: Tenant
) -> None:
    """A partner's endpoint may choose merchants; an expression is asked about {type, timestamp, data}."""
    ours, other = await add_merchant(database, tenant), await add_merchant(database, tenant)
    chosen = await endpoint(endpoints, tenant, merchant_ids=(ours,))
    large = await endpoint(endpoints, tenant, filter="data.total > `100` && starts_with(type, 'order.')")
    mine = await endpoint(endpoints, tenant, merchant_id=ours, filter="data.total < `100`")
    assert await heard(database, writer, event(tenant, merchant_id=ours)) == {chosen, mine}
    assert await heard(database, writer, event(tenant, merchant_id=other, data={"total": 500})) == {large}
    assert await heard(database, writer, event(tenant)) == set()


async def test_operational_events_go_to_the_partners_own_endpoints(
    database: Pool, writer: EventWriter, endpoints: Endpoints, tenant: Tenant
) -> None:
    """What happens to an endpoint is told to the partner's own endpoints, and never to the one that it is about."""
    merchant = await add_merchant(database, tenant)
    about, watching = await endpoint(endpoints, tenant), await endpoint(endpoints, tenant, event_types=("endpoint.*",))
    await endpoint(endpoints, tenant, merchant_id=merchant)
    told = event(tenant, type="endpoint.failing", about_endpoint_id=about)
    assert await heard(database, writer, told) == {watching}


async def test_unproven_endpoints_hear_nothing(
    database: Pool, writer: EventWriter, endpoints: Endpoints, tenant: Tenant
) -> None:
    """An endpoint that has not answered its challenge gets no event."""
    await endpoint(endpoints, tenant, is_challenged=True)
    assert await heard(database, writer, event(tenant)) == set()


async def test_a_filter_that_cannot_be_read_hears_nothing_and_fails_nobody(
    database: Pool, vault: Vault, endpoints: Endpoints, tenant: Tenant
) -> None:
    """With its key destroyed, or no expression any more, a filter matches nothing, is logged and counted."""
    merchant = await add_merchant(database, tenant)
    lost = await endpoint(endpoints, tenant, merchant_id=merchant, filter="data.total")
    broken = await endpoint(endpoints, tenant, filter="data.total")
    well = await endpoint(endpoints, tenant)
    sealed = vault.seal(await vault.data_key(tenant.partner_id), b"data[", filter_context(broken))
    await database.execute("UPDATE webhook_endpoints SET sealed_filter = $2 WHERE id = $1", broken, sealed)
    await vault.destroy(tenant.partner_id, merchant)
    registry = CollectorRegistry()
    writer = EventWriter(vault, Matcher(vault, MatcherMetrics.registered(registry)))
    with capture_logs() as lines:
        assert await heard(database, writer, event(tenant, merchant_id=merchant)) == {well}
    assert {line["endpoint_id"] for line in lines if line["event"] == "filter.unusable"} == {str(lost), str(broken)}
    assert registry.get_sample_value(_UNUSABLE) == 2


async def test_one_expression_is_evaluated_once_per_event(
    *, database: Pool, writer: EventWriter, endpoints: Endpoints, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Endpoints with the same text share its evaluation, also between looking ahead and the transaction."""
    sharing = {await endpoint(endpoints, tenant, filter="data.total == `5`") for _ in range(3)}
    assert await heard(database, writer, event(tenant)) == sharing
    asked: list[str] = []
    matches = Filter.matches

    def counted(self: Filter, body: dict[str, Any]) -> bool:
        asked.append(self.text)
        return matches(self, body)

    monkeypatch.setattr(Filter, "matches", counted)
    assert await heard(database, writer, event(tenant)) == sharing
    assert asked == ["data.total == `5`"]


async def test_a_changed_filter_counts_at_once(
    database: Pool, writer: EventWriter, endpoints: Endpoints, tenant: Tenant
) -> None:
    """What was evaluated ahead under an older version of the endpoints decides nothing."""
    first = await endpoint(endpoints, tenant, filter="data.total == `5`")
    assert await heard(database, writer, event(tenant)) == {first}
    (prepared,) = await writer.prepare([event(tenant)])
    second = await endpoint(endpoints, tenant, filter="data.total != `6`")
    async with database.acquire() as connection, connection.transaction():
        (written,) = await writer.write_each(connection, [prepared])
    assert {job.endpoint_id for job in written.jobs} == {first, second}


async def test_priority_goes_with_the_delivery(
    database: Pool, publisher: Publisher, endpoints: Endpoints, tenant: Tenant, enqueuer: CollectingEnqueuer
) -> None:
    """An event of high priority has deliveries and jobs of high priority; the others are normal."""
    await endpoint(endpoints, tenant)
    for priority in (Priority.HIGH, Priority.NORMAL):
        await publisher.publish(tenant, EventRequest(type="order.paid", data={}, priority=priority))
    assert [job.priority for job in enqueuer.jobs] == [Priority.HIGH, Priority.NORMAL]
    rows = await database.fetch("SELECT priority FROM deliveries ORDER BY sequence")
    assert [row["priority"] for row in rows] == [1, 0]


async def test_lines_are_looked_up_by_index(database: Pool) -> None:
    """On a database that was never analysed, the last of a line is found by index, with a plan that is made once."""
    async with database.acquire() as connection, connection.transaction():
        await connection.execute(_SQL["lock_lines"], ["a line"])
        assert await connection.fetchval("SHOW plan_cache_mode") == "force_generic_plan"
        await connection.execute(f"PREPARE looked AS {_SQL['last_unended']}")
        rows = await connection.fetch("EXPLAIN EXECUTE looked('{}', '{}', '{}')")
        await connection.execute("DEALLOCATE looked")
    plan = "\n".join(row[0] for row in rows)
    assert re.search(r"Index Only Scan Backward using \S*endpoint_id_ordering_key", plan), plan
    assert "Seq Scan" not in plan
