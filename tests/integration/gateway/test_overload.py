"""More than one process can serve: who is refused, who is not, and that it passes."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from gateway.overload.shedding import Bounds
from kernel.deadline.pool import PatientPool
from kernel.sealing import Vault
from tests.integration.gateway.conftest import roomy_limits
from tests.integration.gateway.test_api import pay
from tests.support.clock import FakeClock
from tests.support.edge import Edge, Party, running_edge

CONNECTIONS = 3
RUNNING_MAX = 4


@pytest.fixture
async def edge(database_url: str, vault: Vault, clock: FakeClock, redis_url: str) -> AsyncIterator[Edge]:
    """An edge of four requests at most, whose database has three connections."""
    pool = PatientPool(
        database_url,
        acquire_seconds_max=2,
        min_size=1,
        max_size=CONNECTIONS,
        max_queries=50_000,
        max_inactive_connection_lifetime=300,
        loop=asyncio.get_running_loop(),
        connection_class=asyncpg.Connection,
        record_class=asyncpg.Record,
    )
    async with pool, running_edge(pool, vault, clock, redis_url, roomy_limits()) as running:
        running.services.load.bounds = Bounds(running_max=RUNNING_MAX)
        yield running
        running.bank.gate.set()


class Standstill:
    """A database of which every connection is taken, until `end`."""

    def __init__(self, edge: Edge) -> None:
        self._pool = edge.services.payments._tools.pool
        self._held: list[object] = []

    async def begin(self) -> None:
        self._held = [await self._pool.acquire() for _ in range(CONNECTIONS)]

    async def end(self) -> None:
        for connection in self._held:
            await self._pool.release(connection)


async def _running(edge: Edge, count: int) -> None:
    async with asyncio.timeout(5):
        while edge.services.load.running < count:  # noqa: ASYNC110 - the load tells nobody
            await asyncio.sleep(0.005)


async def _read(edge: Edge, party: Party) -> tuple[int, str]:
    answer = await edge.call("GET", "/v1/payments", token=party.token)
    return answer.status, answer.code if answer.status >= 400 else ""


async def test_reads_are_refused_while_money_moves(edge: Edge) -> None:
    """Two reads fill half of the process: the third is 503, a payment and a notification pass; then all is well."""
    party = await edge.party()
    await edge.add_bank()
    standstill = Standstill(edge)
    await standstill.begin()
    reads = [asyncio.create_task(_read(edge, party)) for _ in range(2)]
    await _running(edge, 2)
    refused = await edge.call("GET", "/v1/payments", token="not even a token")
    assert (refused.status, refused.code) == (503, "overloaded")
    assert 1 <= int(refused.headers["Retry-After"]) <= 3
    paying = asyncio.create_task(pay(edge, party))
    told = asyncio.create_task(edge.call("POST", "/banks/scripted/notifications", data=b"{}"))
    await _running(edge, 4)
    assert (await pay(edge, party, key="one too many")).code == "overloaded"
    assert (await edge.call("GET", "/livez")).status == 200
    await standstill.end()
    assert (await paying).status == 201
    assert (await told).status in {200, 403}
    assert [await each for each in reads] == [(200, "")] * 2
    assert await _read(edge, party) == (200, "")
    counted = edge.services.health.metrics().decode()
    assert 'gateway_shed_total{priority="reads"} 1.0' in counted
    assert 'gateway_shed_total{priority="money"} 1.0' in counted
    assert "gateway_load 0" in counted


async def test_who_waits_for_a_bank_takes_nobody_s_place(edge: Edge) -> None:
    """Three times as many payments as the process serves wait for a bank that hangs; reads and payments go on."""
    party = await edge.party()
    await edge.add_bank()
    edge.bank.then(["hang"] * 3 * RUNNING_MAX)
    waiting = [asyncio.create_task(pay(edge, party, key=f"key-{n}")) for n in range(3)]
    for number in range(3, 3 * RUNNING_MAX):
        async with asyncio.timeout(5):
            while edge.services.payments.waiting < number:  # noqa: ASYNC110 - the runner tells nobody
                await asyncio.sleep(0.005)
        waiting.append(asyncio.create_task(pay(edge, party, key=f"key-{number}")))
    assert await _read(edge, party) == (200, "")
    edge.bank.gate.set()
    assert {(await each).status for each in waiting} == {201}


async def test_slow_bodies_hold_nothing(edge: Edge) -> None:
    """Callers who send half a body and stop are no load, whoever they say they are."""
    party = await edge.party()
    host, port = edge.url.removeprefix("http://").split(":")
    head = b"POST /banks/x/notifications HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\nhalf"
    writers = []
    for _ in range(3 * RUNNING_MAX):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(head)
        writers.append(writer)
    assert await _read(edge, party) == (200, "")
    assert edge.services.load.level() < 0.01  # the few bytes that came
    for writer in writers:
        writer.close()


async def test_a_request_is_not_kept_waiting_for_a_database(edge: Edge) -> None:
    """503 when its caller's time, or ours, is up; what was not begun by then was not done."""
    party = await edge.party()
    await edge.add_bank()
    standstill = Standstill(edge)
    await standstill.begin()
    answer = await pay(edge, party, headers={"Request-Timeout": "0.2"})
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert (await _read(edge, party))[0] == 503
    await standstill.end()
    assert (await edge.call("GET", "/v1/payments", token=party.token)).json["data"] == []
    assert (await pay(edge, party)).status == 201


async def test_a_caller_s_time_bounds_the_wait_for_a_bank(edge: Edge) -> None:
    """With a Request-Timeout shorter than the bank takes, the answer is 202 within it."""
    party = await edge.party()
    await edge.add_bank()
    edge.bank.then(["hang"])
    async with asyncio.timeout(3):
        answer = await pay(edge, party, headers={"Request-Timeout": "0.5"})
    assert answer.status == 202
    edge.bank.gate.set()


async def test_a_time_that_is_none_is_refused(edge: Edge) -> None:
    """Request-Timeout is a number of seconds."""
    for sent in ("0", "-1", "soon", "1e3", "99999"):
        answer = await edge.call("GET", "/livez", headers={"Request-Timeout": sent})
        assert (answer.status, answer.pointers()) == (422, {"/headers/Request-Timeout"}), sent
