"""The real payments room before any adapter's simulated bank: some processes that die and are born again, one database.

Everything runs in a loop whose time leaps (tests/support/leaping.py) with the declared deadlines and delays.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import aiohttp
import asyncpg
from aiohttp import web
from prometheus_client import CollectorRegistry

from adapters.contract import Adapter, Instruction, Receipt
from adapters.simulation.simulator import Pace, Simulator, SimulatorOptions
from kernel.errors import ThreadneedleError
from kernel.sealing import Vault
from payments.banks import BankRegistry, seal_settings
from payments.inbox import Inbox, InboxWorker
from payments.inbox.metrics import notification_counter
from payments.policy import PaymentsPolicy
from payments.recovery.sweeper import Sweeper
from payments.service import Payments
from tests.contracts.adapters.kit.harness import ADAPTERS, NO_BREAKER, protocol_of, start_bank
from tests.support import banks
from tests.support.keys import StaticKeys
from tests.support.leaping import LeapingClock, LeapingLoop, MachineClock, ServedPool
from tests.support.mortal import Life, MortalCalls, MortalPool
from tests.support.payments_world import World, make_world
from tests.support.scripted_bank import Crash

PROCESSES = 3
BANK = "bank"
CONNECTIONS = 8
# A hidden payment outlasts deadlines and the first enquiries, and no bank's time of proof.
PACE = Pace(
    settle_seconds=4, complete_seconds=4, pending_seconds=4, late_seconds=2, hidden_seconds=40, abandon_seconds=900
)
POLICY = PaymentsPolicy(authorisation_seconds=600)
# A process comes to its end after so many commits and calls.
_LIVES = (20, 250)
_DIED = (Crash, asyncio.CancelledError)


class InMachineTime:
    """An adapter, of which what is signed and checked between us and its bank carries the machine's time."""

    def __init__(self, inner: Adapter) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def authorisation_url(self, instruction: Instruction, now: datetime) -> str:
        """Where the payer goes."""
        del now
        return self._inner.authorisation_url(instruction, banks.now())

    def verify_notification(self, raw: bytes, headers: Any, settings: Any, now: datetime) -> Receipt:
        """Whether the bank sent it."""
        del now
        return self._inner.verify_notification(raw, headers, settings, banks.now())


