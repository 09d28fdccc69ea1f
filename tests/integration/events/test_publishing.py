"""Publishing: matched, sealed and committed together, once per key, refused item by item."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias
from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest

from kernel.errors import Conflict, Invalid
from kernel.ids import Environment, Tenant
from kernel.sealing import Vault
from tests.support.clock import FakeClock
from tests.support.tenants import CollectingEnqueuer, add_merchant, add_tenant, caller
from webhooks.endpoints.requests import EndpointDraft, EndpointPatch
from webhooks.endpoints.service import Endpoints
from webhooks.events.matching import Matcher
from webhooks.events.model import body_context
from webhooks.events.publisher import Published, Publisher, find_written
from webhooks.events.requests import EventRequest, new_event
from webhooks.events.writer import EventWriter
from webhooks.states import EndpointState

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
MakePublisher: TypeAlias = Callable[[Pool], Awaitable[Publisher]]


def request(type_: str = "order.shipped", **fields: object) -> EventRequest:
    return EventRequest(**{"type": type_, "data": {"order": 1}, **fields})


async def endpoint(endpoints: Endpoints, tenant: Tenant, **fields: object) -> UUID:
    draft = EndpointDraft(**{"url": "https://shop.example.com/hook", **fields})
    return (await endpoints.create(caller(tenant), draft)).endpoint.id


async def receivers(database: Pool, event_id: UUID) -> set[UUID]:
    rows = await database.fetch("SELECT endpoint_id FROM deliveries WHERE event_id = $1", event_id)
    return {row["endpoint_id"] for row in rows}


async def test_an_event_is_matched_by_type_and_merchant(
    database: Pool, endpoints: Endpoints, publisher: Publisher, tenant: Tenant, enqueuer: CollectingEnqueuer
) -> None:
    """A merchant's endpoint hears that merchant's events, the partner's own hears all, each only its types."""
    ours, other = await add_merchant(database, tenant), await add_merchant(database, tenant)
    everything = await endpoint(endpoints, tenant)
    of_merchant = await endpoint(endpoints, tenant, merchant_id=ours, event_types=["order.*"])
    exact = await endpoint(endpoints, tenant, event_types=["order.shipped"])
    await endpoint(endpoints, tenant, merchant_id=other)
    await endpoint(endpoints, tenant, event_types=["invoice.*", "order.ship", "order"])
    disabled = await endpoint(endpoints, tenant)
    await endpoints.patch(caller(tenant), disabled, EndpointPatch(state=EndpointState.DISABLED))

    published = await publisher.publish(tenant, request(merchant_id=ours))
    of_partner = await publisher.publish(tenant, request("order.cancelled"))

    assert await receivers(database, published.event_id) == {everything, of_merchant, exact}
    assert await receivers(database, of_partner.event_id) == {everything}
    row = await database.fetchrow("SELECT * FROM events WHERE id = $1", published.event_id)
    assert (row["matched"], row["merchant_id"], row["type"]) == (3, ours, "order.shipped")
    assert {(job.endpoint_id, job.round, job.step) for job in enqueuer.jobs} == {
        (id_, 0, 0) for id_ in (everything, of_merchant, exact)
    } | {(everything, 0, 0)}


async def test_an_unmatched_event_is_kept(database: Pool, publisher: Publisher, tenant: Tenant) -> None:
    """An event that nobody hears of is committed with matched = 0."""
    published = await publisher.publish(tenant, request())
    assert await database.fetchval("SELECT matched FROM events WHERE id = $1", published.event_id) == 0


async def test_environments_do_not_meet(endpoints: Endpoints, database: Pool, publisher: Publisher) -> None:
    """A live endpoint hears nothing of a test event of the same partner."""
    live = await add_tenant(database)
    await endpoint(endpoints, live)
    published = await publisher.publish(Tenant(live.partner_id, Environment.TEST), request())
    assert await receivers(database, published.event_id) == set()


async def test_the_stored_body_is_what_receivers_get(
    database: Pool, publisher: Publisher, tenant: Tenant, vault: Vault, clock: FakeClock
) -> None:
    """The body is {type, timestamp, data} with the event's time in UTC; it lies sealed, bound to its row."""
    published = await publisher.publish(tenant, request(data={"name": "planted-secret", "€": [1, None]}))
    sealed = await database.fetchval("SELECT sealed_body FROM events WHERE id = $1", published.event_id)
    assert b"planted-secret" not in sealed
    body = await vault.open(tenant.partner_id, sealed, body_context(published.event_id))
    assert orjson.loads(body) == {
        "type": "order.shipped",
        "timestamp": clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": {"name": "planted-secret", "€": [1, None]},
    }


