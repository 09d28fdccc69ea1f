"""The simulated bank, running, with the real engine before it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp

from adapters.berlin_group.mapping import accounts, adapter
from adapters.berlin_group.simulator import BerlinGroupSimulator, Habits, start_simulator
from adapters.contract import Answered, Bank, Evidence, Instruction, Outcome, Verdict
from adapters.contract.accounts import Inquiry, Reading, ReadingKind
from adapters.declaration import Deadlines, OperationKind
from adapters.engine import Engine
from adapters.registry import discover
from adapters.simulation.simulator import Pace, SimulatorOptions
from adapters.wire import WireReply, WireRequest
from kernel.ids import Environment
from tests.support import banks
from tests.support.berlin_group import instruction

DECLARED = discover().declarations["berlin_group"]
PACE = Pace(settle_seconds=0.05, complete_seconds=0.05, pending_seconds=0.05, hidden_seconds=0.3, hang_seconds=2)
# Longer than any answer that hangs: a busy machine must not look like a lost answer.
DEADLINES = Deadlines(connect_seconds=3, first_byte_seconds=5, total_seconds=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The bank and the engine; `heard` is every request with its answer."""

    simulator: BerlinGroupSimulator
    engine: Engine
    bank: Bank
    heard: list[tuple[WireRequest, WireReply]] = field(default_factory=list)

    def instruction(self, **changes: Any) -> Instruction:
        return instruction(settings=self.simulator.settings, **changes)

    async def perform(self, request: WireRequest) -> Outcome:
        outcome = await self.engine.perform(self.bank, request)
        if isinstance(outcome, Answered):
            self.heard.append((request, outcome.reply))
        return outcome

    async def answer(self, request: WireRequest) -> WireReply:
        outcome = await self.perform(request)
        assert isinstance(outcome, Answered), outcome
        return outcome.reply

    async def ask(self, kind: OperationKind, told: Instruction) -> Evidence:
        outcome = await self.perform(adapter().build(kind, told))
        if not isinstance(outcome, Answered):
            return Evidence(verdict=Verdict.UNKNOWN)
        return adapter().parse(kind, outcome.reply)

    async def read(self, kind: ReadingKind, asked: Inquiry) -> Reading:
        """The same for account information."""
        return accounts().parse(kind, await self.answer(accounts().build(kind, asked)))

    async def initiate(self, **changes: Any) -> Instruction:
        """The instruction with the bank's reference of a new initiation."""
        told = self.instruction(**changes)
        evidence = await self.ask(OperationKind.CONSENT, told)
        assert evidence.bank_reference is not None
        return replace(told, bank_reference=evidence.bank_reference)

    async def authorised(self) -> Instruction:
        """An instruction that the payer has approved."""
        told = await self.initiate()
        await self.ask(OperationKind.AUTHORISE, told)
        self.simulator.approve()
        return told

    async def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> WireReply:
        """A request past the engine, as a stranger would send it."""
        url = self.simulator.settings.base_url + path
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, headers=headers, data=body, allow_redirects=False) as got,
        ):
            named = {name.lower(): value for name, value in got.headers.items()}
            return WireReply(status=got.status, headers=named, body=await got.read())


@asynccontextmanager
async def running(
    habits: Habits | None = None, pace: Pace = PACE, tls: ssl.SSLContext | None = None
) -> AsyncIterator[House]:
    """The bank with these habits, so quick."""
    simulator = await start_simulator(SimulatorOptions(pace=pace), habits, tls)
    engine = banks.engine({"berlin_group": replace(DECLARED, deadlines=DEADLINES)})
    bank = Bank(id="bg", adapter="berlin_group", environment=Environment.TEST, settings=simulator.settings)
    try:
        yield House(simulator=simulator, engine=engine, bank=bank)
    finally:
        await engine.close()
        await simulator.close()


async def settled(house: House, told: Instruction, *wanted: Verdict) -> Evidence:
    """The evidence once the enquiry says one of these, or that the creditor was credited."""
    async with asyncio.timeout(5):
        while True:
            evidence = await house.ask(OperationKind.ENQUIRE, told)
            if evidence.verdict in (wanted or {Verdict.COMPLETED}):
                return evidence
            await asyncio.sleep(0.02)
