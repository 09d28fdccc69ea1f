"""Endpoints on a real database: every field, versions, audit, caps, seals."""

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
from tests.support.certificates import client_certificate
from tests.support.clock import FakeClock
from tests.support.lanes import LaneBook
from tests.support.tenants import add_merchant, add_tenant, caller
from webhooks.endpoints.keys.service import EndpointSecrets
from webhooks.endpoints.model import Rate
from webhooks.endpoints.requests import CertificateRequest, EndpointDraft, EndpointPatch, Rotation
from webhooks.endpoints.service import Endpoints
from webhooks.queue.port import LaneMode
from webhooks.states import EndpointState, PayloadForm, SignatureScheme

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
URL = "https://shop.example.com/hook"


async def version(database: Pool, tenant: Tenant) -> int:
    return await database.fetchval(
        "SELECT endpoints_version FROM environments WHERE partner_id = $1 AND environment = $2",
        tenant.partner_id,
        tenant.environment,
    )


async def actions(database: Pool) -> list[str]:
    return [row["action"] for row in await database.fetch("SELECT action FROM audit_log ORDER BY at, id")]


async def test_what_is_created_is_read(
    database: Pool, endpoints: Endpoints, tenant: Tenant, lanes: LaneBook, clock: FakeClock
) -> None:
    """Every field comes back, and the queue is told; a merchant's endpoint belongs to the merchant."""
    merchant = await add_merchant(database, tenant)
    pem = client_certificate(clock.now() + timedelta(days=9))
    draft = EndpointDraft(
        url=URL + "?a=%2F",
        event_types=["payment.*", "order.paid"],
        merchant_id=merchant,
        filter="data.amount > `5`",
        payload=PayloadForm.THIN,
        description="Back office",
        metadata={"team": "a"},
        headers={"X-Tag": "a"},
        secret_headers={"Authorization": "Bearer x"},
        signatures=[SignatureScheme.V1, SignatureScheme.V1A],
        ordered=True,
        concurrency=3,
        weight=7,
        rate=Rate(per_second=0.3, burst=4),
        schedule_seconds=[0, 60],
        client_certificate=CertificateRequest(chain=pem.chain, private_key=Secret(pem.key)),
    )
    created = await endpoints.create(caller(tenant), draft)
    found = await endpoints.get(tenant, created.endpoint.id)
    assert found == created.endpoint
    assert (found.settings.url, found.settings.plain_headers) == (draft.url, {"X-Tag": "a"})
    assert found.settings.headers == {"X-Tag": "a", "Authorization": "Bearer x"}
    assert (found.merchant_id, found.state) == (merchant, EndpointState.ENABLED)
    hearing, pace = found.hearing, found.pace
    assert (hearing.event_types, hearing.filter) == (("payment.*", "order.paid"), "data.amount > `5`")
    assert (hearing.payload, found.signatures) == (PayloadForm.THIN, (SignatureScheme.V1, SignatureScheme.V1A))
    assert (pace.ordered, pace.concurrency, pace.weight) == (True, 3, 7)
    assert (pace.rate, pace.schedule_seconds) == (Rate(per_second=0.3, burst=4), (0, 60))
    assert found.client_certificate is not None
    assert found.client_certificate.expires_at == clock.now() + timedelta(days=9)
    assert found.settings.client_certificate_sha256 == pem.sha256
    assert created.secret.reveal().startswith("whsec_")
    assert [(lane.cap, lane.weight, lane.rate_per_second, lane.burst, lane.mode) for lane in lanes.told] == [
        (3, 7, 0.3, 4, LaneMode.OPEN)
    ]


