"""Endpoints and their secrets on a real database: versions, audit, caps, seals."""

import asyncio
from base64 import b64encode
from datetime import timedelta
from typing import TypeAlias
from uuid import UUID, uuid4

import asyncpg
import pytest

from kernel.errors import Conflict, Invalid, NotFound
from kernel.ids import Environment, Tenant
from kernel.masked import Secret
from kernel.sealing import Vault
from tests.support.clock import FakeClock
from tests.support.tenants import CollectingEnqueuer, add_merchant, add_tenant, caller
from webhooks.endpoints.requests import EndpointDraft, EndpointPatch, EndpointRules, Rotation
from webhooks.endpoints.secrets import EndpointSecrets
from webhooks.endpoints.service import Endpoints
from webhooks.endpoints.testing import EndpointTester
from webhooks.events.matching import Matcher
from webhooks.events.writer import EventWriter
from webhooks.states import EndpointState

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
URL = "https://shop.example.com/hook"
RULES = EndpointRules(endpoints_max=3)


@pytest.fixture
async def tenant(database: Pool) -> Tenant:
    """A partner in its live environment."""
    return await add_tenant(database)


@pytest.fixture
def endpoints(database: Pool, vault: Vault, clock: FakeClock) -> Endpoints:
    """The service."""
    return Endpoints(database, vault, clock, RULES)


@pytest.fixture
def secrets(database: Pool, vault: Vault, clock: FakeClock) -> EndpointSecrets:
    """The service of their secrets."""
    return EndpointSecrets(database, vault, clock, RULES)


async def version(database: Pool, tenant: Tenant) -> int:
    return await database.fetchval(
        "SELECT endpoints_version FROM environments WHERE partner_id = $1 AND environment = $2",
        tenant.partner_id,
        tenant.environment,
    )


async def actions(database: Pool) -> list[str]:
    return [row["action"] for row in await database.fetch("SELECT action FROM audit_log ORDER BY at, id")]


async def test_what_is_created_is_read(database: Pool, endpoints: Endpoints, tenant: Tenant) -> None:
    """Every field comes back; a merchant's endpoint belongs to the merchant."""
    merchant = await add_merchant(database, tenant)
    draft = EndpointDraft(
        url=URL + "?a=%2F",
        event_types=["payment.*", "order.paid"],
        merchant_id=merchant,
        description="Back office",
        metadata={"team": "a"},
        headers={"Authorization": "Bearer x"},
        ordered=True,
        concurrency=3,
    )
    created = await endpoints.create(caller(tenant), draft)
    found = await endpoints.get(tenant, created.endpoint.id)
    assert found == created.endpoint
    assert (found.settings.url, found.settings.headers) == (draft.url, draft.headers)
    assert (found.merchant_id, found.ordered, found.concurrency, found.state) == (merchant, True, 3, "enabled")
    assert found.event_types == ("payment.*", "order.paid")
    assert created.secret.reveal().startswith("whsec_")


async def test_secrets_lie_sealed(database: Pool, endpoints: Endpoints, tenant: Tenant) -> None:
    """Nothing that the owner wrote stands in a plain column or in the audit log."""
    planted = "planted-secret"
    draft = EndpointDraft(
        url=f"https://{planted}.example.com/{planted}?k={planted}",
        description=planted,
        metadata={planted: planted},
        headers={"x-key": planted},
        secret=Secret("whsec_" + b64encode(b"planted-secret-of-the-owner").decode()),
    )
    created = await endpoints.create(caller(tenant), draft)
    await endpoints.patch(caller(tenant), created.endpoint.id, EndpointPatch(description=planted + "2"))
    for table in ("webhook_endpoints", "endpoint_secrets", "audit_log", "environments"):
        for row in await database.fetch(f"SELECT t::text AS line FROM {table} t"):  # noqa: S608 - four fixed names
            assert planted not in row["line"]
            assert planted.encode().hex() not in row["line"]
    assert planted not in repr(created.secret)


async def test_every_change_moves_the_versions_and_is_audited(
    database: Pool, endpoints: Endpoints, secrets: EndpointSecrets, tenant: Tenant
) -> None:
    """Create, change, rotate and delete; a reveal is audited only."""
    id_ = (await endpoints.create(caller(tenant), EndpointDraft(url=URL))).endpoint.id
    changed = await endpoints.patch(caller(tenant), id_, EndpointPatch(url=URL + "/2", event_types=["a.*"]))
    await secrets.reveal(caller(tenant), id_)
    await secrets.rotate(caller(tenant), id_, Rotation())
    assert (await endpoints.get(tenant, id_)).version == 3
    await endpoints.delete(caller(tenant), id_)
    assert (changed.settings.url, changed.event_types, changed.version) == (URL + "/2", ("a.*",), 2)
    assert await version(database, tenant) == 4
    assert await actions(database) == [
        "endpoint.created",
        "endpoint.changed",
        "endpoint.secret_revealed",
        "endpoint.secret_rotated",
        "endpoint.deleted",
    ]
    entry = await database.fetchrow("SELECT * FROM audit_log WHERE action = 'endpoint.changed'")
    assert (entry["actor"], entry["request_id"], entry["partner_id"]) == (
        "cli_example",
        "req_example",
        tenant.partner_id,
    )
    assert entry["detail"] == '{"fields": ["url", "event_types"]}'


