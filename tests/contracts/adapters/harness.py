"""Runs any adapter against its simulator as the payments room would: sealed bytes, declared recovery, evidence only."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import cast

import pytest

from adapters.contract import Adapter, Answered, Bank, Evidence, Instruction, NeverLeft, Outcome, Verdict
from adapters.declaration import Deadlines, OperationKind, Recovery
from adapters.engine import Engine, EngineSettings
from adapters.engine.guards import BreakerPolicy
from adapters.registry import discover
from adapters.simulation.faults import Fault
from adapters.simulation.simulator import Booked, Pace, Simulator, SimulatorOptions
from adapters.wire import WireRequest
from kernel.ids import Environment
from tests.support import banks

ADAPTERS = discover().adapters
NAMES = sorted(ADAPTERS)
# The capabilities decide which rules an adapter is held to; a fresh scaffold has none.
PAYING = [name for name in NAMES if OperationKind.SUBMIT in ADAPTERS[name].declaration.operations]
ENQUIRING = [name for name in NAMES if OperationKind.ENQUIRE in ADAPTERS[name].declaration.operations]
CANCELLING = [name for name in NAMES if OperationKind.CANCEL in ADAPTERS[name].declaration.operations]
IDEMPOTENT = [name for name in PAYING if ADAPTERS[name].declaration.idempotency is not None]
NOTIFYING = [name for name in NAMES if ADAPTERS[name].declaration.notifications]
# Every simulated delay in proportion: late is within our deadlines, hidden outlasts them and the first recovery.
PACE = Pace(
    settle_seconds=0.1,
    complete_seconds=0.1,
    pending_seconds=0.1,
    late_seconds=0.2,
    hidden_seconds=0.8,
    hang_seconds=5,
    drip_seconds=0.1,
)
DEADLINES = Deadlines(connect_seconds=0.3, first_byte_seconds=0.4, total_seconds=0.6)
ABSENCE_PROVEN_AFTER_SECONDS = 1.0
GIVE_UP_SECONDS = 6.0
POLL_SECONDS = 0.05
NO_BREAKER = EngineSettings(breaker=BreakerPolicy(failures_max=1000, retry_after_seconds_max=0.2))
ENDS = frozenset({Verdict.REJECTED, Verdict.COMPLETED, Verdict.RETURNED, Verdict.CANCELLED})


@dataclass(slots=True, kw_only=True)
class Ending:
    """How one payment ended, and what was believed on the way."""

    verdict: Verdict
    believed: list[Evidence]
    sends: int


@dataclass(slots=True, kw_only=True)
class House:
    """One adapter, its running simulator, and an engine between them."""

    adapter: Adapter
    simulator: Simulator
    engine: Engine
    bank: Bank

    def instruction(self, value: int = 1234) -> Instruction:
        """A payment that this bank takes."""
        standard = banks.instruction()
        return replace(standard, settings=self.simulator.settings, amount=replace(standard.amount, value=value))

    def plan(self, fault: Fault, kind: OperationKind = OperationKind.SUBMIT) -> None:
        """Let the next request meet the fault; a fault that this bank cannot show skips the test."""
        if fault not in self.simulator.faults:
            pytest.skip("this simulator cannot show it")
        self.simulator.plan(fault, kind)

    async def send(self, kind: OperationKind, instruction: Instruction) -> tuple[Outcome, Evidence]:
        """One call and what it proves; without an answer, nothing."""
        return await self.resend(kind, self.adapter.build(kind, instruction).to_bytes(), instruction)

    async def resend(self, kind: OperationKind, sealed: bytes, instruction: Instruction) -> tuple[Outcome, Evidence]:
        """The same with sealed bytes."""
        outcome = await self.engine.perform(self.bank, WireRequest.from_bytes(sealed))
        if not isinstance(outcome, Answered):
            return outcome, Evidence(verdict=Verdict.UNKNOWN)
        return outcome, believable(instruction, self.adapter.parse(kind, outcome.reply))

    def booked(self) -> list[Booked]:
        """What the bank really has."""
        return list(self.simulator.booked())

    async def pay(self, instruction: Instruction, strategy: Recovery) -> Ending:
        """Submit, recover by the strategy, and follow the payment to its end."""
        payment = _Following(house=self, instruction=instruction, strategy=strategy)
        return await payment.to_the_end()


@dataclass(slots=True, kw_only=True)
class _Following:
    """One payment on its way: what payments/recovery decides, in miniature."""

    house: House
    instruction: Instruction
    strategy: Recovery
    believed: list[Evidence] = field(default_factory=list)
    sends: int = 0
    last_sent_at: float = 0.0

    async def to_the_end(self) -> Ending:
        sealed = self.house.adapter.build(OperationKind.SUBMIT, self.instruction).to_bytes()
        evidence = await self._submit(sealed)
        until = _now() + GIVE_UP_SECONDS
        while evidence.verdict not in ENDS and _now() < until:
            await asyncio.sleep(POLL_SECONDS)
            evidence = await self._look_again(sealed, evidence)
        return Ending(verdict=evidence.verdict, believed=self.believed, sends=self.sends)

    async def _submit(self, sealed: bytes) -> Evidence:
        for _ in range(100):
            outcome, evidence = await self.house.resend(OperationKind.SUBMIT, sealed, self.instruction)
            if not isinstance(outcome, NeverLeft):
                break
            await asyncio.sleep(POLL_SECONDS)
        self.sends += 1
        self.last_sent_at = _now()
        return self._believe(evidence)

    async def _look_again(self, sealed: bytes, evidence: Evidence) -> Evidence:
        if evidence.verdict is Verdict.UNKNOWN and self.strategy is Recovery.RESEND and not self.believed:
            return await self._submit(sealed)
        _, told = await self.house.send(OperationKind.ENQUIRE, self.instruction)
        if told.verdict is Verdict.NOT_FOUND:
            return self._absent()
        return self._believe(told)

    def _absent(self) -> Evidence:
        proven = _now() - self.last_sent_at >= ABSENCE_PROVEN_AFTER_SECONDS
        return self._believe(Evidence(verdict=Verdict.REJECTED if proven else Verdict.UNKNOWN))

    def _believe(self, evidence: Evidence) -> Evidence:
        if evidence.verdict not in {Verdict.UNKNOWN, Verdict.NOT_FOUND}:
            self.believed.append(evidence)
        return evidence


def believable(instruction: Instruction, evidence: Evidence) -> Evidence:
    """The evidence, or nothing where it speaks of another amount or payment."""
    other_amount = evidence.amount not in {None, instruction.amount}
    other_payment = evidence.reference not in {None, instruction.end_to_end_id}
    return Evidence(verdict=Verdict.UNKNOWN) if other_amount or other_payment else evidence


@asynccontextmanager
async def running(name: str, callback_url: str | None = None) -> AsyncIterator[House]:
    """The adapter's simulator, listening, with an engine whose deadlines are short."""
    adapter = ADAPTERS[name]
    start = import_module(f"adapters.{name}.simulator").start_simulator
    simulator = cast("Simulator", await start(SimulatorOptions(pace=PACE, callback_url=callback_url)))
    declaration = replace(adapter.declaration, deadlines=DEADLINES)
    engine = banks.engine({name: declaration}, NO_BREAKER)
    bank = Bank(id=f"{name}-1", adapter=name, environment=Environment.TEST, settings=simulator.settings)
    try:
        yield House(adapter=adapter, simulator=simulator, engine=engine, bank=bank)
    finally:
        await engine.close()
        await simulator.close()


def _now() -> float:
    return asyncio.get_running_loop().time()
