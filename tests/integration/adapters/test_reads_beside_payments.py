"""Reads of accounts keep no payment waiting: the third sentence, with a figure, at the same bank and at another one."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web

from adapters.contract import Answered, Bank
from adapters.declaration import Deadlines
from adapters.engine import Engine
from adapters.wire import WireRequest
from tests.support.banks import bank, engine, plain
from tests.support.edge import listening

PAY = WireRequest(method="POST", path="/payments", body=b"{}")
READ = WireRequest(method="GET", path="/accounts")
HANGING_READS = 300
SHORT_PAYMENTS, LONG_PAYMENTS, LONG_PAIRS = 60, 300, 5
Record = Callable[[str, object], None]


@asynccontextmanager
async def _bank() -> AsyncIterator[Bank]:
    """A bank that takes payments at once, and whose accounts hang."""
    closing = asyncio.Event()

    async def paid(_: web.Request) -> web.Response:
        return web.json_response({})

    async def hang(_: web.Request) -> web.Response:
        await closing.wait()
        return web.json_response({})

    app = web.Application()
    app.add_routes([web.post("/payments", paid), web.get("/accounts", hang)])
    async with listening(app) as url:
        yield bank(url)
        closing.set()


async def _paid(banks: Engine, at: Bank, payments: int) -> list[float]:
    """How long each of so many payments took, one after the other, in milliseconds."""
    took = []
    for _ in range(payments):
        began = time.perf_counter()
        assert isinstance(await banks.perform(at, PAY), Answered)
        took.append((time.perf_counter() - began) * 1_000)
    return took


async def _beside(payments: int, *, same: bool) -> tuple[list[float], list[float]]:
    """Payments' milliseconds alone, and while reads flood a bank that hangs: the payments' own, or another one."""
    deadlines = Deadlines(connect_seconds=2, first_byte_seconds=600, total_seconds=600)
    banks = engine({"plain": plain(deadlines=deadlines)})
    async with _bank() as first, _bank() as second:
        flooded = (
            first
            if same
            else Bank(id="other", adapter="plain", environment=first.environment, settings=second.settings)
        )
        alone = await _paid(banks, first, payments)
        reads = [asyncio.create_task(banks.read(flooded, READ)) for _ in range(HANGING_READS)]
        await asyncio.sleep(0.2)
        crowded = await _paid(banks, first, payments)
        for each in reads:
            each.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*reads, return_exceptions=True)
    await banks.close()
    return alone, crowded


def _p99(milliseconds: list[float]) -> float:
    return statistics.quantiles(milliseconds, n=100)[98]


@pytest.mark.parametrize("same", [True, False], ids=["same bank", "another bank"])
async def test_hanging_reads_keep_no_payment_waiting(*, same: bool) -> None:
    """A payment never waits for a read's place: had it, it would take seconds."""
    alone, crowded = await _beside(SHORT_PAYMENTS, same=same)
    assert statistics.median(crowded) < 3 * statistics.median(alone) + 20


@pytest.mark.long
@pytest.mark.parametrize("same", [True, False], ids=["same bank", "another bank"])
async def test_payments_beside_hanging_reads_take_as_long_as_alone(record_property: Record, *, same: bool) -> None:
    """The figure: the median and the 99th percentile beside 300 reads that hang, against alone.

    Of pairs the middle one: what else the machine does for a moment strikes one of them.
    """
    pairs = [await _beside(LONG_PAYMENTS, same=same) for _ in range(LONG_PAIRS)]
    p50 = statistics.median(statistics.median(crowded) / statistics.median(alone) for alone, crowded in pairs)
    p99 = statistics.median(_p99(crowded) / _p99(alone) for alone, crowded in pairs)
    record_property("payments' median beside hanging reads, against alone", round(p50, 2))
    record_property("payments' p99 beside hanging reads, against alone", round(p99, 2))
    assert p50 < 1.5
