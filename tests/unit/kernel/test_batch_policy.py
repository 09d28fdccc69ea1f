from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.batcher.policy import (
    BatchPolicy,
    error_of_row,
    halves,
    is_commit_refused,
    is_worth_retrying,
    linger_seconds,
    retry_delay_seconds,
)
from kernel.errors import Invalid

POLICY = BatchPolicy()


def test_lingering_grows_with_the_last_batch() -> None:
    """Little to do: five milliseconds. Under load: twenty, and never more."""
    waits = [linger_seconds(POLICY, rows) for rows in (0, 5, 10, 20, 500)]
    assert waits == pytest.approx([0.005, 0.00875, 0.0125, 0.020, 0.020])


@given(st.integers(min_value=0, max_value=10_000))
def test_waits_between_tries_stay_within_their_bounds(tries: int) -> None:
    """However often a batch was tried, the next wait is neither nothing nor longer than the longest."""
    delay = retry_delay_seconds(POLICY, tries)
    assert POLICY.retry_delay_seconds_min / 2 <= delay <= POLICY.retry_delay_seconds_max


@pytest.mark.parametrize(
    ("error", "is_worth"),
    [
        (asyncpg.DeadlockDetectedError("x"), True),
        (asyncpg.SerializationError("x"), True),
        (asyncpg.ConnectionDoesNotExistError("x"), True),
        (asyncpg.AdminShutdownError("x"), True),
        (asyncpg.TooManyConnectionsError("x"), True),
        (asyncpg.ReadOnlySQLTransactionError("x"), True),
        (asyncpg.InvalidCachedStatementError("x"), True),
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (asyncpg.UniqueViolationError("x"), False),
        (asyncpg.DataError("x"), False),
        (asyncpg.QueryCanceledError("x"), False),
        (ValueError(), False),
    ],
)
def test_what_may_succeed_later_is_tried_again(error: Exception, is_worth: bool) -> None:  # noqa: FBT001 - a table
    """Lost races and an absent database are repeated; what is wrong with the rows is not."""
    assert is_worth_retrying(error) is is_worth


@pytest.mark.parametrize(
    ("error", "is_refused"),
    [
        (asyncpg.UniqueViolationError("a deferred constraint"), True),
        (asyncpg.SerializationError("x"), True),
        (asyncpg.DeadlockDetectedError("x"), True),
        (asyncpg.AdminShutdownError("x"), False),
        (asyncpg.ConnectionDoesNotExistError("x"), False),
        (asyncpg.InterfaceError("x"), False),
        (ConnectionResetError(), False),
        (TimeoutError(), False),
    ],
)
def test_only_the_servers_clear_word_proves_that_nothing_was_committed(error: Exception, is_refused: bool) -> None:  # noqa: FBT001 - a table
    """A shutdown, a lost connection and a time-out in answer to COMMIT say nothing about its outcome."""
    assert is_commit_refused(error) is is_refused


def test_a_row_that_cannot_be_stored_is_told_so_without_its_value() -> None:
    """The driver's words, which repeat the value, stay behind; what is not the row's fault stays what it is."""
    told = error_of_row(asyncpg.DataError("invalid input for query argument $1: 'hunter2'"))
    assert isinstance(told, Invalid)
    assert told.errors[0].code == "not_storable"
    assert "hunter2" not in f"{told} {told.errors} {told.__cause__}"
    unexpected = RuntimeError("bug")
    assert error_of_row(unexpected) is unexpected


@given(st.lists(st.integers(), min_size=2))
def test_halves_lose_nothing(items: list[int]) -> None:
    """Two halves make the whole, and each is smaller than it."""
    first, second = halves(items)
    assert [*first, *second] == items
    assert 0 < len(first) < len(items)


@pytest.mark.parametrize(
    "numbers",
    [
        {"writers": 0},
        {"rows_enough": 501},
        {"rows_max": 6_000},
        {"linger_seconds_min": 0.03},
        {"linger_seconds_min": -1},
    ],
)
def test_numbers_that_contradict_are_refused(numbers: dict[str, Any]) -> None:
    """A batcher that could never write is not made."""
    with pytest.raises(ValueError, match="a batcher needs"):
        BatchPolicy(**numbers)
