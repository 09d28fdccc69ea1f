"""A partner with a merchant, a client and a scripted bank, and the payments room on a real database."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast
from uuid import UUID

import asyncpg
from prometheus_client import CollectorRegistry

from adapters.contract import Account, BankSettings, Creditor
from adapters.declaration import Declaration
from kernel.ids import Environment, Tenant, new_id
from kernel.masked import AccountNumber, Masked, PersonName
from kernel.money import Money
from kernel.sealing import Vault
from payments.banks import BankRegistry, seal_settings
from payments.inbox import Inbox, InboxWorker
from payments.inbox.metrics import notification_counter
from payments.model import Created, PaymentRequest, Requester, RequestKey
from payments.policy import PaymentsPolicy
from payments.recovery.sweeper import Sweeper
from payments.service import Payments
from payments.tools import BankCalls, Connection, EventSink, Tools
from tests.support.clock import FakeClock
from tests.support.payer_bank import PayerAdapter
from tests.support.scripted_bank import DECLARATION, Crash, ScriptedAdapter, ScriptedBank
from webhooks.events.matching import Matcher
from webhooks.events.model import NewEvent, Written
from webhooks.events.writer import EventWriter
from webhooks.queue.port import Job

BANK_ID = "scripted"


async def until(condition: Callable[[], bool]) -> None:
    """Give the other tasks their turn until something holds; five seconds at most."""
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("what was waited for did not happen")


@dataclass(slots=True, kw_only=True)
class Offers:
    """An enqueuer that remembers; it can die instead, right after the commit."""

    jobs: list[Job] = field(default_factory=list)
    crashes: list[bool] = field(default_factory=list)

    async def offer(self, jobs: Sequence[Job]) -> None:
        if self.crashes and self.crashes.pop(0):
            raise Crash
        self.jobs.extend(jobs)


@dataclass(slots=True, kw_only=True)
class CrashingEvents:
    """The real event writer, which can die inside the transaction."""

    inner: EventSink
    crashes: list[bool] = field(default_factory=list)

    async def write(self, connection: Connection, events: Sequence[NewEvent]) -> list[Written]:
        written = await self.inner.write(connection, events)
        if self.crashes and self.crashes.pop(0):
            raise Crash
        return written


@dataclass(slots=True, kw_only=True)
class HeardHints:
    """Consents that remember what banks hinted at."""

    heard: list[tuple[str, str, bool]] = field(default_factory=list)

    async def heed(self, bank_id: str, bank_consent_id: str, *, ended: bool) -> bool:
        self.heard.append((bank_id, bank_consent_id, ended))
        return True


@dataclass(slots=True, kw_only=True)
class World:
    """Everything that a test of payments touches."""

    tools: Tools
    tenant: Tenant
    client_id: UUID
    merchant_id: UUID
    bank: ScriptedBank
    payments: Payments
    sweeper: Sweeper
    inbox: Inbox
    inbox_worker: InboxWorker
    hints: HeardHints

    @property
    def pool(self) -> "asyncpg.Pool[asyncpg.Record]":
        return self.tools.pool

    @property
    def clock(self) -> FakeClock:
        return cast("FakeClock", self.tools.clock)

    @property
    def offers(self) -> Offers:
        return cast("Offers", self.tools.enqueuer)

    @property
    def events(self) -> CrashingEvents:
        return cast("CrashingEvents", self.tools.events)

    @property
    def caller(self) -> Requester:
        return Requester(tenant=self.tenant, client_id=self.client_id)

    def request(self, **changes: Any) -> PaymentRequest:
        fields: dict[str, Any] = {
            "merchant_id": self.merchant_id,
            "bank_id": self.bank.id,
            "amount": Money("GBP", 1234),
            "creditor": Creditor(
                name=PersonName("Example Books Ltd"), account=Account(iban=AccountNumber("GB82WEST12345698765432"))
            ),
            "reference": Masked("Invoice 42"),
        }
        return PaymentRequest(**{**fields, **changes})

    async def pay(self, key: str = "key-1", wait_seconds: float = 5, **changes: Any) -> Created:
        return await self.payments.create(self.caller, self.request(**changes), RequestKey(key), wait_seconds)

    async def sweep(self, seconds: float = 0) -> int:
        """Let time pass, sweep once, and wait for what that began."""
        self.clock.advance(seconds)
        begun = await self.sweeper.run_once()
        await self.sweeper.settle()
        return begun

    async def status(self, payment_id: UUID) -> str:
        return (await self.payments.get(self.caller, payment_id)).status.value

    async def rows(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        return list(await self.pool.fetch(statement, *arguments))

    async def event_types(self) -> list[str]:
        return [row["type"] for row in await self.rows("SELECT type FROM events ORDER BY xid, id")]

    async def exceptions(self) -> list[str]:
        return [row["code"] for row in await self.rows("SELECT code FROM payment_exceptions ORDER BY id")]


async def make_world(
    pool: "asyncpg.Pool[asyncpg.Record]",
    vault: Vault,
    clock: FakeClock,
    *,
    declaration: Declaration = DECLARATION,
    policy: PaymentsPolicy | None = None,
    bank: ScriptedBank | None = None,
) -> World:
    """A world of its own partner. A bank that is given is shared; worlds with banks of other ids never meet."""
    bank = bank or ScriptedBank()
    tenant = Tenant(new_id(clock.now()), Environment.TEST)
    client_id, merchant_id = new_id(clock.now()), new_id(clock.now())
    parties = _Parties(tenant, client_id, merchant_id)
    await _insert_rows(pool, parties)
    await add_bank(pool, vault, bank.id, bank.id)
    tools = _tools(pool, vault, clock, bank, (declaration, policy or PaymentsPolicy()))
    return _assemble(tools, parties, bank)


def second_process(
    world: World, vault: Vault, *, declaration: Declaration = DECLARATION, engine: BankCalls | None = None
) -> World:
    """Another process for the same partner and bank, with nothing in its memory."""
    parties = _Parties(world.tenant, world.client_id, world.merchant_id)
    tools = _tools(world.pool, vault, world.clock, world.bank, (declaration, world.tools.policy))
    return _assemble(tools if engine is None else replace(tools, engine=engine), parties, world.bank)


@dataclass(frozen=True, slots=True)
class _Parties:
    tenant: Tenant
    client_id: UUID
    merchant_id: UUID


def _tools(
    pool: "asyncpg.Pool[asyncpg.Record]",
    vault: Vault,
    clock: FakeClock,
    bank: ScriptedBank,
    rules: tuple[Declaration, PaymentsPolicy],
) -> Tools:
    declaration, policy = rules
    return Tools(
        pool=pool,
        vault=vault,
        banks=BankRegistry(pool, vault, {bank.id: _adapter(declaration)}, clock),
        engine=bank,
        events=CrashingEvents(inner=EventWriter(vault, Matcher(vault))),
        enqueuer=Offers(),
        clock=clock,
        policy=policy,
    )


def _adapter(declaration: Declaration) -> ScriptedAdapter:
    return PayerAdapter(declaration) if declaration.sends_payers else ScriptedAdapter(declaration)


def _assemble(tools: Tools, parties: _Parties, bank: ScriptedBank) -> World:
    hints, counted = HeardHints(), notification_counter(CollectorRegistry())
    return World(
        tools=tools,
        tenant=parties.tenant,
        client_id=parties.client_id,
        merchant_id=parties.merchant_id,
        bank=bank,
        payments=Payments(tools),
        sweeper=Sweeper(tools),
        inbox=Inbox(tools, counted),
        inbox_worker=InboxWorker(tools, hints, counted),
        hints=hints,
    )


async def _insert_rows(pool: "asyncpg.Pool[asyncpg.Record]", parties: _Parties) -> None:
    partner, client_id, merchant_id = parties.tenant.partner_id, parties.client_id, parties.merchant_id
    await pool.execute("INSERT INTO partners (id, name) VALUES ($1, 'Example Partner')", partner)
    await pool.execute("INSERT INTO environments (partner_id, environment) VALUES ($1, 'test')", partner)
    await pool.execute(
        "INSERT INTO oauth_clients (partner_id, id, environment, name, secret_digest, scopes)"
        " VALUES ($1, $2, 'test', 'shop', '\\x00', '{}')",
        partner,
        client_id,
    )
    await pool.execute(
        "INSERT INTO merchants (partner_id, id, environment, sealed_name) VALUES ($1, $2, 'test', '\\x00')",
        partner,
        merchant_id,
    )


async def add_bank(pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault, bank_id: str, adapter: str = BANK_ID) -> None:
    """A configured bank of the scripted protocol."""
    settings = await seal_settings(vault, bank_id, BankSettings(base_url="http://127.0.0.1:1"))
    await pool.execute(
        "INSERT INTO banks (id, adapter, environment, name, sealed_settings)"
        " VALUES ($1, $2, 'test', 'Scripted Bank', $3) ON CONFLICT DO NOTHING",
        bank_id,
        adapter,
        settings,
    )
