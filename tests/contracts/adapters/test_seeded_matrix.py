"""Payments by the hundred through the real room: none is paid twice, falsely rejected, left open or left to persons."""

from collections.abc import Callable

import pytest

from tests.contracts.adapters.kit.harness import PAYING
from tests.contracts.adapters.kit.seeded import Tally, leaping, run

SHORT_PAYMENTS, LONG_PAYMENTS = 30, 2_000
Record = Callable[[str, object], None]


def held_to_the_line(row: str, database_url: str, seed: int, payments: int) -> Tally:
    """A run of which nothing may be wrong."""
    with leaping() as runner:
        tally = runner.run(run(row, database_url, seed, payments))
    assert not tally.wrong, tally
    assert tally.faults
    assert tally.deaths
    assert sum(tally.endings.values()) == payments
    return tally


@pytest.mark.timeout(180)
@pytest.mark.parametrize("row", PAYING)
def test_some_payments_under_seeded_faults(row: str, database_url: str) -> None:
    """The long run's short form."""
    tally = held_to_the_line(row, database_url, 7, SHORT_PAYMENTS)
    assert tally.endings["completed"]


@pytest.mark.long
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("row", PAYING)
def test_two_thousand_payments_under_seeded_faults(row: str, database_url: str, record_property: Record) -> None:
    """Over every fault that the bank can show, at every call of its journey and at enquiries."""
    tally = held_to_the_line(row, database_url, 2026, LONG_PAYMENTS)
    record_property("payments", tally.payments)
    record_property("faults", sum(tally.faults.values()))
    record_property("deaths of processes", tally.deaths)
    record_property("paid twice, falsely rejected, unresolved, held, wrong amount", "0, 0, 0, 0, 0")
    for ending, count in sorted(tally.endings.items()):
        record_property(f"ended {ending}", count)
