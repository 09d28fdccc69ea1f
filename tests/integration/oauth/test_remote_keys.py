"""Keys at a jwks_uri: fetched where webhooks may go, kept for a while, asked for again when a kid is new."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from gateway.oauth.clients.remote_keys import KeysUnread, RemoteKeyPolicy, RemoteKeys
from kernel.errors import Unavailable
from tests.support.clock import FakeClock
from tests.support.edge import Edge
from tests.support.oauth import Signer, is_refused, prove, register
from webhooks.sending.destination import AllowList
from webhooks.sending.lean_transport import LeanTransport
from webhooks.sending.transport import TransportPolicy

LOOPBACK = AllowList(networks=(ip_network("127.0.0.0/8"),))


@dataclass(slots=True)
class KeyServer:
    """A partner's server; what it answers is set by the test."""

    url: str = ""
    keys: list[Any] = field(default_factory=list)
    asked: int = 0
    body: bytes | None = None
    status: int = 200
    seconds: float = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        assert (request.method, await request.read()) == ("GET", b"")
        await asyncio.sleep(self.seconds)
        if self.body is not None:
            return web.Response(body=self.body, status=self.status)
        return web.json_response({"keys": self.keys}, status=self.status, headers={"Location": "/elsewhere"})


@pytest.fixture
async def server() -> AsyncIterator[KeyServer]:
    """On a free port."""
    made, app = KeyServer(), web.Application()
    app.router.add_get("/keys", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/keys"
    yield made
    await runner.cleanup()


@asynccontextmanager
async def remote(allowed: AllowList = LOOPBACK, **policy: Any) -> AsyncIterator[tuple[RemoteKeys, FakeClock]]:
    """The keys' reader, and its clock."""
    clock = FakeClock(datetime.now(UTC))
    transport = LeanTransport(TransportPolicy(total_timeout_seconds=0.3, response_body_bytes_max=65_536), allowed)
    yield RemoteKeys(transport, clock.monotonic, RemoteKeyPolicy(**policy)), clock
    await transport.close()


async def test_a_client_rotates_its_key_by_itself(edge: Edge, server: KeyServer) -> None:
    """A new key at the URI is found when an assertion names it; the old one is forgotten with it."""
    old, new = Signer.new(kid="old"), Signer.new("EdDSA", kid="new")
    server.keys = [old.jwk]
    made = await register(edge, token_endpoint_auth_method="private_key_jwt", jwks_uri=server.url)
    assert made.answer.status == 201, made.answer.raw
    for _ in range(3):
        assert (await prove(edge, old.assertion(made.id))).status == 200
    assert server.asked == 1
    server.keys = [new.jwk]
    edge.clock.advance(11)
    assert (await prove(edge, new.assertion(made.id))).status == 200
    assert server.asked == 2
    assert is_refused(await prove(edge, old.assertion(made.id)))


async def test_keys_that_cannot_be_read_are_told_as_such(edge: Edge, server: KeyServer) -> None:
    """The client learns that its keys were not read, not that its signature is wrong; the log says how it failed."""
    signer = Signer.new()
    for status, body, cause in ((503, None, "status 503"), (200, b"[]", "the answer is no key set")):
        server.status, server.body = status, body
        made = await register(edge, token_endpoint_auth_method="private_key_jwt", jwks_uri=f"{server.url}?{status}")
        with capture_logs() as logs:
            answer = await prove(edge, signer.assertion(made.id))
        assert is_refused(answer, "could not be read"), answer.raw
        assert [line["reason"] for line in logs if line["event"] == "client_keys.not_fetched"] == [cause]
        (told,) = [line for line in logs if line["event"] == "oauth.refused"]
        assert (told["client"], told["reason"]) == (made.id, f"the keys at the jwks_uri were not read: {cause}")


async def test_an_unknown_kid_asks_seldom(server: KeyServer) -> None:
    """However many assertions name keys that are not there, the partner's server is asked once in ten seconds."""
    async with remote() as (keys, clock):
        for _ in range(20):
            await keys.find(server.url, lambda _: False)
        assert server.asked == 1
        clock.advance(10.1)
        await asyncio.gather(*(keys.find(server.url, lambda _: False) for _ in range(20)))
        assert server.asked == 2


async def test_known_keys_outlive_a_server_that_is_away_for_a_while(server: KeyServer) -> None:
    """Keys are used on while nobody answers with keys, for an hour and no longer."""
    server.keys = [Signer.new().jwk]
    async with remote() as (keys, clock):
        assert len(await keys.find(server.url, bool)) == 1
        bodies: list[dict[str, Any]] = [{"body": b"x"}, {"body": b"[]"}, {"body": b"{" + b" " * 70_000 + b"}"}]
        for wrong in [{"status": 500}, {"status": 302}, *bodies]:
            server.body, server.status = wrong.get("body"), wrong.get("status", 200)
            clock.advance(301)
            assert len(await keys.find(server.url, bool)) == 1, wrong
        clock.advance(3600)
        with pytest.raises(KeysUnread, match="no key set"):
            await keys.find(server.url, bool)


async def test_a_key_that_was_taken_away_is_good_for_a_minute(server: KeyServer) -> None:
    """What a partner removes because it leaked is read away within a minute, also where nobody asks for another key."""
    leaked, kept = Signer.new(kid="leaked"), Signer.new(kid="kept")
    server.keys = [leaked.jwk, kept.jwk]
    async with remote() as (keys, clock):
        assert len(await keys.find(server.url, bool)) == 2
        server.keys = [kept.jwk]
        clock.advance(59)
        assert len(await keys.find(server.url, bool)) == 2
        clock.advance(2)
        assert len(await keys.find(server.url, bool)) == 1


async def test_a_slow_server_is_waited_for_by_its_own_client_alone(server: KeyServer) -> None:
    """One that hangs costs its client the deadline once, and nobody else anything; too many at once are told so."""
    quick = KeyServer()
    server.seconds = 5
    async with remote(running_max=1) as (keys, _):
        hanging = asyncio.create_task(keys.find(server.url, bool))
        await asyncio.sleep(0.05)
        with pytest.raises(Unavailable):
            await keys.find(f"{server.url}?other", bool)
        with pytest.raises(KeysUnread, match="timeout"):
            await hanging
        quick.url = server.url
        started = asyncio.get_running_loop().time()
        with pytest.raises(KeysUnread):
            await keys.find(server.url, bool)
        assert asyncio.get_running_loop().time() - started < 0.1


async def test_keys_are_fetched_from_public_addresses_only(server: KeyServer) -> None:
    """What webhooks may not reach, a jwks_uri may not either: the address is checked when it is connected to."""
    server.keys = [Signer.new().jwk]
    async with remote(AllowList()) as (keys, _):
        with pytest.raises(KeysUnread, match="refused_destination"):
            await keys.find(server.url, bool)
    assert server.asked == 0
