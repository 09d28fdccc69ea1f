"""The keys of endpoints on a real database: shown, rotated per scheme, told, published."""

import asyncio
from base64 import b64encode, urlsafe_b64decode
from datetime import timedelta
from typing import TypeAlias
from uuid import UUID

import asyncpg
import pytest

from kernel.errors import Conflict, Invalid, NotFound
from kernel.ids import Environment, Kind, Tenant, to_text
from kernel.masked import Secret
from kernel.sealing import Vault
from tests.support.tenants import CollectingEnqueuer, add_tenant, caller
from webhooks.endpoints.keys.published import PublishedKeys
from webhooks.endpoints.keys.service import EndpointSecrets
from webhooks.endpoints.model import LiveKey
from webhooks.endpoints.requests import EndpointDraft, Rotation
from webhooks.endpoints.service import Endpoints
from webhooks.events.model import body_context
from webhooks.states import SignatureScheme

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
URL = "https://shop.example.com/hook"

V1, V1A = SignatureScheme.V1, SignatureScheme.V1A


def of(scheme: SignatureScheme, keys: tuple[LiveKey, ...]) -> list[LiveKey]:
    return [key for key in keys if key.scheme is scheme]


@pytest.fixture
def sealed(database: Pool, vault: Vault) -> tuple[Pool, Vault]:
    """Rows, and what opens them."""
    return database, vault


async def test_every_endpoint_has_both_keys(
    endpoints: Endpoints, secrets: EndpointSecrets, database: Pool, tenant: Tenant
) -> None:
    """A v1 secret that its owner sees, and a v1a pair whose private half nobody is ever shown."""
    created = await endpoints.create(caller(tenant), EndpointDraft(url=URL))
    shared, pair = await secrets.reveal(caller(tenant), created.endpoint.id)
    assert (shared.scheme, shared.secret, shared.public_key) == (V1, created.secret, None)
    assert (pair.scheme, pair.secret, pair.public_key) == (V1A, None, created.public_key)
    assert len(created.public_key) == 32
    rows = await database.fetch("SELECT scheme::text, public_key FROM endpoint_secrets ORDER BY scheme")
    assert [(row["scheme"], row["public_key"]) for row in rows] == [("v1", None), ("v1a", created.public_key)]


async def test_rotation_overlaps(
    endpoints: Endpoints, secrets: EndpointSecrets, database: Pool, tenant: Tenant
) -> None:
    """Old and new sign until the overlap is over; a third is refused unless the oldest ends now.

    Without an overlap only the new one signs, although an earlier overlap lasted.
    """
    created = await endpoints.create(caller(tenant), EndpointDraft(url=URL))
    id_, first = created.endpoint.id, created.secret
    own = Secret("whsec_" + b64encode(b"o" * 24).decode())
    two = of(V1, await secrets.rotate(caller(tenant), id_, Rotation(secret=own)))
    assert [one.secret for one in two] == [own, first]
    assert two[0].expires_at is None
    overlap = await database.fetchval("SELECT expires_at - now() FROM endpoint_secrets WHERE expires_at IS NOT NULL")
    assert timedelta(hours=23, minutes=59) < overlap <= timedelta(hours=24)
    with pytest.raises(Conflict) as refused:
        await secrets.rotate(caller(tenant), id_, Rotation())
    assert refused.value.problem_code == "rotation_unfinished"
    assert "drop_oldest" in str(refused.value.action)
    dropped = of(V1, await secrets.rotate(caller(tenant), id_, Rotation(is_oldest_dropped=True)))
    assert [one.secret for one in dropped][1:] == [own]
    at_once = await secrets.rotate(caller(tenant), id_, Rotation(overlap=timedelta(0)))
    assert len(of(V1, at_once)) == 1
    assert at_once == await secrets.reveal(caller(tenant), id_)


