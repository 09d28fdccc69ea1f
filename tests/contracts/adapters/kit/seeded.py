"""Many payments at one bank under faults that a seed chooses, and what the bank's books say of them afterwards."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field, replace

from adapters.contract import Instruction, Verdict
from adapters.declaration import OperationKind, Recovery
from adapters.simulation.faults import Fault
from kernel.masked import Secret
from kernel.money import Money
from tests.contracts.adapters.kit.following import ENDS, Ending, Patience, pay
from tests.contracts.adapters.kit.harness import PACE, House

AT_ONCE = 8
FAULTY_SHARE = 0.6
PATIENCE = Patience(absence_proven_after_seconds=4.0, give_up_seconds=120.0)
# No answer, for any of these reasons, may be called a rejection; they are told as what the run did.
_REFUSING = frozenset({Fault.REFUSE, Fault.REJECT_LATER})


@dataclass(slots=True, kw_only=True)
class Tally:
    """What came of a run; the first five must stay 0."""

    paid_twice: int = 0
    false_rejected: int = 0
    unresolved: int = 0
    held: int = 0
    wrong_amount: int = 0
    payments: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    @property
    def wrong(self) -> dict[str, int]:
        """What must stay 0 and did not."""
        named = ("paid_twice", "false_rejected", "unresolved", "held", "wrong_amount")
        return {name: getattr(self, name) for name in named if getattr(self, name)}


async def run(house: House, seed: int, payments: int) -> Tally:
    """Pay that many times with the seed's faults, a few at once, then count the bank's books."""
    chance, tally = random.Random(seed), Tally(payments=payments)  # noqa: S311 - faults to be repeated, no secrets
    orders = [_order(house, chance, number) for number in range(payments)]
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(order: Instruction) -> Ending:
        async with turns:
            _plan(house, chance, tally)
            return await pay(house, order, house.declared.recovery_of(house.arms), PATIENCE)

    endings = await asyncio.gather(*(one(order) for order in orders))
    await asyncio.sleep(2 * PACE.hidden_seconds)
    _count(house, tally, list(zip(orders, endings, strict=True)))
    return tally


def _order(house: House, chance: random.Random, number: int) -> Instruction:
    order = house.instruction()
    currency = chance.choice(sorted(house.declared.currencies))
    rule = house.declared.currencies[currency]
    name = f"{number:08}{chance.getrandbits(64):016x}"
    assert order.handshake is not None
    return replace(
        order,
        end_to_end_id=f"TN{name}".upper(),
        idempotency_key=f"k{name}",
        amount=Money(currency, chance.randint(rule.value_min, min(rule.value_max, 10_000_000))),
        handshake=replace(order.handshake, state=Secret(f"state-{name}"), nonce=Secret(f"nonce-{name}")),
    )


def _plan(house: House, chance: random.Random, tally: Tally) -> None:
    """A fault for one of the journey's calls, or for an enquiry, that may strike this payment or another one's."""
    if chance.random() >= FAULTY_SHARE:
        return
    fault = chance.choice(sorted(house.simulator.faults))
    kinds = [*house.declared.journey]
    if fault not in _REFUSING and OperationKind.ENQUIRE in house.declared.operations:
        kinds.append(OperationKind.ENQUIRE)
    kind = chance.choice(kinds)
    house.simulator.plan(fault, kind)
    tally.faults[f"{kind} {fault}"] += 1


def _count(house: House, tally: Tally, ended: list[tuple[Instruction, Ending]]) -> None:
    books: dict[str, list[tuple[Money, str, bool]]] = {}
    for booked in house.booked():
        books.setdefault(booked.end_to_end_id, []).append((booked.amount, booked.status, booked.moved_money))
    for order, ending in ended:
        mine = books.get(order.end_to_end_id, [])
        live = [each for each in mine if each[1] != "rejected"]
        tally.paid_twice += len(live) > 1
        tally.wrong_amount += any(amount != order.amount for amount, _, _ in mine)
        tally.false_rejected += ending.verdict in {Verdict.REJECTED, None} and bool(live)
        tally.unresolved += ending.verdict is not None and ending.verdict not in ENDS
        tally.held += house.declared.recovery_of(house.arms) is Recovery.HOLD
        tally.endings[str(ending.verdict or "given up before it could pay")] += 1
