"""Attempts are found by endpoint, delivery, event or not at all, and those of a delivery are opened."""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import asyncpg
import pytest

from kernel.errors import Invalid, NotFound
from kernel.ids import NIL, Environment, Tenant, new_id
from kernel.sealing import Vault
from tests.support.shelf import Shelf
from tests.support.tenants import add_tenant
from webhooks.reading import scanning
from webhooks.reading.attempts import AttemptQuery, Attempts, FoundAttempt
from webhooks.sending.model import Cause, ErrorClass, Exchange, exchange_context

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


@pytest.fixture
def attempts(database: Pool, vault: Vault) -> Attempts:
    """The reader."""
    return Attempts(database, vault)


async def pages(attempts: Attempts, tenant: Tenant, **fields: Any) -> list[FoundAttempt]:
    """Every page's attempts, one after the other."""
    found: list[FoundAttempt] = []
    cursor = None
    while True:
        page = await attempts.search(tenant, AttemptQuery(cursor=cursor, **fields))
        found += page.attempts
        cursor = page.next_cursor
        if cursor is None:
            return found


async def test_attempts_of_a_delivery_are_opened(
    database: Pool, vault: Vault, shelf: Shelf, attempts: Attempts
) -> None:
    """First to last, with what was exchanged; another tenant's delivery is not found."""
    endpoint = await shelf.endpoint()
    delivery, identifier = await shelf.delivery(endpoint), new_id(datetime.now(UTC))
    exchange = Exchange(url="https://shop.example.com", request_headers=(("a", "b"),), response_body=b"\x00\xff")
    key = await vault.data_key(shelf.tenant.partner_id, NIL)
    sealed = vault.seal(key, exchange.to_bytes(), exchange_context(identifier))
    await shelf.attempt(
        delivery, endpoint, id=identifier, status_code=500, error_class="status", sealed_exchange=sealed
    )
    found = await attempts.of_delivery(shelf.tenant, delivery)
    assert [(one.status_code, one.cause, one.timings.total_us, one.exchange) for one in found] == [
        (500, "first", 1_000, exchange)
    ]
    for other in (await add_tenant(database), Tenant(shelf.tenant.partner_id, Environment.TEST)):
        with pytest.raises(NotFound):
            await attempts.of_delivery(other, delivery)


async def test_each_filter_narrows(database: Pool, shelf: Shelf, attempts: Attempts) -> None:
    """Every filter finds exactly the attempts that it names; another tenant finds none by any of them."""
    one, two, event = await shelf.endpoint(), await shelf.endpoint(), await shelf.event()
    first, second = await shelf.delivery(one, event), await shelf.delivery(two, event)
    ago = datetime.now(UTC) - timedelta(minutes=10)
    early = await shelf.attempt(first, one, started_at=ago, status_code=503, error_class="status")
    late = await shelf.attempt(first, one, cause="retry", status_code=204)
    probe = await shelf.attempt(second, two, cause="probe", error_class="timeout")
    everything: tuple[dict[str, Any], ...] = ({}, {"endpoint_id": one}, {"event_id": event}, {"delivery_id": first})

    async def found(**fields: Any) -> set[UUID]:
        return {one.attempt.id for one in await pages(attempts, shelf.tenant, **fields)}

    assert [await found(**fields) for fields in everything] == [
        {early, late, probe},
        {early, late},
        {early, late, probe},
        {early, late},
    ]
    assert await found(event_id=event, delivery_id=second) == await found(event_id=event, endpoint_id=two) == {probe}
    assert await found(event_id=uuid4(), delivery_id=second) == set()
    for fields in everything:
        assert await found(status_codes=(500, 599), **fields) == {early}
        assert await found(error_class=ErrorClass.STATUS, **fields) == {early}
        assert await found(cause=Cause.RETRY, **fields) == {late}
        assert await found(until=ago + timedelta(seconds=1), **fields) == {early}
        assert await found(since=ago, until=ago + timedelta(seconds=1), **fields) == {early}
        assert early not in await found(since=ago + timedelta(seconds=1), **fields)
        for other in (await add_tenant(database), Tenant(shelf.tenant.partner_id, Environment.TEST)):
            assert await pages(attempts, other, **fields) == []


@pytest.mark.parametrize("scan_max", [2, 10_000])
async def test_pages_neither_skip_nor_repeat(
    shelf: Shelf, attempts: Attempts, monkeypatch: pytest.MonkeyPatch, scan_max: int
) -> None:
    """However little a page may look at, the pages together are everything."""
    monkeypatch.setattr(scanning, "SCAN_ROWS_MAX", scan_max)
    monkeypatch.setattr(scanning, "CHUNK_ROWS", 2)
    endpoint, event = await shelf.endpoint(), await shelf.event()
    ids = []
    for _ in range(3):
        delivery = await shelf.delivery(endpoint, event)
        ids += [await shelf.attempt(delivery, endpoint, status_code=204) for _ in range(3)]
    for fields in ({}, {"endpoint_id": endpoint}, {"event_id": event}):
        for limit in (1, 2, 4):
            found = [one.attempt.id for one in await pages(attempts, shelf.tenant, limit=limit, **fields)]
            assert len(found) == len(ids)
            assert set(found) == set(ids)
    assert await pages(attempts, shelf.tenant, limit=1, status_codes=(500, 599)) == []


async def test_bad_cursors_and_times_are_refused(shelf: Shelf, attempts: Attempts) -> None:
    """A cursor that this list did not give, and an end before the beginning, name their parameter."""
    now = datetime.now(UTC)
    for query, pointer in ((AttemptQuery(cursor="x"), "/cursor"), (AttemptQuery(since=now, until=now), "/until")):
        with pytest.raises(Invalid) as refused:
            await attempts.search(shelf.tenant, query)
        assert [error.pointer for error in refused.value.errors] == [pointer]
