"""Signing keys: published before they sign, kept until their last token died, replaced at once when they must be."""

import asyncio
from datetime import timedelta
from typing import Any, TypeAlias

import asyncpg
import pytest
from joserfc import jws

from gateway.oauth.signing.ring import KeyRing
from gateway.oauth.signing.rotation import KeyRotation, RotationPolicy
from gateway.oauth.upkeep import OAuthUpkeep
from kernel.sealing import Vault
from tests.support.clock import FakeClock
from tests.support.dpop import Prover
from tests.support.edge import Edge
from tests.support.oauth import Registered, register

PATH = "/v1/payments"
KEYS = "/admin/v1/signing-keys"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


@pytest.fixture
async def client(edge: Edge) -> Registered:
    """A client."""
    return await register(edge)


@pytest.fixture
def upkeep(edge: Edge, database: Pool, vault: Vault) -> OAuthUpkeep:
    """What the worker runs."""
    rotation = KeyRotation(database, vault, edge.clock, RotationPolicy())
    return OAuthUpkeep(database, rotation, edge.clock)


async def _token(edge: Edge, client: Registered) -> str:
    return str((await edge.token(client.id, client.answer.json["secret"])).json["access_token"])


def _kid(token: str) -> str:
    return str(jws.extract_compact(token.encode()).headers()["kid"])


async def _published(edge: Edge) -> list[str]:
    await edge.oauth.in_force.refresh()
    return [key["kid"] for key in (await edge.call("GET", "/oauth/jwks.json")).json["keys"]]


async def _stages(edge: Edge) -> dict[str, str]:
    return {key["id"]: key["stage"] for key in (await edge.call("GET", KEYS, admin=True)).json["data"]}


async def test_the_schedule_publishes_signs_and_retires(edge: Edge, client: Registered, upkeep: OAuthUpkeep) -> None:
    """The next key stands in the JWKS for an hour before it signs; the old one stays until its last token is dead."""
    first = _kid(await _token(edge, client))
    await upkeep.run_once()
    assert await _published(edge) == [first]
    edge.clock.advance(timedelta(days=90, hours=-1).total_seconds())
    await upkeep.run_once()
    second, still = await _published(edge)
    assert still == first
    assert await _stages(edge) == {second: "next", first: "signing"}
    edge.clock.advance(3_599)
    last_of_first = await _token(edge, client)
    assert _kid(last_of_first) == first
    edge.clock.advance(2)
    assert _kid(await _token(edge, client)) == second
    await upkeep.run_once()
    assert await _stages(edge) == {second: "signing", first: "old"}
    edge.clock.advance(596)
    assert (await edge.call("GET", PATH, token=last_of_first)).status == 200
    edge.clock.advance(70)
    await upkeep.run_once()
    assert await _published(edge) == [second]


async def test_workers_that_run_at_once_make_one_key(edge: Edge, upkeep: OAuthUpkeep) -> None:
    """However many there are."""
    edge.clock.advance(timedelta(days=90).total_seconds())
    await asyncio.gather(*(upkeep.run_once() for _ in range(5)))
    assert len(await _published(edge)) == 2


async def test_an_admin_begins_a_rotation_now(edge: Edge, client: Registered) -> None:
    """No token ends by it; a second one waits for the first; both are on record."""
    token = await _token(edge, client)
    answer = await edge.call("POST", f"{KEYS}/rotate", admin=True, json={})
    assert [key["stage"] for key in answer.json["data"]] == ["next", "signing"]
    again = await edge.call("POST", f"{KEYS}/rotate", admin=True, json={})
    assert (again.status, again.code) == (409, "rotation_under_way")
    assert (await edge.call("GET", PATH, token=token)).status == 200
    audit = (await edge.call("GET", "/admin/v1/audit-log", admin=True)).json["data"]
    assert audit[0]["action"] == "signing_key.created"
    assert audit[0]["target"] == answer.json["data"][0]["id"]


async def test_a_compromised_key_is_replaced_everywhere_within_a_second(
    edge: Edge, another: Edge, client: Registered
) -> None:
    """A new key signs at once; what the old one signed is refused, remembered or not, in every process."""
    token = await _token(edge, client)
    assert (await another.call("GET", PATH, token=token)).status == 200
    answer = await edge.call("POST", f"{KEYS}/rotate", admin=True, json={"compromised": True})
    assert [key["stage"] for key in answer.json["data"]] == ["signing"]
    async with asyncio.timeout(1):
        # Asked without a pause, the client's own limit would answer.
        while (await another.call("GET", PATH, token=token)).status != 401:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.02)
    await edge.oauth.in_force.refresh()
    fresh = await _token(edge, client)
    assert _kid(fresh) != _kid(token)
    assert (await another.call("GET", PATH, token=fresh)).status == 200


async def test_a_process_signs_with_the_next_key_without_asking_anybody(
    edge: Edge, database: Pool, vault: Vault, client: Registered
) -> None:
    """It has the key since it was published, so the moment needs no query."""
    await edge.call("POST", f"{KEYS}/rotate", admin=True, json={})
    ring = KeyRing(database, vault, edge.clock)
    await ring.start()
    before = ring.signing.kid
    edge.clock.advance(3_601)
    assert ring.signing.kid != before
    assert client.id


async def test_the_worker_forgets_what_has_expired(
    edge: Edge, upkeep: OAuthUpkeep, database: Pool, clock: FakeClock
) -> None:
    """Used proofs go once no nonce makes them good, and not before."""
    client: Any = await register(edge, token_binding="dpop")
    await Prover(edge).token(client)
    clock.advance(120)
    await upkeep.run_once()
    assert await database.fetchval("SELECT count(*) FROM dpop_proofs") == 1
    clock.advance(61)
    await upkeep.run_once()
    assert await database.fetchval("SELECT count(*) FROM dpop_proofs") == 0