async def test_secrets_lie_sealed(database: Pool, endpoints: Endpoints, tenant: Tenant) -> None:
    """Nothing that the owner wrote stands in a plain column or in the audit log."""
    planted = "planted-secret"
    draft = EndpointDraft(
        url=f"https://{planted}.example.com/{planted}?k={planted}",
        description=planted,
        metadata={planted: planted},
        headers={"x-key": planted},
        secret_headers={"x-other": planted},
        filter=f"data.a == '{planted}'",
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
    after = changed.endpoint
    assert (after.settings.url, after.hearing.event_types, after.version) == (URL + "/2", ("a.*",), 2)
    assert await version(database, tenant) == 3
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
    """Per merchant and per environment, also when many are created at once; deleting one makes room."""
    merchant = await add_merchant(database, tenant)
    draft = EndpointDraft(url=URL, merchant_id=merchant)
    outcomes = await asyncio.gather(
        *(endpoints.create(caller(tenant), draft) for _ in range(6)), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, Conflict)]
    assert [error.problem_code for error in refused] == ["merchant_endpoints_max"] * 3
    for _ in range(2):
        await endpoints.create(caller(tenant), EndpointDraft(url=URL))
    with pytest.raises(Conflict) as full:
        await endpoints.create(caller(tenant), EndpointDraft(url=URL))
    assert full.value.problem_code == "endpoints_max"
    await endpoints.delete(caller(tenant), (await endpoints.list(tenant, merchant_id=merchant)).endpoints[0].id)
    await endpoints.create(caller(tenant), draft)


async def test_all_wrong_fields_are_told_at_once(endpoints: Endpoints, tenant: Tenant) -> None:
    """With pointers, without the caller's values."""
    draft = EndpointDraft(
        url="http://user:planted@127.0.0.1",
        event_types=["a", "b c", "*.x"],
        merchant_id=uuid4(),
        merchant_ids=[uuid4()],
        filter="planted(",
        description="x" * 501,
        metadata={"a": "\0"},
        headers={"Content-Type": "planted", "x-A": "1"},
        secret_headers={"X-a": "planted"},
        signatures=[],
        concurrency=0,
        weight=101,
        rate=Rate(per_second=0, burst=0),
        schedule_seconds=[0, 86_401],
        client_certificate=CertificateRequest(chain="planted", private_key=Secret("planted")),
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
        "/signatures",
        "/concurrency",
        "/weight",
        "/rate/per_second",
        "/rate/burst",
        "/schedule_seconds/1",
        "/filter",
        "/client_certificate/certificate_chain",
        "/client_certificate/private_key",
        "/headers",
        "/secret",
        "/merchant_ids",
    ]
    assert "planted" not in str([error.message for error in refused.value.errors])


async def test_merchants_must_be_known(database: Pool, endpoints: Endpoints, tenant: Tenant) -> None:
    """The owner, and each merchant that an endpoint is to hear of, when it is made and when it is changed."""
    known = await add_merchant(database, tenant)
    with pytest.raises(Invalid) as unknown:
        await endpoints.create(caller(tenant), EndpointDraft(url=URL, merchant_id=uuid4()))
    assert [error.pointer for error in unknown.value.errors] == ["/merchant_id"]
    elsewhere = await add_merchant(database, await add_tenant(database))
    with pytest.raises(Invalid) as unknown:
        await endpoints.create(caller(tenant), EndpointDraft(url=URL, merchant_ids=[known, elsewhere]))
    assert [error.pointer for error in unknown.value.errors] == ["/merchant_ids/1"]
    made = (await endpoints.create(caller(tenant), EndpointDraft(url=URL, merchant_ids=[known]))).endpoint
    assert made.hearing.merchant_ids == (known,)
    with pytest.raises(Invalid):
        await endpoints.patch(caller(tenant), made.id, EndpointPatch(merchant_ids=[elsewhere]))
    own = (await endpoints.create(caller(tenant), EndpointDraft(url=URL, merchant_id=known))).endpoint
    with pytest.raises(Invalid) as refused:
        await endpoints.patch(caller(tenant), own.id, EndpointPatch(merchant_ids=[known]))
    assert refused.value.errors[0].code == "merchant_endpoint"


async def test_everything_can_be_changed_and_cleared(
    database: Pool, endpoints: Endpoints, tenant: Tenant, lanes: LaneBook, clock: FakeClock
) -> None:
    """A change replaces what it gives, None clears what may be empty, secret headers change one by one."""
    pem = client_certificate(clock.now() + timedelta(days=9))
    draft = EndpointDraft(url=URL, headers={"X-Tag": "a"}, secret_headers={"X-One": "1", "X-Two": "2"})
    id_ = (await endpoints.create(caller(tenant), draft)).endpoint.id
    full = EndpointPatch(
        event_types=["a"],
        merchant_ids=[await add_merchant(database, tenant)],
        filter="data.a",
        payload=PayloadForm.THIN,
        description="d",
        metadata={"a": "b"},
        headers={"X-Other": "b"},
        secret_headers={"x-one": "3", "X-Two": None, "X-Never": None},
        signatures=[SignatureScheme.V1A],
        ordered=True,
        concurrency=2,
        weight=3,
        rate=Rate(per_second=5, burst=6),
        schedule_seconds=[1],
        client_certificate=CertificateRequest(chain=pem.chain, private_key=Secret(pem.key)),
    )
    after = (await endpoints.patch(caller(tenant), id_, full)).endpoint
    assert (after.settings.plain_headers, after.settings.secret_headers) == ({"X-Other": "b"}, ("x-one",))
    assert after.settings.headers == {"X-Other": "b", "x-one": "3"}
    assert (after.hearing.filter, after.hearing.payload, after.pace.rate) == (
        "data.a",
        PayloadForm.THIN,
        Rate(per_second=5, burst=6),
    )
    assert after.client_certificate is not None
    assert (lanes.told[-1].cap, lanes.told[-1].weight, lanes.told[-1].burst) == (2, 3, 6)
    untouched = (await endpoints.patch(caller(tenant), id_, EndpointPatch(description="e"))).endpoint
    assert (untouched.client_certificate, untouched.hearing) == (after.client_certificate, after.hearing)
    assert untouched.pace == after.pace
    cleared = EndpointPatch(filter=None, rate=None, schedule_seconds=None, client_certificate=None, merchant_ids=[])
    empty = (await endpoints.patch(caller(tenant), id_, cleared)).endpoint
    assert (empty.hearing.filter, empty.pace.rate, empty.pace.schedule_seconds) == (None, None, None)
    assert (empty.client_certificate, empty.settings.client_certificate_sha256) == (None, None)
    assert lanes.told[-1].rate_per_second == 0
    with pytest.raises(Invalid) as twice:
        await endpoints.patch(caller(tenant), id_, EndpointPatch(headers={"X-ONE": "a"}))
    assert [error.code for error in twice.value.errors] == ["repeated"]
    with pytest.raises(Invalid):
        await endpoints.patch(caller(tenant), id_, EndpointPatch(state=EndpointState.DELETED))


async def test_disabling_and_enabling(endpoints: Endpoints, database: Pool, tenant: Tenant, endpoint_id: UUID) -> None:
    """Its owner is the reason; enabling clears it and the memory of failures, and says since when it heard nothing."""
    await database.execute(
        "UPDATE webhook_endpoints SET state = 'disabled', state_reason = 'receiver_asked', failing_since = now(),"
        " disabled_at = now() - interval '1 day', failed_deliveries = 3, warnings_told = 2, lane_failures = 9,"
        " held_at = now(), next_probe_at = now(), probes = 3"
    )
    kept = await endpoints.patch(caller(tenant), endpoint_id, EndpointPatch(state=EndpointState.DISABLED))
    assert kept.endpoint.standing.state_reason == "receiver_asked"
    assert kept.missed_since is None
    since = kept.endpoint.standing.disabled_at
    enabled = await endpoints.patch(caller(tenant), endpoint_id, EndpointPatch(state=EndpointState.ENABLED))
    assert (enabled.endpoint.state, enabled.endpoint.standing.state_reason) == ("enabled", None)
    assert (enabled.missed_since, enabled.endpoint.standing.disabled_at) == (since, None)
    details = [row["detail"] for row in await database.fetch("SELECT detail::text FROM audit_log ORDER BY at, id")]
    assert details[-2:] == ['{"fields": ["state"]}', '{"state": "enabled", "fields": ["state"]}']
    row = await database.fetchrow("SELECT * FROM webhook_endpoints")
    assert (row["failing_since"], row["held_at"], row["next_probe_at"]) == (None, None, None)
    assert (row["failed_deliveries"], row["warnings_told"], row["lane_failures"], row["probes"]) == (0, 0, 0, 0)
    disabled = await endpoints.patch(caller(tenant), endpoint_id, EndpointPatch(state=EndpointState.DISABLED))
    assert disabled.endpoint.standing.state_reason == "owner"
    assert disabled.endpoint.standing.disabled_at is not None


