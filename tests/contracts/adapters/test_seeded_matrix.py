"""Payments by the hundred under every fault: none is paid twice, falsely rejected, left open, or left to a person."""

from collections.abc import Callable

import pytest

from tests.contracts.adapters.kit.harness import PAYING, running
from tests.contracts.adapters.kit.seeded import Tally, run

SHORT_PAYMENTS, LONG_PAYMENTS = 40, 2_000
Record = Callable[[str, object], None]


async def held_to_the_line(name: str, seed: int, payments: int) -> Tally:
    """A run of which nothing may be wrong."""
    async with running(name) as house:
        tally = await run(house, seed, payments)
    assert not tally.wrong
    assert tally.faults
    assert sum(tally.endings.values()) == payments
    return tally


@pytest.mark.parametrize("name", PAYING)
async def test_some_payments_under_seeded_faults(name: str) -> None:
    """The long run's short form."""
    tally = await held_to_the_line(name, 7, SHORT_PAYMENTS)
    assert tally.endings["completed"]


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("name", PAYING)
async def test_two_thousand_payments_under_seeded_faults(name: str, record_property: Record) -> None:
    """Over every fault that the bank can show, at every call of its journey and at enquiries."""
    tally = await held_to_the_line(name, 2026, LONG_PAYMENTS)
    record_property("payments", tally.payments)
    record_property("faults", sum(tally.faults.values()))
    record_property("paid twice, falsely rejected, unresolved, held, wrong amount", "0, 0, 0, 0, 0")
    for ending, count in sorted(tally.endings.items()):
        record_property(f"ended {ending}", count)
