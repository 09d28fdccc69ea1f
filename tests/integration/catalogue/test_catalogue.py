"""The catalogue of event types: managed, sealed, and asked before an event is written."""

from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import asyncpg
import pytest

from kernel.batcher import Batcher
from kernel.clock import CorrectedClock
from kernel.errors import Conflict, Invalid, NotFound
from kernel.ids import NIL, Environment, Tenant
from kernel.sealing import Vault
from tests.support.clock import FakeClock
from tests.support.tenants import CollectingEnqueuer, add_tenant, caller
from webhooks.catalogue.memory import Catalogue, CatalogueMoved
from webhooks.catalogue.model import CatalogueRules, EventType, TypeDocument
from webhooks.catalogue.service import EventTypes
from webhooks.events.checks import Checks, Merchants
from webhooks.events.matching import Matcher
from webhooks.events.publisher import EventWork, Publisher
from webhooks.events.requests import EventRequest, new_event
from webhooks.events.writer import EventWriter

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
_OURS = {"payment.settled": EventType(name="payment.settled", versions=(), is_ours=True)}


def document(description: str = "An order left.", **properties: Any) -> TypeDocument:
    schema = {"type": "object", "properties": properties, "required": sorted(properties)}
    return TypeDocument(description=description, schema=schema)


def shipped(data: dict[str, Any], **fields: Any) -> EventRequest:
    return EventRequest(type="order.shipped", data=data, **fields)


@pytest.fixture
async def tenant(database: Pool) -> Tenant:
    """A partner in its live environment."""
    return await add_tenant(database)


@pytest.fixture
def types(database: Pool, vault: Vault, clock: FakeClock) -> EventTypes:
    """The owner's view of the catalogue."""
    return EventTypes(database, vault, clock, _OURS, CatalogueRules(types_max=2, versions_max=3))


@pytest.fixture
def checks(database: Pool, vault: Vault) -> Checks:
    """What is asked before the transaction, with a memory of its own."""
    return Checks(Merchants(database), Catalogue(database, vault))


@pytest.fixture
async def publisher(database: Pool, vault: Vault, clock: FakeClock, checks: Checks) -> AsyncIterator[Publisher]:
    """A publisher that is another process than the owner's view."""
    writer = EventWriter(vault, Matcher(vault))
    batcher = Batcher(database, EventWork(writer, CollectingEnqueuer()))
    await batcher.start()
    yield Publisher(batcher, writer, checks, clock)
    await batcher.close()


async def stored_version(database: Pool, event_id: object) -> int | None:
    """Under which version of its type an event was written."""
    found = await database.fetchval("SELECT type_version FROM events WHERE id = $1", event_id)
    return None if found is None else int(found)


async def test_types_are_made_versioned_deprecated_and_listed(types: EventTypes, tenant: Tenant) -> None:
    """A type has versions, newest first; the current one is the newest that is not deprecated."""
    await types.create(caller(tenant), "order.shipped", document())
    two = await types.add_version(caller(tenant), "order.shipped", document("More.", sku={"type": "string"}))
    assert [version.version for version in two.versions] == [2, 1]
    assert two.current.document.description == "More."
    changed = await types.deprecate(caller(tenant), "order.shipped", 2, is_deprecated=True)
    assert changed.current.version == 1
    assert [found.name for found in await types.list(tenant)] == ["payment.settled", "order.shipped"]
    assert await types.get(tenant, "order.shipped") == changed
    back = await types.deprecate(caller(tenant), "order.shipped", 2, is_deprecated=False)
    assert back.current.version == 2
    assert await types.example(tenant, "order.shipped") == {"sku": "example"}
    assert await types.example(tenant, "order.gone") is None


async def test_what_cannot_be_is_refused(types: EventTypes, tenant: Tenant) -> None:
    """Wrong documents name every field; names are taken once; caps hold; what is not there is not found."""
    with pytest.raises(Invalid) as wrong:
        await types.create(
            caller(tenant), "order.shipped", TypeDocument(description="x" * 2_000, schema={"type": "planted"})
        )
    assert {error.pointer for error in wrong.value.errors} == {"/description", "/schema"}
    assert "planted" not in str([error.message for error in wrong.value.errors])
    await types.create(caller(tenant), "order.shipped", document())
    with pytest.raises(Conflict) as taken:
        await types.create(caller(tenant), "order.shipped", document())
    assert taken.value.problem_code == "event_type_exists"
    await types.create(caller(tenant), "order.paid", document())
    with pytest.raises(Conflict) as full:
        await types.create(caller(tenant), "order.third", document())
    assert full.value.problem_code == "event_types_full"
    for _ in range(2):
        await types.add_version(caller(tenant), "order.paid", document())
    with pytest.raises(Conflict) as versions:
        await types.add_version(caller(tenant), "order.paid", document())
    assert versions.value.problem_code == "versions_full"
    for nothing in (
        types.get(tenant, "order.gone"),
        types.add_version(caller(tenant), "order.gone", document()),
        types.deprecate(caller(tenant), "order.shipped", 9, is_deprecated=True),
        types.get(Tenant(tenant.partner_id, Environment.TEST), "order.shipped"),
    ):
        with pytest.raises(NotFound):
            await nothing