@dataclass(slots=True, kw_only=True)
class Room:
    """Processes before one bank. What dies is followed by another process; nothing is in its memory."""

    row: str
    base: World
    engine: Any
    dice: random.Random
    simulator: Simulator
    browser: aiohttp.ClientSession
    mortal: bool
    deaths: int = 0
    processes: list[World] = field(default_factory=list)
    _lives: list[Life] = field(default_factory=list)

    def populate(self) -> None:
        """Let the processes be born."""
        self._lives = [self._new_life() for _ in range(PROCESSES)]
        self.processes = [self._born(life) for life in self._lives]

    @property
    def anyone(self) -> World:
        """One of the processes."""
        return self.dice.choice(self.processes)

    async def look_after(self, number: int) -> None:
        """What a process does by itself: sweep, and apply what is in the inbox; until this task is cancelled."""
        while True:
            process = self.processes[number]
            try:
                await process.sweeper.run_once()
                await process.inbox_worker.run_once()
            except Crash:
                pass
            if self._lives[number].dead:
                await self._bury(number)
            await asyncio.sleep(self.dice.uniform(1, 3))

    async def take_notification(self, request: web.Request) -> web.Response:
        """The bank's way in: 2xx means that it is kept."""
        try:
            await self.anyone.inbox.accept(BANK, await request.read(), request.headers)
        except ThreadneedleError:
            return web.Response(status=403)
        except _DIED:
            return web.Response(status=502)
        return web.Response(status=202)

    def doomed(self, points: int) -> "Doomed":
        """This room as somebody finds it whom one more process serves, until its n-th commit or call."""
        life = Life(points=points)
        return Doomed(self, self._born(life), life)

    async def stop(self) -> None:
        """End all processes where they stand."""
        for number in range(len(self.processes)):
            await self._kill(number)

    async def _bury(self, number: int) -> None:
        self.deaths += 1
        await self._kill(number)
        self._lives[number] = self._new_life()
        self.processes[number] = self._born(self._lives[number])

    async def _kill(self, number: int) -> None:
        old = self.processes[number]
        tasks = [*old.payments._runner._tasks.values(), *old.sweeper._runner._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _new_life(self) -> Life:
        return Life(points=self.dice.randint(*_LIVES) if self.mortal else None)

    def _born(self, life: Life) -> World:
        pool: Any = MortalPool(self.base.tools.pool, life)
        engine = MortalCalls(self.engine, life)
        tools = replace(self.base.tools, pool=pool, engine=engine)
        parts = {"payments": Payments(tools), "sweeper": Sweeper(tools)}
        counted = notification_counter(CollectorRegistry())
        inbox, worker = Inbox(tools, counted), InboxWorker(tools, self.base.hints, counted)
        return replace(self.base, tools=tools, **parts, inbox=inbox, inbox_worker=worker)


class Doomed:
    """A room where one process serves until it dies, and the others after that."""

    def __init__(self, room: Room, process: World, life: Life) -> None:
        self._room = room
        self._process = process
        self._life = life

    def __getattr__(self, name: str) -> Any:
        return getattr(self._room, name)

    @property
    def is_dead(self) -> bool:
        """Whether it came to its point."""
        return self._life.dead

    @property
    def anyone(self) -> World:
        """Who serves now."""
        return self._room.anyone if self._life.dead else self._process


@asynccontextmanager
async def open_room(row: str, database_url: str, dice: random.Random, *, mortal: bool = True) -> AsyncIterator[Room]:
    """The room with this row's bank, in the running LeapingLoop; its processes die where they are mortal."""
    loop: Any = asyncio.get_running_loop()
    # Each task that dies is nobody's to wait for.
    loop.set_exception_handler(lambda _loop, _context: None)
    protocol, adapter = protocol_of(row), ADAPTERS[row]
    async with AsyncExitStack() as stack:
        pool, keys = [await stack.enter_async_context(_pool(database_url, size, loop)) for size in (CONNECTIONS, 2)]
        clock: Any = LeapingClock(loop)
        vault = Vault(keys, StaticKeys(), clock)
        base = await make_world(pool, vault, clock, policy=POLICY)
        engine = banks.engine({protocol: adapter.declaration}, NO_BREAKER, MachineClock(loop))
        stack.push_async_callback(engine.close)
        registry: Any = BankRegistry(pool, vault, {protocol: InMachineTime(adapter)}, clock)
        tools = replace(base.tools, banks=registry)
        base = replace(base, tools=tools, payments=Payments(tools))
        browser = await stack.enter_async_context(aiohttp.ClientSession())
        door = _Door()
        url = await stack.enter_async_context(door.opened())
        simulator = await start_bank(row, SimulatorOptions(pace=PACE, callback_url=url))
        stack.push_async_callback(simulator.close)
        await _configure(pool, vault, protocol, simulator)
        room = Room(row=row, base=base, engine=engine, dice=dice, simulator=simulator, browser=browser, mortal=mortal)
        room.populate()
        door.room = room
        stack.push_async_callback(room.stop)
        yield room


class _Door:
    """Where the bank's notifications come to, from before there is anybody in the room."""

    room: Room

    async def _take(self, request: web.Request) -> web.Response:
        return await self.room.take_notification(request)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post("/notifications", self._take)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/notifications"
        finally:
            await runner.cleanup()


@asynccontextmanager
async def _pool(database_url: str, size: int, loop: LeapingLoop) -> AsyncIterator[Any]:
    opening = asyncpg.create_pool(database_url, min_size=size, max_size=size, max_inactive_connection_lifetime=0)
    pool = await loop.served(opening)
    try:
        yield ServedPool(pool, loop)
    finally:
        await loop.served(pool.close())


async def _configure(pool: Any, vault: Vault, protocol: str, simulator: Simulator) -> None:
    """This bank alone."""
    await pool.execute("DELETE FROM banks")
    await pool.execute(
        "INSERT INTO banks (id, adapter, environment, name, sealed_settings)"
        " VALUES ($1, $2, 'test', 'Example Bank', $3)",
        BANK,
        protocol,
        await seal_settings(vault, BANK, simulator.settings),
    )