async def test_nothing_that_partners_write_is_in_a_plain_column(
    database: Pool, endpoints: Endpoints, publisher: Publisher, tenant: Tenant
) -> None:
    """Data is sealed; the partner's own ids and ordering keys are digests."""
    await endpoint(endpoints, tenant, ordered=True)
    planted = "planted-secret"
    await publisher.publish(tenant, request(data={planted: planted}, key=planted, ordering_key=planted))
    for table in ("events", "event_keys", "deliveries"):
        rows = await database.fetch(f"SELECT t::text AS line FROM {table} t")  # noqa: S608 - three fixed names
        assert rows
        for row in rows:
            assert planted not in row["line"]
            assert planted.encode().hex() not in row["line"]


async def test_a_key_is_published_once(database: Pool, publisher: Publisher, tenant: Tenant) -> None:
    """The same key with the same content answers the first event; with other content it is a conflict."""
    first = await publisher.publish(tenant, request(key="order-1"))
    again = await publisher.publish(tenant, request(key="order-1"))
    assert (again.event_id, first.repeated, again.repeated) == (first.event_id, False, True)
    with pytest.raises(Conflict) as refused:
        await publisher.publish(tenant, request(key="order-1", data={"order": 2}))
    assert refused.value.problem_code == "event_id_reused"
    assert await database.fetchval("SELECT count(*) FROM events") == 1


async def test_one_key_in_one_call(publisher: Publisher, tenant: Tenant) -> None:
    """A key that stands twice in one batch is one event and its repeat."""
    first, second, third = await publisher.publish_many(
        tenant, [request(key="a"), request(key="a"), request(key="a", data={})]
    )
    assert isinstance(first, Published)
    assert isinstance(second, Published)
    assert second.event_id == first.event_id
    assert isinstance(third, Conflict)


async def test_one_key_at_two_processes_at_once_is_one_event(
    database: Pool, second_pool: Pool, tenant: Tenant, endpoints: Endpoints, make_publisher: MakePublisher
) -> None:
    """Two processes publish the same twenty keys at once: twenty events, and both hear the same ids."""
    await endpoint(endpoints, tenant)
    publishers = [await make_publisher(pool) for pool in (database, second_pool)]
    answers = await asyncio.gather(
        *(one.publish(tenant, request(key=f"key-{number}")) for number in range(20) for one in publishers)
    )
    assert [answer.event_id for answer in answers[::2]] == [answer.event_id for answer in answers[1::2]]
    assert sum(answer.repeated for answer in answers) == 20
    assert await database.fetchval("SELECT count(*) FROM events") == 20
    assert await database.fetchval("SELECT count(*) FROM deliveries") == 20


async def test_bad_items_do_not_harm_good_ones(database: Pool, publisher: Publisher, tenant: Tenant) -> None:
    """Each item is refused with its own field errors before it waits for a batch; the rest is committed."""
    merchant = await add_merchant(database, tenant)
    deep: dict[str, object] = {}
    for _ in range(300):
        deep = {"d": deep}
    outcomes = await publisher.publish_many(
        tenant,
        [
            request(merchant_id=merchant),
            request("no spaces"),
            request("payment.settled"),
            request("Webhook_Endpoint.test"),  # in whatever case
            request(data={"x": "a" * 262_144}),
            request(data={"x": ["a\0b"]}),
            request(data={"x": "a\\u0000b"}),
            request(data=deep),
            request(merchant_id=uuid4(), type_="also..bad"),
            request(key=""),
        ],
    )
    found = [
        [(error.pointer, error.code) for error in outcome.errors] if isinstance(outcome, Invalid) else None
        for outcome in outcomes
    ]
    assert found == [
        None,
        [("/type", "event_type_invalid")],
        [("/type", "event_type_reserved")],
        [("/type", "event_type_reserved")],
        [("/data", "too_large")],
        [("/data", "nul_character")],
        None,
        [("/data", "not_json")],
        [("/type", "event_type_invalid"), ("/merchant_id", "merchant_unknown")],
        [("/id", "length")],
    ]
    assert await database.fetchval("SELECT count(*) FROM events") == 2


async def test_the_number_of_events_is_capped(publisher: Publisher, tenant: Tenant) -> None:
    """None, or more than a thousand, are refused as a whole."""
    for count in (0, 1001):
        with pytest.raises(Invalid):
            await publisher.publish_many(tenant, [request()] * count)