async def test_a_deleted_endpoint_is_gone_but_kept(database: Pool, endpoints: Endpoints, tenant: Tenant) -> None:
    """Nobody sees or changes it; its row stays for its deliveries."""
    id_ = (await endpoints.create(caller(tenant), EndpointDraft(url=URL))).endpoint.id
    await endpoints.delete(caller(tenant), id_)
    for act in (
        endpoints.get(tenant, id_),
        endpoints.delete(caller(tenant), id_),
        endpoints.patch(caller(tenant), id_, EndpointPatch(state=EndpointState.ENABLED)),
    ):
        with pytest.raises(NotFound):
            await act
    assert (await endpoints.list(tenant)).endpoints == ()
    assert await database.fetchval("SELECT state::text FROM webhook_endpoints WHERE id = $1", id_) == "deleted"


async def test_tenants_do_not_meet(database: Pool, endpoints: Endpoints, secrets: EndpointSecrets) -> None:
    """Another partner, and the same partner's other environment, see and change nothing."""
    tenant = await add_tenant(database)
    id_ = (await endpoints.create(caller(tenant), EndpointDraft(url=URL))).endpoint.id
    for other in (await add_tenant(database), Tenant(tenant.partner_id, Environment.TEST)):
        for act in (
            endpoints.get(other, id_),
            endpoints.patch(caller(other), id_, EndpointPatch(description="x")),
            endpoints.delete(caller(other), id_),
            secrets.reveal(caller(other), id_),
            secrets.rotate(caller(other), id_, Rotation()),
        ):
            with pytest.raises(NotFound):
                await act
        assert (await endpoints.list(other)).endpoints == ()


async def test_lists_have_pages(database: Pool, endpoints: Endpoints, tenant: Tenant) -> None:
    """Oldest first, page by page, narrowed to a merchant on request."""
    merchant = await add_merchant(database, tenant)
    ids = [(await endpoints.create(caller(tenant), EndpointDraft(url=URL))).endpoint.id for _ in range(3)]
    own = (await endpoints.create(caller(tenant), EndpointDraft(url=URL, merchant_id=merchant))).endpoint.id
    seen: list[UUID] = []
    cursor: str | None = None
    while len(seen) < 4:
        page = await endpoints.list(tenant, cursor=cursor, limit=2)
        seen += [endpoint.id for endpoint in page.endpoints]
        cursor = page.next_cursor
    assert cursor is None
    assert seen == sorted([*ids, own])
    assert [one.id for one in (await endpoints.list(tenant, merchant_id=merchant)).endpoints] == [own]


async def test_endpoints_are_capped(database: Pool, endpoints: Endpoints, tenant: Tenant) -> None:
    """Per merchant, also when many are created at once; deleting one makes room."""
    merchant = await add_merchant(database, tenant)
    draft = EndpointDraft(url=URL, merchant_id=merchant)
    outcomes = await asyncio.gather(
        *(endpoints.create(caller(tenant), draft) for _ in range(6)), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, Conflict)]
    assert [error.problem_code for error in refused] == ["endpoints_max"] * 3
    await endpoints.create(caller(tenant), EndpointDraft(url=URL))
    await endpoints.delete(caller(tenant), (await endpoints.list(tenant, merchant_id=merchant)).endpoints[0].id)
    await endpoints.create(caller(tenant), draft)


async def test_all_wrong_fields_are_told_at_once(endpoints: Endpoints, tenant: Tenant) -> None:
    """With pointers and codes, without the caller's values."""
    draft = EndpointDraft(
        url="http://user:planted@127.0.0.1",
        event_types=["a", "b c", "*.x"],
        description="x" * 501,
        metadata={"a": "\0"},
        headers={"Content-Type": "planted"},
        concurrency=0,
        secret=Secret("planted"),
    )
    with pytest.raises(Invalid) as refused:
        await endpoints.create(caller(tenant), draft)
    assert [error.pointer for error in refused.value.errors] == [
        "/url",
        "/event_types/1",
        "/event_types/2",
        "/headers",
        "/metadata",
        "/description",
        "/concurrency",
        "/secret",
    ]
    assert "planted" not in str([error.message for error in refused.value.errors])
    for bad in ({"event_types": []}, {"event_types": ["a"] * 101}, {"headers": {"a b": "c"}}, {"headers": {"a": "é"}}):
        with pytest.raises(Invalid):
            await endpoints.create(caller(tenant), EndpointDraft(url=URL, **bad))
    with pytest.raises(Invalid) as unknown:
        await endpoints.create(caller(tenant), EndpointDraft(url=URL, merchant_id=uuid4()))
    assert unknown.value.errors[0].pointer == "/merchant_id"
    created = await endpoints.create(caller(tenant), EndpointDraft(url=URL))
    with pytest.raises(Invalid):
        await endpoints.patch(caller(tenant), created.endpoint.id, EndpointPatch(state=EndpointState.DELETED))