async def test_another_url_starts_afresh(
    endpoints: Endpoints, database: Pool, tenant: Tenant, endpoint_id: UUID, lanes: LaneBook
) -> None:
    """What was learnt of the old address holds back nothing that waits for the new one."""
    await database.execute(
        "UPDATE webhook_endpoints SET failing_since = now(), held_at = now(), next_probe_at = now(), lane_failures = 10"
    )
    same = await endpoints.patch(caller(tenant), endpoint_id, EndpointPatch(url=URL, weight=2))
    assert same.endpoint.standing.held_at is not None
    assert lanes.told[-1].mode is LaneMode.HELD
    moved = await endpoints.patch(caller(tenant), endpoint_id, EndpointPatch(url=URL + "/new"))
    assert moved.endpoint.standing.held_at is None
    assert lanes.told[-1].mode is LaneMode.OPEN
    row = await database.fetchrow("SELECT * FROM webhook_endpoints")
    assert (row["failing_since"], row["lane_failures"], row["is_releasing"]) == (None, 0, True)


async def test_another_client_certificate_is_warned_of_anew(
    endpoints: Endpoints, database: Pool, tenant: Tenant, endpoint_id: UUID, clock: FakeClock
) -> None:
    """The warning of one certificate's end says nothing of the next one's; any other change leaves it told."""
    first, second = (client_certificate(clock.now() + timedelta(days=days)) for days in (9, 8))
    told = "SELECT client_certificate_told IS NOT NULL FROM webhook_endpoints WHERE id = $1"
    for pem in (first, second):
        certificate = CertificateRequest(chain=pem.chain, private_key=Secret(pem.key))
        await endpoints.patch(caller(tenant), endpoint_id, EndpointPatch(client_certificate=certificate))
        assert not await database.fetchval(told, endpoint_id)
        await database.execute("UPDATE webhook_endpoints SET client_certificate_told = now()")
        await endpoints.patch(caller(tenant), endpoint_id, EndpointPatch(description=pem.sha256))
        assert await database.fetchval(told, endpoint_id)


async def test_pausing_and_resuming(
    endpoints: Endpoints, database: Pool, tenant: Tenant, endpoint_id: UUID, lanes: LaneBook
) -> None:
    """The queue is told after the commit; doing it again changes and records nothing; the version moves."""
    before = await endpoints.get(tenant, endpoint_id)
    paused = await endpoints.pause(caller(tenant), endpoint_id)
    assert paused.standing.paused_at is not None
    assert lanes.told[-1].mode is LaneMode.PAUSED
    assert await endpoints.pause(caller(tenant), endpoint_id) == paused
    resumed = await endpoints.resume(caller(tenant), endpoint_id)
    assert (resumed.standing.paused_at, resumed.version) == (None, before.version + 2)
    assert lanes.told[-1].mode is LaneMode.OPEN
    assert await endpoints.resume(caller(tenant), endpoint_id) == resumed
    assert await actions(database) == ["endpoint.created", "endpoint.paused", "endpoint.resumed"]


async def test_a_queue_that_is_away_fails_no_change(
    endpoints: Endpoints, tenant: Tenant, endpoint_id: UUID, lanes: LaneBook
) -> None:
    """PostgreSQL has it, and the reconciler tells the queue later."""
    lanes.is_away = True
    assert (
        await endpoints.patch(caller(tenant), endpoint_id, EndpointPatch(concurrency=1))
    ).endpoint.pace.concurrency == 1
    assert (await endpoints.pause(caller(tenant), endpoint_id)).standing.paused_at is not None
