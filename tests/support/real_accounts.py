"""The accounts room with the real engine at a simulated bank of a standard, and a holder with a browser."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

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
from adapters.declaration import Deadlines, OperationKind
from adapters.engine import Engine, EngineSettings
from adapters.engine.engine import EngineMetrics
from adapters.open_banking_uk.simulator.server import Character
from adapters.open_banking_uk.simulator.server import start_simulator as start_open_banking_uk
from adapters.registry import discover, discover_readers
from adapters.simulation.simulator import Pace, Simulator, SimulatorOptions
from kernel.masked import Masked, Secret
from kernel.sealing import Vault
from payments.banks import BankRegistry, seal_settings
from tests.support.browser import brought, decide
from tests.support.clock import FakeClock
from tests.support.payments_world import World, make_world

Start = Callable[..., Awaitable[Simulator]]
PRESENT = Payer(ip_address=Masked("203.0.113.7"), user_agent=Masked("Mozilla/5.0"))
BANKS: dict[str, tuple[str, Start]] = {
    "berlin group": ("berlin_group", start_berlin_group),
    "berlin group, started": (
        "berlin_group",
        lambda options=None: start_berlin_group(options, Habits(consents_need_start=True)),
    ),
    "open banking uk 4.0": (
        "open_banking_uk",
        lambda options=None: start_open_banking_uk(options, Character(version="4.0")),
    ),
    "open banking uk 3.1.11": (
        "open_banking_uk",
        lambda options=None: start_open_banking_uk(options, Character(version="3.1.11")),
    ),
}
FOUND, READERS = discover(), discover_readers()
each_bank = pytest.mark.parametrize(("protocol", "start"), BANKS.values(), ids=BANKS)


@dataclass(slots=True, kw_only=True)
class Real:
    """The room with the real engine at a real simulator, and a holder's browser."""

    protocol: str
    world: World
    simulator: Simulator
    tools: Tools
    accounts: Accounts
    sweeper: ConsentSweeper
    browser: aiohttp.ClientSession
    pool: "asyncpg.Pool[asyncpg.Record]"

    @property
    def caller(self) -> Requester:
        return Requester(tenant=self.world.tenant, client_id=self.world.client_id, request_id="request-1")

    @property
    def reads(self) -> frozenset[str]:
        """The calls that the bank's protocol makes."""
        return FOUND.declarations[self.protocol].reads

    @property
    def exchanges(self) -> bool:
        """Whether its holders bring a code, which is good once."""
        return FOUND.declarations[self.protocol].after_return is OperationKind.AUTHORISE

    async def forget_faults(self) -> None:
        """Let the bank be honest from now on."""
        async with self.browser.delete(f"{self.simulator.settings.base_url}/_faults") as answer:
            assert answer.status == 204

    async def told(self, consent_id: UUID) -> list[str]:
        """The types of the events about a consent."""
        rows = await self.pool.fetch("SELECT type FROM events WHERE ordering_key = $1", consent_id)
        return [row["type"] for row in rows]

    async def ask(self, payer: Payer = PRESENT) -> Any:
        """A wish for a consent."""
        request = ConsentRequest(
            merchant_id=self.world.merchant_id,
            bank_id="real",
            valid_until=self.world.clock.now() + timedelta(days=80),
            return_url=Masked("https://shop.example.com/linked"),
            payer=payer,
        )
        return (await self.accounts.ask_consent(self.caller, request, RequestKey(secrets.token_hex(8)))).consent

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How the bank and the room behave; the defaults are production's."""

    pace: Pace = field(default_factory=Pace)
    deadlines: Deadlines | None = None
    engine: EngineSettings = field(default_factory=EngineSettings)
    policy: AccountsPolicy = field(default_factory=AccountsPolicy)


@asynccontextmanager
async def opened(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, bank: Any, terms: Terms | None = None
) -> AsyncIterator[Real]:
    """Everything built as the composition root does."""
    protocol, start = bank
    terms = terms or Terms()
    simulator = await start(SimulatorOptions(pace=terms.pace))
    world = await make_world(database, vault, clock)
    await _add_bank(database, vault, protocol, simulator.settings)
    declared = FOUND.declarations
    if terms.deadlines is not None:
        declared = {name: replace(each, deadlines=terms.deadlines) for name, each in declared.items()}
    engine = Engine(declared, clock, EngineMetrics.on(CollectorRegistry()), terms.engine)
    tools = Tools(
        pool=database,
        vault=vault,
        banks=BankRegistry(database, vault, FOUND.adapters, clock),
        readers=READERS,
        engine=engine,
        events=world.tools.events,
        enqueuer=world.tools.enqueuer,
        clock=clock,
        policy=terms.policy,
        callback_base="https://gateway.example.com",
    )
    try:
        async with aiohttp.ClientSession() as browser:
            yield Real(
                protocol=protocol,
                world=world,
                simulator=simulator,
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