async def test_documents_are_sealed_and_changes_audited(types: EventTypes, tenant: Tenant, database: Pool) -> None:
    """Words and schema are the partner's and lie sealed; each change has its audit entry and moves the version."""
    await types.create(caller(tenant), "order.shipped", document("planted", planted={"const": "planted"}))
    await types.deprecate(caller(tenant), "order.shipped", 1, is_deprecated=True)
    for table in ("event_types", "audit_log"):
        rows = await database.fetch(f"SELECT t::text AS line FROM {table} t")  # noqa: S608 - two fixed names
        assert rows
        assert not any("planted" in row["line"] or b"planted".hex() in row["line"] for row in rows)
    actions = await database.fetch("SELECT action, target FROM audit_log ORDER BY at")
    assert [tuple(row) for row in actions] == [
        ("event_type.version_added", "event_type:order.shipped"),
        ("event_type.changed", "event_type:order.shipped"),
    ]
    assert await database.fetchval("SELECT catalogue_version FROM environments") == 2


async def test_events_hold_to_their_types(
    types: EventTypes, publisher: Publisher, tenant: Tenant, database: Pool
) -> None:
    """An event is checked against the version that it names, or the current one; other types pass unchecked."""
    await types.create(caller(tenant), "order.shipped", document(sku={"type": "string"}))
    await types.add_version(caller(tenant), "order.shipped", document(sku={"type": "integer"}))
    first = await publisher.publish(tenant, shipped({"sku": "a"}, type_version=1))
    second = await publisher.publish(tenant, shipped({"sku": 5}))
    other = await publisher.publish(tenant, EventRequest(type="order.other", data={"sku": None}))
    assert [await stored_version(database, each.event_id) for each in (first, second, other)] == [1, 2, None]
    with pytest.raises(Invalid) as wrong:
        await publisher.publish(tenant, shipped({"sku": "planted"}))
    assert [(error.pointer, error.code) for error in wrong.value.errors] == [("/data/sku", "schema_type")]
    assert "planted" not in wrong.value.errors[0].message
    with pytest.raises(Invalid) as unknown:
        await publisher.publish(tenant, shipped({"sku": 5}, type_version=7))
    assert [error.pointer for error in unknown.value.errors] == ["/type_version"]


async def test_a_change_counts_at_once_in_every_process(
    types: EventTypes, publisher: Publisher, tenant: Tenant, database: Pool
) -> None:
    """What was created or deprecated before an event was published is never missed, whatever a process remembers."""
    await publisher.publish(tenant, shipped({}))
    await types.create(caller(tenant), "order.shipped", document(sku={"type": "string"}))
    with pytest.raises(Invalid):
        await publisher.publish(tenant, shipped({}, key="order-1"))
    await types.add_version(caller(tenant), "order.shipped", document())
    assert await stored_version(database, (await publisher.publish(tenant, shipped({}, key="order-1"))).event_id) == 2
    await types.deprecate(caller(tenant), "order.shipped", 2, is_deprecated=True)
    outcomes = await publisher.publish_many(tenant, [shipped({"sku": "a"}), shipped({}), shipped({"sku": "b"})])
    assert [isinstance(outcome, Invalid) for outcome in outcomes] == [False, True, False]


async def test_a_write_under_an_older_catalogue_writes_nothing(
    types: EventTypes, checks: Checks, tenant: Tenant, database: Pool, vault: Vault
) -> None:
    """The write itself refuses what was checked before a change, without taking its key."""
    request = shipped({}, key="order-1")
    (typing,) = await checks.check(tenant, [request])
    assert not isinstance(typing, Invalid)
    await types.create(caller(tenant), "order.shipped", document())
    writer = EventWriter(vault, Matcher(vault))
    async with database.acquire() as connection, connection.transaction():
        prepared = await writer.prepare([new_event(tenant, request, CorrectedClock(), typing)])
        (outcome,) = await writer.write_each(connection, prepared)
    assert isinstance(outcome, CatalogueMoved)
    for table in ("events", "event_keys"):
        assert await database.fetchval(f"SELECT count(*) FROM {table}") == 0  # noqa: S608 - two fixed names


async def test_a_destroyed_key_holds_no_event_back(
    types: EventTypes, publisher: Publisher, tenant: Tenant, vault: Vault
) -> None:
    """A schema that nobody can open any more is not asked; events of its type pass."""
    await types.create(caller(tenant), "order.shipped", document(sku={"type": "string"}))
    await vault.destroy(tenant.partner_id, NIL)
    assert (await publisher.publish(tenant, shipped({}))).event_id
