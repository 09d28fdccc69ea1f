"""Runs any adapter against its simulator as the payments room would: sealed bytes, declared recovery, evidence only."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import cast

import aiohttp
import pytest

from adapters.contract import Adapter, Answered, Bank, Evidence, Instruction, Outcome, Verdict
from adapters.declaration import Deadlines, Declaration, OperationKind
from adapters.engine import Engine, EngineSettings
from adapters.engine.guards import BreakerPolicy
from adapters.registry import found, problems_of
from adapters.simulation.faults import Fault
from adapters.simulation.simulator import Booked, Pace, Simulator, SimulatorOptions
from adapters.wire import WireRequest
from kernel.ids import Environment
from kernel.masked import Secret
from tests.support import banks, browser
from tests.support.leaping import MachineClock

FOUND = found()
# A contradictory declaration is one failure of test_structure.py, not one of everything that trusts it.
_PROTOCOLS = {name: each for name, each in FOUND.items() if not problems_of(name, each.declaration)}
NAMES = sorted(_PROTOCOLS)
# The kit's rows: every protocol as its simulator is by default, and each variant that the simulator's package names.
_VARIANTS = {
    f"{name}-{variant}": (name, variant)
    for name in NAMES
    for variant in getattr(import_module(f"adapters.{name}.simulator"), "VARIANTS", {})
}
ADAPTERS = _PROTOCOLS | {row: _PROTOCOLS[name] for row, (name, _) in _VARIANTS.items()}
ROWS = sorted(ADAPTERS)
# The capabilities decide which rules an adapter is held to; a fresh scaffold has none.
PAYING = [row for row in ROWS if ADAPTERS[row].declaration.operations]
ENQUIRING = [row for row in ROWS if OperationKind.ENQUIRE in ADAPTERS[row].declaration.operations]
CANCELLING = [row for row in ROWS if OperationKind.CANCEL in ADAPTERS[row].declaration.operations]
IDEMPOTENT = [row for row in PAYING if ADAPTERS[row].declaration.idempotency is not None]
NOTIFYING = [row for row in ROWS if ADAPTERS[row].declaration.notifications]
# Every simulated delay in proportion: late is within our deadlines, hidden outlasts them and the first recovery.
PACE = Pace(
    settle_seconds=0.1,
    complete_seconds=0.1,
    pending_seconds=0.1,
    late_seconds=0.2,
    hidden_seconds=1.2,
    hang_seconds=5,
    drip_seconds=0.1,
    abandon_seconds=2,
)
DEADLINES = Deadlines(connect_seconds=0.5, first_byte_seconds=0.6, total_seconds=0.9)
NO_BREAKER = EngineSettings(breaker=BreakerPolicy(failures_max=1000, retry_after_seconds_max=0.2))


@dataclass(slots=True, kw_only=True)
class House:
    """One adapter, its running simulator, an engine between them, and the payers at their browsers."""

    adapter: Adapter
    simulator: Simulator
    engine: Engine
    bank: Bank
    browser: aiohttp.ClientSession
    access: dict[str, Secret] = field(default_factory=dict)

    @property
    def declared(self) -> Declaration:
        """What holds for this bank."""
        return self.adapter.declaration.at(self.simulator.settings.options)

    @property
    def arms(self) -> OperationKind:
        """The operation from whose sending on money may move."""
        return self.declared.arms

    def instruction(self, value: int = 1234) -> Instruction:
        """A payment that this bank takes."""
        standard = banks.fitting(self.declared, self.simulator.settings)
        return replace(standard, amount=replace(standard.amount, value=value))

    def plan(self, fault: Fault, kind: OperationKind | None = None) -> None:
        """Let the next request (of those that arm, by default) meet the fault; one that it has not skips the test."""
        if fault not in self.simulator.faults:
            pytest.skip(f"this simulator cannot show {fault}")
        self.simulator.plan(fault, kind or self.arms)

    async def send(self, kind: OperationKind, instruction: Instruction) -> tuple[Outcome, Evidence]:
        """One call and what it proves; without an answer, nothing."""
        return await self.resend(kind, self.adapter.build(kind, instruction).to_bytes(), instruction)

    async def resend(self, kind: OperationKind, sealed: bytes, instruction: Instruction) -> tuple[Outcome, Evidence]:
        """The same with sealed bytes."""
        access = self.access.get(instruction.end_to_end_id)
        outcome = await self.engine.perform(self.bank, WireRequest.from_bytes(sealed), access)
        if not isinstance(outcome, Answered):
            return outcome, Evidence(verdict=Verdict.UNKNOWN)
        evidence = believable(instruction, self.adapter.parse(kind, outcome.reply))
        if evidence.grant is not None:
            self.access[instruction.end_to_end_id] = evidence.grant.access_token
        return outcome, evidence

    async def ready(self, instruction: Instruction) -> Instruction:
        """The instruction with all that the operations before the arming one bring, none of which may fail."""
        for kind in self.declared.journey[: self.declared.journey.index(self.arms)]:
            if kind is self.declared.after_return:
                instruction = await self.returned(instruction, None)
            _, evidence = await self.send(kind, instruction)
            assert evidence.verdict is not Verdict.UNKNOWN
            instruction = learned(instruction, evidence)
        return instruction

    async def submitted(self, instruction: Instruction) -> tuple[Instruction, Evidence]:
        """The whole way to a payment that the bank has, approved by its payer; no step may fail."""
        instruction = await self.ready(instruction)
        _, evidence = await self.send(self.arms, instruction)
        if evidence.verdict is Verdict.NEEDS_AUTHORISATION:
            await self.returned(instruction, evidence)
        return learned(instruction, evidence), evidence

    async def returned(
        self, instruction: Instruction, evidence: Evidence | None, decision: str = browser.APPROVE
    ) -> Instruction:
        """The instruction after its payer went to the bank, decided there, and came back with what the bank gave."""
        told = evidence.authorisation if evidence is not None else None
        url = told.url.reveal() if told and told.url else self.adapter.authorisation_url(instruction, banks.now())
        brought = browser.brought(await browser.decide(self.browser, url, decision))
        assert instruction.handshake is not None
        assert brought["state"] == instruction.handshake.state.reveal()
        code = Secret(brought["code"]) if "code" in brought else None
        return replace(instruction, handshake=replace(instruction.handshake, code=code))

    def booked(self) -> list[Booked]:
        """What the bank really has."""
        return list(self.simulator.booked())


def learned(instruction: Instruction, evidence: Evidence) -> Instruction:
    """The instruction with the bank's ids that the evidence brought."""
    return replace(
        instruction,
        consent_id=evidence.consent_id or instruction.consent_id,
        bank_reference=evidence.bank_reference or instruction.bank_reference,
    )


