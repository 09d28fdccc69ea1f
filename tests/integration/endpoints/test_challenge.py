"""The ownership challenge: a scripted receiver, a real database."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias
from uuid import UUID

import asyncpg
import orjson
import pytest
from standardwebhooks import Webhook

from kernel.errors import Conflict, NotFound
from kernel.ids import Tenant
from kernel.masked import Secret
from kernel.sealing import Vault
from tests.support.certificates import client_certificate
from tests.support.clock import FakeClock
from tests.support.lanes import LaneBook
from tests.support.tenants import add_tenant, caller
from webhooks.endpoints.requests import CertificateRequest, EndpointDraft, EndpointPatch
from webhooks.endpoints.service import Endpoints
from webhooks.endpoints.telling import LaneTeller
from webhooks.endpoints.trying.challenge import Challenges
from webhooks.queue.port import LaneMode
from webhooks.sending.model import ErrorClass, Timings
from webhooks.sending.transport import WireReply, WireRequest
from webhooks.states import EndpointState, SignatureScheme

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
URL = "https://shop.example.com/hook"

TIMINGS = Timings(total_us=1)


class Receiver:
    """Gives the token back, unless told otherwise; remembers what came."""

    def __init__(self) -> None:
        self.requests: list[WireRequest] = []
        self.meanwhile: Callable[[], Awaitable[object]] | None = None
        self.reply: WireReply | None = None

    async def post(self, request: WireRequest) -> WireReply:
        self.requests.append(request)
        if self.meanwhile is not None:
            await self.meanwhile()
        token = orjson.loads(request.body)["data"]["challenge"]
        return self.reply or WireReply(timings=TIMINGS, status=200, body=token.encode())


@pytest.fixture
def receiver() -> Receiver:
    """Whoever answers at the endpoint's URL."""
    return Receiver()


@pytest.fixture
def challenges(database: Pool, vault: Vault, clock: FakeClock, receiver: Receiver, lanes: LaneBook) -> Challenges:
    """The service."""
    return Challenges(database, vault, clock, receiver, LaneTeller(lanes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Whoever acts, and what is told."""

    tenant: Tenant
    receiver: Receiver
    lanes: LaneBook
    database: Pool


@pytest.fixture
def scene(tenant: Tenant, receiver: Receiver, lanes: LaneBook, database: Pool) -> Scene:
    """All of it."""
    return Scene(tenant=tenant, receiver=receiver, lanes=lanes, database=database)


@pytest.fixture
async def unproven(endpoints: Endpoints, tenant: Tenant) -> UUID:
    """An endpoint whose receiver has to prove itself."""
    return (await endpoints.create(caller(tenant), EndpointDraft(url=URL, is_challenged=True))).endpoint.id


async def test_who_gives_the_token_back_is_proven(
    challenges: Challenges, endpoints: Endpoints, unproven: UUID, scene: Scene
) -> None:
    """Until then it is unproven and its lane gives out nothing; once is enough."""
    assert (await endpoints.get(scene.tenant, unproven)).state is EndpointState.UNPROVEN
    assert scene.lanes.told[-1].mode is LaneMode.PAUSED
    result = await challenges.challenge(caller(scene.tenant), unproven)
    assert (result.reason, result.status_code, result.endpoint.state) == ("answered", 200, EndpointState.ENABLED)
    assert result.endpoint.standing.proven_at is not None
    assert scene.lanes.told[-1].mode is LaneMode.OPEN
    again = await challenges.challenge(caller(scene.tenant), unproven)
    assert again.reason == "already_proven"
    assert len(scene.receiver.requests) == 1


async def test_the_request_is_signed_like_a_message(
    challenges: Challenges, endpoints: Endpoints, tenant: Tenant, receiver: Receiver, clock: FakeClock
) -> None:
    """With the endpoint's headers, its client certificate and the signatures that it chose."""
    pem = client_certificate(clock.now() + timedelta(days=9))
    draft = EndpointDraft(
        url=URL,
        is_challenged=True,
        secret_headers={"Authorization": "Bearer x"},
        signatures=[SignatureScheme.V1, SignatureScheme.V1A],
        client_certificate=CertificateRequest(chain=pem.chain, private_key=Secret(pem.key)),
    )
    created = await endpoints.create(caller(tenant), draft)
    await challenges.challenge(caller(tenant), created.endpoint.id)
    (request,) = receiver.requests
    headers = dict(request.headers)
    body = Webhook(created.secret.reveal()).verify(request.body, headers)
    assert body["type"] == "webhook_endpoint.challenge"
    assert (request.url, headers["Authorization"]) == (URL, "Bearer x")
    assert re.fullmatch(r"v1,\S+ v1a,\S+", headers["webhook-signature"])
    assert request.client_certificate == Secret(pem.chain + pem.key)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (WireReply(timings=TIMINGS, error=ErrorClass.DNS), "unreachable"),
        (WireReply(timings=TIMINGS, status=302), "status"),
        (WireReply(timings=TIMINGS, status=200, body=b"planted"), "body_other"),
    ],
)
async def test_who_does_not_is_told_why(
    challenges: Challenges, unproven: UUID, scene: Scene, reply: WireReply, reason: str
) -> None:
    """It stays unproven; the outcome is recorded, never what was answered."""
    scene.receiver.reply = reply
    result = await challenges.challenge(caller(scene.tenant), unproven)
    expected = {"unreachable": ErrorClass.DNS, "status": ErrorClass.STATUS}.get(reason)
    assert (result.reason, result.error_class) == (reason, expected)
    assert result.endpoint.state is EndpointState.UNPROVEN
    assert "planted" not in repr(result)
    detail = await scene.database.fetchval("SELECT detail FROM audit_log WHERE action = 'endpoint.challenged'")
    assert detail == f'{{"outcome": "{reason}"}}'


