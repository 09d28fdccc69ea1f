"""What `up`, `servers` and `demo` do."""

import asyncio
import contextlib
import json
import signal
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from adapters.sandbox.simulator.amounts import FAULT_OF_AMOUNT
from threadneedle.demo.journey import play
from threadneedle.demo.merchant import Merchant
from threadneedle.demo.partner import Api
from threadneedle.demo.payer import Payer
from threadneedle.demo.proof import Proof
from threadneedle.demo.scene import Scene
from threadneedle.local.runfile import RunFile, sole_run
from threadneedle.local.stack import local_stack
from threadneedle.local.stores import EmbeddedStores, choose_stores

_HONEST_AMOUNT = 12_50
_SERVERS_FILE_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class UpOptions:
    """How to run everything on this machine."""

    state: Path
    embedded: bool
    demo: bool
    once: bool


async def up(options: UpOptions, console: Console) -> bool:
    """Run everything until Ctrl-C, or until the journey ended with `once`. Gives whether the journey held.

    Raises AlreadyRunning where another process does so in this state folder.
    """
    _own(options.state)
    with sole_run(options.state):
        return await _up(options, console)


async def _up(options: UpOptions, console: Console) -> bool:
    stopped = _stop_signal()
    console.print("Starting the stores, the roles and three simulated banks …", highlight=False)
    stores = choose_stores(options.state, embedded=options.embedded)
    async with local_stack(stores, options.state, console.print) as running:
        _show(running, options.state, console)
        held = await _journey(running, console, stopped) if options.demo else True
        if not options.once and not stopped.is_set():
            console.print("\nEverything stays up until Ctrl-C.")
            await stopped.wait()
        console.print("Stopping: what is under way is finished first …")
    return held


async def servers(state: Path, console: Console) -> None:
    """Run the embedded stores alone, restarting what dies, until Ctrl-C; `<state>/servers.json` says where they are."""
    stopped = _stop_signal()
    _own(state)
    stores = EmbeddedStores(state)
    urls = await stores.start()
    keeper = asyncio.create_task(stores.keep())
    console.print_json(json.dumps(urls))
    try:
        while not stopped.is_set():
            with contextlib.suppress(OSError):  # a full disk: the file says what it said before
                _write_servers(state, urls, stores)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), _SERVERS_FILE_SECONDS)
    finally:
        keeper.cancel()
        await stores.stop()


async def demo(state: Path, console: Console) -> bool:
    """Play the journey against what `up` started. Raises FileNotFoundError where nothing was started."""
    return await _journey(RunFile.read(state), console, _stop_signal())


async def _journey(running: RunFile, console: Console, stopped: asyncio.Event) -> bool:
    """The journey, broken off by Ctrl-C."""
    playing = asyncio.create_task(_play(running, console))
    stopping = asyncio.create_task(stopped.wait())
    await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not playing.done():
        playing.cancel()
        return False
    return playing.result()


async def _play(running: RunFile, console: Console) -> bool:
    proof = Proof(console)
    amounts = {"ok": _HONEST_AMOUNT, **{fault.value: amount for amount, fault in FAULT_OF_AMOUNT.items()}}
    async with (
        Api(running.admin, running.admin_token) as admin,
        Api(running.gateway) as partner,
        Api(running.simulator) as simulator,
        Api(running.uk_bank) as uk_bank,
        Merchant() as merchant,
    ):
        scene = Scene(
            admin=admin,
            partner=partner,
            simulator=simulator,
            payer=Payer(bank=uk_bank),
            merchant=merchant,
            proof=proof,
            amounts=amounts,
        )
        held = await play(scene)
    console.print()
    console.print(proof.table())
    return held


def _show(running: RunFile, state: Path, console: Console) -> None:
    """A whole line each, in whatever window: addresses and paths are there to be copied."""
    lines = [
        f"  API        {running.gateway}      (to read: /docs, for programs: /openapi.json)",
        f"  admin API  {running.admin}      (the same, and the gateway's /metrics)",
        *(f"  {role:10} {url}      (metrics: /metrics)" for role, url in running.watch.items()),
        f"  bank       {running.simulator}      (sandbox; its books: /_books)",
        f"  bank       {running.uk_bank}      (open-banking-uk; payers approve there)",
        f"  bank       {running.eu_bank}      (berlin-group; payers approve there)",
        f"  logs       {state / 'log'}",
    ]
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def _write_servers(state: Path, urls: dict[str, str], stores: EmbeddedStores) -> None:
    """Process ids change when a server is restarted, so the file is kept up to date."""
    pids = {name: numbers[0] for name, numbers in stores.pids().items()}
    content = {"database_url": urls["DATABASE_URL"], "redis_url": urls["REDIS_URL"], "pids": pids}
    temporary = state / "servers.json.new"
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps(content), encoding="utf-8")
    temporary.replace(state / "servers.json")


def _own(state: Path) -> None:
    state.mkdir(parents=True, exist_ok=True)


def _stop_signal() -> asyncio.Event:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped
