"""The older version under faults: the kit runs the newer one, and both must recover alike."""

import asyncio
from dataclasses import replace

import aiohttp

from adapters.contract import Bank, Verdict
from adapters.open_banking_uk.simulator.server import Character, start_simulator
from adapters.simulation.faults import Fault
from adapters.simulation.simulator import Booked, SimulatorOptions
from kernel.ids import Environment
from tests.contracts.adapters.kit.following import pay
from tests.contracts.adapters.kit.harness import ADAPTERS, DEADLINES, NO_BREAKER, PACE, House
from tests.support import banks

NAME = "open_banking_uk"
REJECTED = {Fault.REFUSE, Fault.REJECT_LATER}
FAULTS = sorted(
    {
        Fault.TIMEOUT_AFTER,
        Fault.RESET_AFTER,
        Fault.COMMIT_LATE,
        Fault.STALE,
        Fault.ERROR_500,
        Fault.WRONG_AMOUNT,
        Fault.TRUNCATED,
        Fault.GARBAGE,
        *REJECTED,
    }
)


async def paid_under(fault: Fault) -> tuple[Verdict | None, list[Booked]]:
    """How a payment ends that meets the fault, and what the bank has in the end."""
    adapter = ADAPTERS[NAME]
    simulator = await start_simulator(SimulatorOptions(pace=PACE), Character(version="3.1.11"))
    engine = banks.engine({NAME: replace(adapter.declaration, deadlines=DEADLINES)}, NO_BREAKER)
    bank = Bank(id="older", adapter=NAME, environment=Environment.TEST, settings=simulator.settings)
    async with aiohttp.ClientSession() as payer:
        house = House(adapter=adapter, simulator=simulator, engine=engine, bank=bank, browser=payer)
        house.plan(fault)
        ending = await pay(house, house.instruction(), house.declared.recovery_of(house.arms))
        await asyncio.sleep(PACE.hidden_seconds)
        booked = house.booked()
        await engine.close()
        await simulator.close()
    return ending.verdict, booked


async def test_the_older_version_recovers_from_faults_as_the_newer_does() -> None:
    """Each fault ends as one payment and is known to be so; a refusal is one that moved nothing."""
    endings = dict(zip(FAULTS, await asyncio.gather(*map(paid_under, FAULTS)), strict=True))
    for fault, (verdict, booked) in endings.items():
        assert len(booked) == 1, fault
        assert verdict is (Verdict.REJECTED if fault in REJECTED else Verdict.COMPLETED), fault
        assert booked[0].moved_money is (fault not in REJECTED), fault