async def test_a_merchant_of_another_environment_is_unknown(
    database: Pool, publisher: Publisher, tenant: Tenant
) -> None:
    """A live merchant is no merchant of the test environment."""
    merchant = await add_merchant(database, tenant)
    with pytest.raises(Invalid):
        await publisher.publish(Tenant(tenant.partner_id, Environment.TEST), request(merchant_id=merchant))


async def test_an_ordered_endpoint_has_one_pending_delivery_per_key(
    database: Pool, endpoints: Endpoints, publisher: Publisher, tenant: Tenant, enqueuer: CollectingEnqueuer
) -> None:
    """Only the head of a key is pending and offered; the followers wait in the order of publishing."""
    ordered = await endpoint(endpoints, tenant, ordered=True)
    await publisher.publish(tenant, request(ordering_key="A", data={"n": 0}))
    ids = [
        outcome.event_id
        for outcome in await publisher.publish_many(
            tenant, [request(ordering_key="A", data={"n": n}) for n in range(1, 6)] + [request(ordering_key="B")]
        )
        if isinstance(outcome, Published)
    ]
    await publisher.publish(tenant, request())
    rows = await database.fetch("SELECT * FROM deliveries WHERE endpoint_id = $1 ORDER BY id", ordered)
    waiting = [row["event_id"] for row in rows if row["state"] == "waiting"]
    assert sorted(waiting) == sorted(ids[:5])
    assert all(row["next_attempt_at"] is None for row in rows if row["state"] == "waiting")
    assert len(enqueuer.jobs) == 3


async def test_an_order_holds_within_a_transaction(
    database: Pool, endpoints: Endpoints, writer: EventWriter, tenant: Tenant, clock: FakeClock
) -> None:
    """Events of one key that are written together wait in the order given, also within one millisecond."""
    await endpoint(endpoints, tenant, ordered=True)
    events = [new_event(tenant, request(ordering_key="A", data={"n": n}), clock) for n in range(20)]
    async with database.acquire() as connection, connection.transaction():
        await writer.write(connection, events[:10])
        await writer.write(connection, events[10:])
    rows = await database.fetch("SELECT event_id, state::text FROM deliveries ORDER BY id")
    assert [row["event_id"] for row in rows] == [event.id for event in events]
    assert [row["state"] for row in rows] == ["pending"] + ["waiting"] * 19


async def test_two_writers_of_one_key_leave_one_head(
    database: Pool, endpoints: Endpoints, vault: Vault, tenant: Tenant, clock: FakeClock
) -> None:
    """Ten transactions that add to one key at once leave exactly one pending delivery."""
    await endpoint(endpoints, tenant, ordered=True)

    async def write(number: int) -> None:
        event = new_event(tenant, request(ordering_key="A", data={"n": number}), clock)
        async with database.acquire() as connection, connection.transaction():
            await EventWriter(vault, Matcher(vault)).write(connection, [event])
            await asyncio.sleep(0.01)

    await asyncio.gather(*(write(number) for number in range(10)))
    states = [row["state"] for row in await database.fetch("SELECT state::text FROM deliveries")]
    assert sorted(states) == ["pending"] + ["waiting"] * 9


async def test_a_rolled_back_write_leaves_nothing(
    database: Pool, endpoints: Endpoints, writer: EventWriter, tenant: Tenant, clock: FakeClock
) -> None:
    """Events live and die with the caller's transaction, the partner's key too."""
    await endpoint(endpoints, tenant)
    event = new_event(tenant, request(key="k"), clock)
    async with database.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await writer.write(connection, [event])
        await transaction.rollback()
        written = await writer.write(connection, [event])
        found = await find_written(connection, [(tenant.partner_id, event.id), (tenant.partner_id, uuid4())])
    assert not written[0].repeated
    assert found == {event.id: written[0]}


@pytest.mark.timeout(180)
async def test_an_endpoint_of_another_process_is_never_missed(
    second_pool: Pool, make_publisher: MakePublisher, tenant: Tenant, endpoints: Endpoints, enqueuer: CollectingEnqueuer
) -> None:
    """An endpoint created on one process hears of the event published on another at once, a thousand times in a row."""
    publisher = await make_publisher(second_pool)
    created, heard = [], []
    for number in range(1000):
        created.append(await endpoint(endpoints, tenant))
        enqueuer.jobs.clear()
        await publisher.publish(tenant, request(f"type_{number}"))
        heard += [job.endpoint_id for job in enqueuer.jobs]
        await endpoints.delete(caller(tenant), created[-1])
    assert heard == created
