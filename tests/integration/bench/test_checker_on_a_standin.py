"""Generator, receivers and checker together, on a system that is honest or cheats in exactly one way."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web

from bench.checker.check import chains_promised, check
from bench.checker.finding import Finding
from bench.checker.history import History
from bench.lines import Lines
from bench.load.api import Api
from bench.load.collect import collect
from bench.load.generator import Generator
from bench.load.plan import Pace, plan
from bench.load.register import register, told_to_receivers
from bench.load.scene import Lane
from bench.receivers.server import Receivers, listen, serve
from bench.target import Target
from tests.support.standin import StandIn

PLAIN = (
    Lane(name="fast", behaviour="fast", weight=3, pays=True),
    Lane(name="ordered", behaviour="failing-first", weight=3, ordered=True, pays=True),
)
LIMITED = Lane(name="limited", behaviour="limited", weight=2)
DIFFICULT = (
    LIMITED,
    Lane(name="dripping", behaviour="dripping", weight=1),
    Lane(name="huge", behaviour="huge", weight=1),
    Lane(name="resetting", behaviour="resetting", weight=2),
    Lane(name="slow", behaviour="slow", weight=1),
)
PACE = Pace(seed=7, seconds=1.0, events_per_second=80, payments_per_second=8, batch_share=0.1, chains=2)


@dataclass(frozen=True, slots=True)
class Where:
    """A run file that never changes."""

    content: dict[str, Any]

    def read(self) -> dict[str, Any]:
        return self.content


@asynccontextmanager
async def served(standin: StandIn) -> AsyncIterator[str]:
    runner = web.AppRunner(standin.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listener).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    await standin.close()
    await runner.cleanup()


@asynccontextmanager
async def receiving(target: Target, folder: Path) -> AsyncIterator[str]:
    stop, listener = asyncio.Event(), listen()
    with closing(Lines(folder / "posts.jsonl")) as log:
        serving = asyncio.create_task(serve(Receivers(target.arrives, log), listener, stop))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        stop.set()
        await serving


async def run(standin: StandIn, folder: Path, lanes: tuple[Lane, ...] = PLAIN) -> list[Finding]:
    target = Target.load()
    async with (
        served(standin) as url,
        receiving(target, folder) as receivers,
        aiohttp.ClientSession() as session,
    ):
        where = Where({"gateway": url, "admin": url, "bank_url": url})
        bank = {"bank_proxy_url": url, "bank_token": "t", "bank_notification_secret": "s"}
        api = Api(target, where, session)
        scene = await register(api, target, lanes, {"run": "1", "admin_token": "t", **bank}, receivers)
        scene.write(folder / "scene.json")
        async with session.put(f"{receivers}/lanes", data=orjson.dumps(told_to_receivers(scene))):
            pass
        with closing(Lines(folder / "requests.jsonl")) as log:
            await Generator(target, api, log).run(plan(PACE, scene.lanes, [(1250, 1)]), asyncio.Event())
        async with asyncio.timeout(30):
            await standin.settle()
        return await judge(api, target, standin, folder)


async def judge(api: Api, target: Target, standin: StandIn, folder: Path) -> list[Finding]:
    promised = chains_promised(target)
    payments = History.read(folder, chains_promised=promised).payments
    final = await collect(api, target, {ask.key: min(ask.ids) for ask in payments})
    (folder / "final.json").write_bytes(orjson.dumps(final | {"references": standin.orders}))
    return check(History.read(folder, chains_promised=promised), target)


def wrong(findings: list[Finding]) -> set[str]:
    return {finding.name for finding in findings if not finding.held}


async def test_an_honest_system_passes(tmp_path: Path) -> None:
    """Nothing is reported of a system that keeps its promises, and everything was counted."""
    found = await run(StandIn(), tmp_path, PLAIN + DIFFICULT)
    counts = {finding.name: finding.count for finding in found}
    assert wrong(found) == set()
    assert counts["events acknowledged"] > 50
    assert counts["payments acknowledged"] > 3
    assert counts["payments executed by the bank"] == counts["payments acknowledged"]
    assert counts["duplicates (a POST after a 2xx)"] == 0
    assert counts["webhooks received"] > counts["deliveries taken"]


@pytest.mark.parametrize(
    ("sabotage", "reported"),
    [
        ("drop", {"events lost"}),
        ("two_ids", {"two ids for one key"}),
        ("early", {"earlier than Retry-After"}),
        ("disorder", {"out of order where order was promised"}),
        ("duplicate", {"duplicates of what no fault had in flight"}),
        ("forged", {"bad signatures"}),
        ("astray", {"webhooks at another merchant's endpoint"}),
        ("skipped_number", {"numbers that never came"}),
        ("shared_number", {"one number for two events of an endpoint", "numbers that never came"}),
        ("untold", {"events acknowledged that the feed does not tell"}),
        ("paid_twice", {"payments paid twice"}),
        ("rejected", {"said rejected but paid"}),
        ("unpaid", {"said paid but not in the books"}),
        ("stuck", {"still unknown after the recovery window"}),
    ],
)
async def test_each_sabotage_is_reported(sabotage: str, reported: set[str], tmp_path: Path) -> None:
    """A system that cheats once is caught, and for what it did."""
    lanes = (*PLAIN, LIMITED) if sabotage == "early" else PLAIN
    assert wrong(await run(StandIn(sabotage), tmp_path, lanes)) == reported