def believable(instruction: Instruction, evidence: Evidence) -> Evidence:
    """The evidence, or nothing where it speaks of another amount, payment or consent."""
    other_amount = evidence.amount not in {None, instruction.amount}
    other_payment = evidence.reference not in {None, instruction.end_to_end_id}
    other_consent = evidence.grant is not None and evidence.consent_id not in {None, instruction.consent_id}
    return Evidence(verdict=Verdict.UNKNOWN) if other_amount or other_payment or other_consent else evidence


def protocol_of(row: str) -> str:
    """The adapter's name."""
    return _VARIANTS.get(row, (row, ""))[0]


async def start_bank(row: str, options: SimulatorOptions) -> Simulator:
    """The row's simulated bank, listening."""
    name, variant = _VARIANTS.get(row, (row, None))
    package = import_module(f"adapters.{name}.simulator")
    start = package.start_simulator if variant is None else package.VARIANTS[variant]
    return cast("Simulator", await start(options))


@asynccontextmanager
async def running(row: str, callback_url: str | None = None) -> AsyncIterator[House]:
    """The row's simulator, listening, with an engine whose deadlines are short."""
    name, adapter = protocol_of(row), ADAPTERS[row]
    simulator = await start_bank(row, SimulatorOptions(pace=PACE, callback_url=callback_url))
    declarations = {name: replace(adapter.declaration, deadlines=DEADLINES)}
    engine = banks.engine(declarations, NO_BREAKER, MachineClock(asyncio.get_running_loop()))
    bank = Bank(id=f"{name}-1", adapter=name, environment=Environment.TEST, settings=simulator.settings)
    async with aiohttp.ClientSession() as payer:
        try:
            yield House(adapter=adapter, simulator=simulator, engine=engine, bank=bank, browser=payer)
        finally:
            await engine.close()
            await simulator.close()