async def test_another_url_has_proven_nothing(
    challenges: Challenges, endpoints: Endpoints, tenant: Tenant, unproven: UUID, lanes: LaneBook
) -> None:
    """A change of the URL takes the proof back in the same transaction; other changes do not."""
    await challenges.challenge(caller(tenant), unproven)
    same = await endpoints.patch(caller(tenant), unproven, EndpointPatch(url=URL, weight=2))
    assert same.endpoint.state is EndpointState.ENABLED
    moved = await endpoints.patch(caller(tenant), unproven, EndpointPatch(url=URL + "/2"))
    assert (moved.endpoint.state, moved.endpoint.standing.proven_at) == (EndpointState.UNPROVEN, None)
    assert lanes.told[-1].mode is LaneMode.PAUSED


async def test_an_answer_counts_for_the_endpoint_that_was_asked(
    challenges: Challenges, endpoints: Endpoints, tenant: Tenant, unproven: UUID, receiver: Receiver
) -> None:
    """If the URL changes while the challenge is under way, the old receiver's answer proves nothing."""
    receiver.meanwhile = lambda: endpoints.patch(caller(tenant), unproven, EndpointPatch(url=URL + "/2"))
    result = await challenges.challenge(caller(tenant), unproven)
    assert (result.reason, result.endpoint.state) == ("endpoint_changed", EndpointState.UNPROVEN)
    assert result.endpoint.standing.proven_at is None


async def test_nothing_is_locked_meanwhile(
    challenges: Challenges, endpoints: Endpoints, unproven: UUID, scene: Scene
) -> None:
    """No transaction and no connection waits for a receiver."""

    async def look() -> None:
        assert scene.database.get_idle_size() == scene.database.get_size()
        await endpoints.pause(caller(scene.tenant), unproven)

    scene.receiver.meanwhile = look
    async with asyncio.timeout(10):
        await challenges.challenge(caller(scene.tenant), unproven)


async def test_a_disabled_endpoint_may_prove_itself_and_stays_off(
    challenges: Challenges, endpoints: Endpoints, tenant: Tenant, unproven: UUID
) -> None:
    """Enabling an unproven one leaves it unproven; enabling a proven one enables it."""
    off = EndpointPatch(state=EndpointState.DISABLED)
    on = EndpointPatch(state=EndpointState.ENABLED)
    await endpoints.patch(caller(tenant), unproven, off)
    assert (await endpoints.patch(caller(tenant), unproven, on)).endpoint.state is EndpointState.UNPROVEN
    await endpoints.patch(caller(tenant), unproven, off)
    assert (await challenges.challenge(caller(tenant), unproven)).endpoint.state is EndpointState.DISABLED
    assert (await endpoints.patch(caller(tenant), unproven, on)).endpoint.state is EndpointState.ENABLED


async def test_who_is_not_asked_need_not_prove(
    challenges: Challenges, endpoints: Endpoints, database: Pool, tenant: Tenant, endpoint_id: UUID
) -> None:
    """An endpoint without the wish is refused, asking for proof makes it unproven, wishing none enables it."""
    with pytest.raises(Conflict) as refused:
        await challenges.challenge(caller(tenant), endpoint_id)
    assert refused.value.problem_code == "ownership_not_asked"
    asked = await endpoints.patch(caller(tenant), endpoint_id, EndpointPatch(is_challenged=True))
    assert asked.endpoint.state is EndpointState.UNPROVEN
    freed = await endpoints.patch(caller(tenant), endpoint_id, EndpointPatch(is_challenged=False))
    assert freed.endpoint.state is EndpointState.ENABLED
    with pytest.raises(NotFound):
        await challenges.challenge(caller(await add_tenant(database)), endpoint_id)