async def test_disabling_and_enabling(endpoints: Endpoints, database: Pool, tenant: Tenant) -> None:
    """Its owner is the reason; enabling clears it and the memory of failures; an unchanged state keeps its."""
    id_ = (await endpoints.create(caller(tenant), EndpointDraft(url=URL))).endpoint.id
    await database.execute(
        "UPDATE webhook_endpoints SET state = 'disabled', state_reason = 'receiver_asked', failing_since = now()"
    )
    kept = await endpoints.patch(caller(tenant), id_, EndpointPatch(state=EndpointState.DISABLED))
    assert kept.state_reason == "receiver_asked"
    enabled = await endpoints.patch(caller(tenant), id_, EndpointPatch(state=EndpointState.ENABLED))
    assert (enabled.state, enabled.state_reason) == ("enabled", None)
    assert await database.fetchval("SELECT failing_since FROM webhook_endpoints") is None
    assert (
        await endpoints.patch(caller(tenant), id_, EndpointPatch(state=EndpointState.DISABLED))
    ).state_reason == "owner"


async def test_rotation_overlaps(
    endpoints: Endpoints, secrets: EndpointSecrets, database: Pool, tenant: Tenant
) -> None:
    """Old and new sign until the overlap is over; a third is refused unless the oldest ends now."""
    created = await endpoints.create(caller(tenant), EndpointDraft(url=URL))
    id_, first = created.endpoint.id, created.secret
    own = Secret("whsec_" + b64encode(b"o" * 24).decode())
    two = await secrets.rotate(caller(tenant), id_, Rotation(secret=own))
    assert [one.secret for one in two] == [own, first]
    assert two[0].expires_at is None
    overlap = await database.fetchval("SELECT expires_at - now() FROM endpoint_secrets WHERE expires_at IS NOT NULL")
    assert timedelta(hours=23, minutes=59) < overlap <= timedelta(hours=24)
    with pytest.raises(Conflict) as refused:
        await secrets.rotate(caller(tenant), id_, Rotation())
    assert refused.value.problem_code == "rotation_unfinished"
    dropped = await secrets.rotate(caller(tenant), id_, Rotation(is_oldest_dropped=True))
    assert [one.secret for one in dropped][1:] == [own]
    await database.execute("UPDATE endpoint_secrets SET expires_at = now() WHERE expires_at IS NOT NULL")
    at_once = await secrets.rotate(caller(tenant), id_, Rotation(overlap=timedelta(0)))
    assert len(at_once) == 1
    assert at_once == await secrets.reveal(caller(tenant), id_)
    for bad in (Rotation(overlap=timedelta(days=8)), Rotation(overlap=timedelta(-1)), Rotation(secret=Secret("x"))):
        with pytest.raises(Invalid):
            await secrets.rotate(caller(tenant), id_, bad)


async def test_a_test_event_goes_to_one_endpoint(
    database: Pool, endpoints: Endpoints, vault: Vault, tenant: Tenant, clock: FakeClock
) -> None:
    """Whatever types it listens to; a disabled one is refused."""
    enqueuer = CollectingEnqueuer()
    tester = EndpointTester(database, EventWriter(vault, Matcher()), enqueuer, clock)
    chosen = (await endpoints.create(caller(tenant), EndpointDraft(url=URL, event_types=["a"]))).endpoint.id
    await endpoints.create(caller(tenant), EndpointDraft(url=URL))
    event_id = await tester.send(tenant, chosen)
    rows = await database.fetch("SELECT event_id, endpoint_id FROM deliveries")
    assert [(row["event_id"], row["endpoint_id"]) for row in rows] == [(event_id, chosen)]
    assert [job.endpoint_id for job in enqueuer.jobs] == [chosen]
    assert await database.fetchval("SELECT type FROM events") == "webhook_endpoint.test"
    await endpoints.patch(caller(tenant), chosen, EndpointPatch(state=EndpointState.DISABLED))
    with pytest.raises(Conflict):
        await tester.send(tenant, chosen)
