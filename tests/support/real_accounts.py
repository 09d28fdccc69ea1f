"""The accounts room with the real engine at a simulated bank of a standard, and a holder with a browser."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from accounts.calls.returning import Return
from accounts.calls.sweeper import ConsentSweeper
from accounts.consents.states import ConsentState
from accounts.model import ConsentRequest, Requester, RequestKey
from accounts.policy import AccountsPolicy
from accounts.service import Accounts
from accounts.tools import Tools
from adapters.berlin_group.simulator.habits import Habits
from adapters.berlin_group.simulator.server import start_simulator as start_berlin_group
from adapters.contract import BankSettings, Payer
from adapters.engine import Engine
from adapters.engine.engine import EngineMetrics
from adapters.open_banking_uk.simulator.server import Character
from adapters.open_banking_uk.simulator.server import start_simulator as start_open_banking_uk
from adapters.registry import discover, discover_readers
from adapters.simulation.simulator import Simulator, SimulatorOptions
from kernel.masked import Masked, Secret
from kernel.sealing import Vault
from payments.banks import BankRegistry, seal_settings
from tests.support.browser import brought, decide
from tests.support.clock import FakeClock
from tests.support.payments_world import World, make_world

Start = Callable[[], Awaitable[Simulator]]
PRESENT = Payer(ip_address=Masked("203.0.113.7"), user_agent=Masked("Mozilla/5.0"))
BANKS: dict[str, tuple[str, Start]] = {
    "berlin group": ("berlin_group", start_berlin_group),
    "berlin group, started": (
        "berlin_group",
        lambda: start_berlin_group(habits=Habits(consents_need_start=True)),
    ),
    "open banking uk 4.0": (
        "open_banking_uk",
        lambda: start_open_banking_uk(SimulatorOptions(), Character(version="4.0")),
    ),
    "open banking uk 3.1.11": (
        "open_banking_uk",
        lambda: start_open_banking_uk(SimulatorOptions(), Character(version="3.1.11")),
    ),
}
FOUND, READERS = discover(), discover_readers()
each_bank = pytest.mark.parametrize(("protocol", "start"), BANKS.values(), ids=BANKS)


@dataclass(slots=True, kw_only=True)
class Real:
    """The room with the real engine at a real simulator, and a holder's browser."""

    world: World
    tools: Tools
    accounts: Accounts
    sweeper: ConsentSweeper
    browser: aiohttp.ClientSession
    pool: "asyncpg.Pool[asyncpg.Record]"

    @property
    def caller(self) -> Requester:
        return Requester(tenant=self.world.tenant, client_id=self.world.client_id, request_id="request-1")

    async def ask(self, payer: Payer = PRESENT) -> Any:
        """A wish for a consent."""
        request = ConsentRequest(
            merchant_id=self.world.merchant_id,
            bank_id="real",
            valid_until=self.world.clock.now() + timedelta(days=80),
            return_url=Masked("https://shop.example.com/linked"),
            payer=payer,
        )
        return (await self.accounts.ask_consent(self.caller, request, RequestKey("k"))).consent

    async def decided(self, consent: Any, decision: str) -> Any:
        """What the holder is told after they decided at the bank's page and their browser came back."""
        url = await decide(self.browser, consent.authorisation["url"], decision)
        assert url.startswith("https://gateway.example.com/banks/real/callback?")
        back = brought(url)
        code = back.get("code")
        refused = back.get("error") == "access_denied" or back.get("refused") == "1"
        given = Return(state=Secret(back["state"]), code=None if code is None else Secret(code), refused=refused)
        return await self.accounts.returned("real", given)

    async def settled(self, consent_id: Any) -> ConsentState:
        """How the consent stands after the sweeper has looked a few times."""
        for _ in range(4):
            self.world.clock.advance(3)
            await self.sweeper.run_once()
            await self.sweeper.settle()
        return (await self.accounts.consent(self.world.tenant, consent_id)).status


@asynccontextmanager
async def opened(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, bank: Any
) -> AsyncIterator[Real]:
    """Everything built as the composition root does."""
    protocol, start = bank
    simulator = await start()
    world = await make_world(database, vault, clock)
    await _add_bank(database, vault, protocol, simulator.settings)
    engine = Engine(FOUND.declarations, clock, EngineMetrics.on(CollectorRegistry()))
    tools = Tools(
        pool=database,
        vault=vault,
        banks=BankRegistry(database, vault, FOUND.adapters, clock),
        readers=READERS,
        engine=engine,
        events=world.tools.events,
        enqueuer=world.tools.enqueuer,
        clock=clock,
        policy=AccountsPolicy(),
        callback_base="https://gateway.example.com",
    )
    try:
        async with aiohttp.ClientSession() as browser:
            yield Real(
                world=world,
                tools=tools,
                accounts=Accounts(tools),
                sweeper=ConsentSweeper(tools),
                browser=browser,
                pool=database,
            )
    finally:
        await engine.close()
        await simulator.close()


async def _add_bank(pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault, protocol: str, settings: BankSettings) -> None:
    await pool.execute(
        "INSERT INTO banks (id, adapter, environment, name, sealed_settings) VALUES ('real', $1, 'test', 'Real', $2)",
        protocol,
        await seal_settings(vault, "real", settings),
    )
