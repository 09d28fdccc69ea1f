"""Consents and reads through the engine at the simulated banks of the standards, from the wish to the end."""

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
from accounts.model import ConsentRequest, Reception, Requester, RequestKey
from accounts.policy import AccountsPolicy
from accounts.reading.book import AccountFilter
from accounts.reading.reader import Freshness, Wanted
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
from kernel.errors import Conflict, Invalid
from kernel.ids import Environment, Kind, from_text
from kernel.masked import Masked, Secret
from kernel.sealing import Vault
from payments.banks import BankRegistry, seal_settings
from tests.support.browser import APPROVE, REFUSE, brought, decide
from tests.support.clock import FakeClock
from tests.support.payments_world import World, make_world

Pool = "asyncpg.Pool[asyncpg.Record]"
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
                world=world, accounts=Accounts(tools), sweeper=ConsentSweeper(tools), browser=browser, pool=database
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


@each_bank
async def test_a_holder_links_an_account_and_it_is_read(
    database: Pool, vault: Vault, clock: FakeClock, protocol: str, start: Start
) -> None:
    """Consent, page, return, accounts, balances, every page of transactions once, and the end."""
    async with opened(database, vault, clock, (protocol, start)) as real:
        tenant, consent = real.world.tenant, await real.ask()
        assert consent.status is ConsentState.AWAITING_AUTHORISATION
        returned = await real.decided(consent, APPROVE)
        assert (returned.reception, returned.consent.status) == (Reception.TAKEN, ConsentState.AUTHORISED)
        listed = await real.accounts.accounts(tenant, AccountFilter(limit=9, consent_id=consent.id), PRESENT)
        assert listed.data
        account_id = from_text(Kind.ACCOUNT, listed.data[0]["id"], Environment.TEST)
        balances = await real.accounts.balances(tenant, account_id, Freshness(max_age=60), PRESENT)
        assert balances["data"]
        assert (await real.accounts.balances(tenant, account_id, Freshness(max_age=60), None))["from_cache"] is True
        entries = await _all_entries(real, account_id)
        known = [each["id"] for each in entries if each["id"] is not None]
        assert len(known) > 5
        assert len(known) == len(set(known))
        await real.accounts.end_consent(real.caller, consent.id)
        with pytest.raises(Conflict):
            await real.accounts.balances(tenant, account_id, Freshness(max_age=60), PRESENT)
        row = await database.fetchrow("SELECT must_end, status::text FROM account_consents WHERE id = $1", consent.id)
        assert tuple(row or ()) == (False, "revoked")


async def _all_entries(real: Real, account_id: Any) -> list[dict[str, Any]]:
    entries, cursor = [], None
    while True:
        page = await real.accounts.transactions(real.world.tenant, account_id, Wanted(cursor=cursor), PRESENT)
        entries += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            return entries


@each_bank
async def test_a_holder_who_refuses_links_nothing(
    database: Pool, vault: Vault, clock: FakeClock, protocol: str, start: Start
) -> None:
    """The refusal comes back with the browser, and merchants hear of it."""
    async with opened(database, vault, clock, (protocol, start)) as real:
        consent = await real.ask()
        returned = await real.decided(consent, REFUSE)
        assert returned.consent.status is ConsentState.REJECTED
        assert await real.settled(consent.id) is ConsentState.REJECTED


@each_bank
async def test_the_banks_day_is_kept(
    database: Pool, vault: Vault, clock: FakeClock, protocol: str, start: Start
) -> None:
    """Reads without the holder stay within what the protocol declares."""
    async with opened(database, vault, clock, (protocol, start)) as real:
        limit = FOUND.declarations[protocol].unattended_reads_a_day
        consent = await real.ask()
        await real.decided(consent, APPROVE)
        listed = await real.accounts.accounts(real.world.tenant, AccountFilter(limit=9, consent_id=consent.id), None)
        account_id = from_text(Kind.ACCOUNT, listed.data[0]["id"], Environment.TEST)
        for _ in range(limit or 5):
            await real.accounts.balances(real.world.tenant, account_id, Freshness(max_age=0), None)
        if limit is not None:
            kept = await real.accounts.balances(real.world.tenant, account_id, Freshness(max_age=0, max_stale=60), None)
            assert kept["from_cache"] is True


async def test_a_consent_that_lacks_what_its_bank_needs_is_refused_at_once(
    database: Pool, vault: Vault, clock: FakeClock
) -> None:
    """A bank that wants the holder's address is not asked without it, nor with one that it would not take."""
    async with opened(database, vault, clock, BANKS["berlin group"]) as real:
        for payer, code in ((Payer(), "required"), (Payer(ip_address=Masked("2001:db8::7")), "charset")):
            with pytest.raises(Invalid) as refused:
                await real.ask(payer)
            assert [(each.pointer, each.code) for each in refused.value.errors] == [("/payer/ip_address", code)]
        assert await database.fetchval("SELECT count(*) FROM account_consents") == 0
