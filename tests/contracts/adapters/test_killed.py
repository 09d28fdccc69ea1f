"""Killed at each commit and call of consent, return, exchange and submission: resolved by itself, once."""

import asyncio
import random
from collections import Counter

import pytest

from adapters.declaration import OperationKind
from adapters.simulation.faults import Fault
from tests.contracts.adapters.kit.harness import ADAPTERS, ENQUIRING, PAYING, protocol_of
from tests.contracts.adapters.kit.people import Wish, live, wish
from tests.contracts.adapters.kit.room import open_room
from tests.contracts.adapters.kit.seeded import Tally, count, keeping, leaping, until_ended

AT_ONCE = 8
ECHOES = {
    Fault.WRONG_AMOUNT: "amount_mismatch",
    Fault.WRONG_EXPONENT: "amount_mismatch",
    Fault.WRONG_REFERENCE: "reference_mismatch",
}


async def killed_at_each_point(row: str, database_url: str) -> tuple[int, Tally]:
    """A payment per point of its life at which its process can die, until one lives through all; then the books."""
    dice = random.Random(7)  # noqa: S311 - to be repeated, no secrets
    async with open_room(row, database_url, dice, mortal=False) as room, keeping(room):
        wishes, points, survived = list[Wish](), 0, False
        while not survived:
            doomed = [room.doomed(points + number + 1) for number in range(AT_ONCE)]
            mine = [wish(room, points + number, "comes") for number in range(AT_ONCE)]
            await asyncio.gather(*(live(one, each) for one, each in zip(doomed, mine, strict=True)))
            await until_ended(room)
            survived = any(not one.is_dead for one in doomed)
            points, wishes = points + AT_ONCE, wishes + mine
        tally = Tally(payments=len(wishes))
        await count(room, tally, wishes)
    return points, tally


@pytest.mark.timeout(180)
@pytest.mark.parametrize("row", [row for row in PAYING if protocol_of(row) == row])
def test_killed_at_each_step_it_is_resolved_by_itself_once(row: str, database_url: str) -> None:
    """The books hold one payment or none, as the status says; only a code that may be burnt costs a consent."""
    with leaping() as runner:
        points, tally = runner.run(killed_at_each_point(row, database_url))
    assert not tally.wrong, tally
    assert tally.told_to_persons == Counter()
    exchanged = ADAPTERS[row].declaration.after_return is not None
    assert set(tally.endings) <= ({"completed", "expired"} if exchanged else {"completed"}), tally
    assert tally.endings["completed"] > points / 2


async def wrongly_told(row: str, database_url: str, fault: Fault) -> Tally:
    """One payment of which the bank tells something else, in its answer and when it is asked."""
    dice = random.Random(7)  # noqa: S311 - to be repeated, no secrets
    async with open_room(row, database_url, dice, mortal=False) as room, keeping(room):
        if fault not in room.simulator.faults:
            pytest.skip(f"this simulator cannot show {fault}")
        wanted = wish(room, 0, "comes")
        room.simulator.plan(fault, ADAPTERS[row].declaration.arms)
        room.simulator.plan(fault, OperationKind.ENQUIRE)
        await live(room, wanted)
        await until_ended(room)
        tally = Tally(payments=1)
        await count(room, tally, [wanted])
    return tally


@pytest.mark.parametrize("fault", ECHOES)
@pytest.mark.parametrize("row", ENQUIRING)
def test_a_wrong_echo_is_caught_and_outlived(row: str, database_url: str, fault: Fault) -> None:
    """It is not believed, a person is told, and the bank's next answer ends the payment."""
    with leaping() as runner:
        tally = runner.run(wrongly_told(row, database_url, fault))
    assert not tally.wrong, tally
    assert dict(tally.endings) == {"completed": 1}
    assert list(tally.told_to_persons) == [ECHOES[fault]]
