"""The feed: every event exactly once, whatever the writers do."""

import asyncio
import random
from datetime import timedelta
from typing import TypeAlias

import asyncpg
import pytest

from kernel.errors import Invalid
from kernel.ids import Environment, Tenant
from kernel.sealing import Vault
from tests.support.clock import FakeClock
from tests.support.tenants import add_merchant, add_tenant
from webhooks.events.matching import Matcher
from webhooks.events.requests import EventRequest, new_event
from webhooks.events.writer import EventWriter
from webhooks.reading.cursor import Position
from webhooks.reading.feed import Feed, FeedQuery

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
WRITERS = 8
EVENTS_EACH = 25


async def write(pool: Pool, writer: EventWriter, tenant: Tenant, clock: FakeClock, *requests: EventRequest) -> None:
    events = [new_event(tenant, request, clock) for request in requests]
    async with pool.acquire() as connection, connection.transaction():
        await writer.write(connection, events)


async def test_every_event_exactly_once(database: Pool, vault: Vault, tenant: Tenant, clock: FakeClock) -> None:
    """Eight writers pause before they commit, with clocks ten minutes apart; one reader sees every event once."""
    feed, seen = Feed(database, vault), []
    chance = random.Random(7)  # noqa: S311 - a repeatable test

    async def write_slowly(number: int) -> None:
        own_clock, writer = (
            FakeClock(clock.now() + timedelta(minutes=10 * (number - 4))),
            EventWriter(vault, Matcher(vault)),
        )
        async with database.acquire() as connection:
            for count in range(EVENTS_EACH):
                async with connection.transaction():
                    request = EventRequest(type="order.shipped", data={"writer": number, "count": count})
                    await writer.write(connection, [new_event(tenant, request, own_clock)])
                    await asyncio.sleep(chance.random() * 0.02)

    async def read_all() -> None:
        cursor = None
        while len(seen) < WRITERS * EVENTS_EACH:
            page = await feed.page(tenant, FeedQuery(cursor=cursor, limit=7))
            seen.extend((event.data["writer"], event.data["count"]) for event in page.events if event.data)
            cursor = page.next_cursor

    await asyncio.gather(*(write_slowly(number) for number in range(WRITERS)), read_all())
    assert len(seen) == len(set(seen)) == WRITERS * EVENTS_EACH
    rest = await feed.page(tenant, FeedQuery(limit=1000))
    assert len(rest.events) == WRITERS * EVENTS_EACH
    assert not rest.has_more


async def test_an_event_of_a_running_transaction_holds_the_feed_back(
    database: Pool, vault: Vault, writer: EventWriter, tenant: Tenant, clock: FakeClock
) -> None:
    """What commits after an older transaction began is shown only once that one has ended."""
    feed = Feed(database, vault)
    async with database.acquire() as slow:
        transaction = slow.transaction()
        await transaction.start()
        await writer.write(slow, [new_event(tenant, EventRequest(type="a", data={}), clock)])
        await write(database, writer, tenant, clock, EventRequest(type="b", data={}))
        held = await feed.page(tenant, FeedQuery())
        await transaction.commit()
    after = await feed.page(tenant, FeedQuery(cursor=held.next_cursor))
    assert (held.events, held.next_cursor) == ((), None)
    assert [event.type for event in after.events] == ["a", "b"]


async def test_pages_can_be_narrowed(
    database: Pool, vault: Vault, writer: EventWriter, tenant: Tenant, clock: FakeClock
) -> None:
    """By patterns of types, in which _ is itself, and by merchant; other tenants' events are never there."""
    feed, merchant = Feed(database, vault), await add_merchant(database, tenant)
    requests = [
        EventRequest(type=type_, data={}) for type_ in ("a_b.c", "axb.c", "a_b", "order.paid", "order.paid.late")
    ]
    await write(database, writer, tenant, clock, *requests, EventRequest(type="z", data={}, merchant_id=merchant))
    await write(database, writer, await add_tenant(database), clock, *requests)
    await write(database, writer, Tenant(tenant.partner_id, Environment.TEST), clock, *requests)

    async def types(*patterns: str, **fields: object) -> set[str]:
        page = await feed.page(tenant, FeedQuery(types=patterns, **fields))
        return {event.type for event in page.events}

    assert await types("a_b.*") == {"a_b.c"}
    assert await types("a_b") == {"a_b"}
    assert await types("order.*", "axb.c") == {"order.paid", "order.paid.late", "axb.c"}
    assert await types("*") == await types() == {request.type for request in requests} | {"z"}
    assert await types(merchant_id=merchant) == {"z"}


async def test_a_destroyed_key_leaves_the_rest_readable(
    database: Pool, vault: Vault, writer: EventWriter, tenant: Tenant, clock: FakeClock
) -> None:
    """Events of a merchant whose key was destroyed are shown without data; the others stay whole."""
    merchant = await add_merchant(database, tenant)
    requests = [EventRequest(type="a", data={"n": 1}, merchant_id=merchant), EventRequest(type="b", data={"n": 2})]
    await write(database, writer, tenant, clock, *requests)
    await vault.destroy(tenant.partner_id, merchant)
    clock.advance(60)
    page = await Feed(database, vault).page(tenant, FeedQuery())
    assert {event.type: event.data for event in page.events} == {"a": None, "b": {"n": 2}}


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "é", "A" * 34, "A" * 35, "=" * 34])
async def test_a_strange_cursor_is_refused(database: Pool, vault: Vault, tenant: Tenant, cursor: str) -> None:
    """Only cursors that we made are taken."""
    with pytest.raises(Invalid):
        await Feed(database, vault).page(tenant, FeedQuery(cursor=cursor))


def test_a_cursor_comes_back_as_it_was(tenant: Tenant) -> None:
    """Text and position are one to one, for the largest transaction id too."""
    position = Position(id=tenant.partner_id, number=2**64 - 1)
    assert Position.from_text(position.to_text()) == position


async def test_transactions_are_ordered_as_numbers(
    database: Pool, vault: Vault, tenant: Tenant, clock: FakeClock
) -> None:
    """When the transaction counter gains a digit, the feed goes on: 9 comes before 10, and 99 before 100."""
    writer, counters = EventWriter(vault, Matcher(vault)), [9, 10, 99, 100]
    for number in counters:
        await write(database, writer, tenant, clock, EventRequest(type="order.shipped", data={"counter": number}))
        await database.execute(
            "UPDATE events SET xid = $1::text::xid8 WHERE partner_id = $2 AND xid::text::bigint > 100",
            str(number),
            tenant.partner_id,
        )
    feed, cursor, seen = Feed(database, vault), None, []
    for _ in counters:
        page = await feed.page(tenant, FeedQuery(cursor=cursor, limit=1))
        seen += [event.data["counter"] for event in page.events if event.data]
        cursor = page.next_cursor
    assert seen == counters