async def test_what_a_rotation_may_not_be(secrets: EndpointSecrets, tenant: Tenant, endpoint_id: UUID) -> None:
    """An overlap beyond a week or before now, a secret of another form, a private key from outside."""
    own = Secret("whsec_" + b64encode(b"o" * 24).decode())
    for bad, pointer in (
        (Rotation(overlap=timedelta(days=7, seconds=1)), "/overlap_seconds"),
        (Rotation(overlap=timedelta(-1)), "/overlap_seconds"),
        (Rotation(secret=Secret("whsec_" + b64encode(b"o" * 65).decode())), "/secret"),
        (Rotation(scheme=V1A, secret=own), "/secret"),
    ):
        with pytest.raises(Invalid) as refused:
            await secrets.rotate(caller(tenant), endpoint_id, bad)
        assert [error.pointer for error in refused.value.errors] == [pointer]
    await secrets.rotate(caller(tenant), endpoint_id, Rotation(overlap=timedelta(days=7)))


async def test_schemes_rotate_by_themselves(secrets: EndpointSecrets, tenant: Tenant, endpoint_id: UUID) -> None:
    """Each has its own overlap; rotations at the same time leave one current key and one that ends."""
    before = await secrets.reveal(caller(tenant), endpoint_id)
    await secrets.rotate(caller(tenant), endpoint_id, Rotation(scheme=V1A))
    after = await secrets.rotate(caller(tenant), endpoint_id, Rotation(scheme=V1))
    assert [len(of(scheme, after)) for scheme in (V1, V1A)] == [2, 2]
    assert [of(V1A, after)[1].public_key, of(V1, after)[1].secret] == [before[1].public_key, before[0].secret]
    outcomes = await asyncio.gather(
        *(secrets.rotate(caller(tenant), endpoint_id, Rotation(overlap=timedelta(0))) for _ in range(4)),
        return_exceptions=True,
    )
    assert not [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    live = of(V1, await secrets.reveal(caller(tenant), endpoint_id))
    assert [key.expires_at for key in live] == [None]


async def test_a_rotation_is_told_with_it(
    endpoints: Endpoints,
    secrets: EndpointSecrets,
    sealed: tuple[Pool, Vault],
    tenant: Tenant,
    enqueuer: CollectingEnqueuer,
) -> None:
    """`secret.rotated` goes to the partner's other endpoints in the same transaction, without any secret in it."""
    database, vault = sealed
    about = (await endpoints.create(caller(tenant), EndpointDraft(url=URL))).endpoint.id
    listening = (await endpoints.create(caller(tenant), EndpointDraft(url=URL, event_types=["secret.*"]))).endpoint.id
    new, _, _ = await secrets.rotate(caller(tenant), about, Rotation())
    event = await database.fetchrow("SELECT partner_id, id, type, sealed_body FROM events")
    (body,) = await vault.open_many([(event["partner_id"], event["sealed_body"], body_context(event["id"]))])
    assert event["type"] == "secret.rotated"
    assert to_text(Kind.SECRET, new.id).encode() in body
    assert b"whsec_" not in body
    assert [job.endpoint_id for job in enqueuer.jobs] == [listening]
    with pytest.raises(Conflict):
        await secrets.rotate(caller(tenant), about, Rotation())
    assert await database.fetchval("SELECT count(*) FROM events") == 1


async def test_public_keys_are_published(
    secrets: EndpointSecrets, endpoints: Endpoints, database: Pool, tenant: Tenant, endpoint_id: UUID
) -> None:
    """As JWKs with the keys' ids, the one in its overlap too; none of another tenant's or a deleted endpoint."""
    published = PublishedKeys(database)
    live = of(V1A, await secrets.rotate(caller(tenant), endpoint_id, Rotation(scheme=V1A)))
    found = (await published.key_set(tenant, endpoint_id))["keys"]
    assert [key["kid"] for key in found] == [to_text(Kind.SECRET, key.id) for key in live]
    assert [urlsafe_b64decode(key["x"] + "=") for key in found] == [key.public_key for key in live]
    shape = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA"}
    assert all(shape.items() <= key.items() and len(key) == 6 for key in found)
    await secrets.rotate(
        caller(tenant), endpoint_id, Rotation(scheme=V1A, overlap=timedelta(0), is_oldest_dropped=True)
    )
    assert len((await published.key_set(tenant, endpoint_id))["keys"]) == 1
    for other in (await add_tenant(database), Tenant(tenant.partner_id, Environment.TEST)):
        with pytest.raises(NotFound):
            await published.key_set(other, endpoint_id)
    await endpoints.delete(caller(tenant), endpoint_id)
    with pytest.raises(NotFound):
        await published.key_set(tenant, endpoint_id)
