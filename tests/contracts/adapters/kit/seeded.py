"""Many payments through the real room, under faults and deaths that a seed chooses, and what the bank's books say."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from adapters.declaration import OperationKind
from adapters.simulation.faults import Fault
from adapters.simulation.simulator import Booked
from tests.contracts.adapters.kit.harness import ADAPTERS
from tests.contracts.adapters.kit.people import ENDED, Wish, live, wish
from tests.contracts.adapters.kit.room import Room, open_room
from tests.support.leaping import LeapingLoop

AT_ONCE = 8
FAULTY_SHARE = 0.6
# How long the room may need for what is left, in its own time, once nobody does anything any more.
GIVE_UP_SECONDS = 4 * 3_600
_REFUSING = frozenset({Fault.REFUSE, Fault.REJECT_LATER})
_UNPAID = frozenset({"rejected", "cancelled", "expired"})
_PAID = frozenset({"accepted", "settled", "completed", "returned"})
# What is in the books and will move no money, in the words of any bank.
_DEAD = frozenset({"rejected", "cancelled", "RJCT", "CANC"})


@dataclass(slots=True, kw_only=True)
class Tally:
    """What came of a run; the first seven must stay 0."""

    paid_twice: int = 0
    false_rejected: int = 0
    false_success: int = 0
    unresolved: int = 0
    held: int = 0
    wrong_amount: int = 0
    of_nobody: int = 0
    payments: int = 0
    deaths: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    told_to_persons: Counter[str] = field(default_factory=Counter)
    left_open: list[list[str]] = field(default_factory=list)

    @property
    def wrong(self) -> dict[str, int]:
        """What must stay 0 and did not."""
        named = ("paid_twice", "false_rejected", "false_success", "unresolved", "held", "wrong_amount", "of_nobody")
        return {name: getattr(self, name) for name in named if getattr(self, name)}


@contextmanager
def leaping() -> Iterator[asyncio.Runner]:
    """Runs coroutines in a loop whose time leaps."""
    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        yield runner


async def run(row: str, database_url: str, seed: int, payments: int) -> Tally:
    """Pay that many times with the seed's faults and deaths, a few at once, then count the bank's books."""
    dice, tally = random.Random(seed), Tally(payments=payments)  # noqa: S311 - faults to be repeated, no secrets
    async with open_room(row, database_url, dice) as room, keeping(room):
        turns, wishes = asyncio.Semaphore(AT_ONCE), [wish(room, number) for number in range(payments)]

        async def one(wanted: Wish) -> None:
            async with turns:
                _plan(room, tally)
                await live(room, wanted)

        await asyncio.gather(*(one(each) for each in wishes))
        await until_ended(room)
        await count(room, tally, wishes)
        tally.deaths = room.deaths
    return tally


def _plan(room: Room, tally: Tally) -> None:
    """A fault for one of the journey's calls, or for an enquiry, that may strike this payment or another one's."""
    declared = ADAPTERS[room.row].declaration.at(room.simulator.settings.options)
    if room.dice.random() >= FAULTY_SHARE:
        return
    fault, kinds = room.dice.choice(sorted(room.simulator.faults)), [*declared.journey]
    if fault not in _REFUSING and OperationKind.ENQUIRE in declared.operations:
        kinds.append(OperationKind.ENQUIRE)
    kind = room.dice.choice(kinds)
    room.simulator.plan(fault, kind)
    tally.faults[f"{kind} {fault}"] += 1


async def until_ended(room: Room) -> None:
    """Until every payment has ended, or the room is given up."""
    until = room.base.tools.clock.monotonic() + GIVE_UP_SECONDS
    while room.base.tools.clock.monotonic() < until:
        found = await room.base.pool.fetch("SELECT DISTINCT status::text FROM payments")
        if {row["status"] for row in found} <= ENDED:
            return
        await asyncio.sleep(10)


@asynccontextmanager
async def keeping(room: Room) -> AsyncIterator[None]:
    """Every process does meanwhile what it does by itself."""
    tasks = [asyncio.create_task(room.look_after(number)) for number in range(len(room.processes))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def count(room: Room, tally: Tally, wishes: list[Wish]) -> None:
    """Each payment beside what the bank has of it."""
    found = await room.base.rows("SELECT id, status::text FROM payments")
    statuses: dict[UUID, str] = {row["id"]: row["status"] for row in found}
    books = await _books(room)
    tally.of_nobody = len(books.pop(None, []))
    for wanted in wishes:
        assert wanted.payment_id is not None
        mine, status = books.get(wanted.payment_id, []), statuses.pop(wanted.payment_id)
        live_ones = [each for each in mine if each.status not in _DEAD]
        tally.paid_twice += len(live_ones) > 1
        tally.wrong_amount += any(each.amount != wanted.amount for each in mine)
        tally.false_rejected += status in _UNPAID and bool(live_ones)
        tally.false_success += status in _PAID and not live_ones
        if status not in ENDED:
            tally.unresolved += 1
            story = await room.base.payments.timeline(room.base.caller, wanted.payment_id)
            tally.left_open.append([each["what"] for each in story])
        tally.endings[status] += 1
    assert not statuses, "payments that nobody wanted"
    held = await room.base.rows("SELECT count(*) AS held FROM submissions WHERE state = 'held'")
    tally.held = held[0]["held"]
    told = await room.base.rows("SELECT code, count(*) AS told FROM payment_exceptions GROUP BY code")
    tally.told_to_persons.update({row["code"]: row["told"] for row in told})


async def _books(room: Room) -> dict[UUID | None, list[Booked]]:
    """What the bank really has, by the payment that it was made for."""
    rows = await room.base.rows("SELECT end_to_end_id, payment_id FROM submissions")
    known = {row["end_to_end_id"]: row["payment_id"] for row in rows}
    books: dict[UUID | None, list[Booked]] = {}
    for booked in room.simulator.booked():
        books.setdefault(known.get(booked.end_to_end_id), []).append(booked)
    return books
