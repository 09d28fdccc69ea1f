"""What the batcher decides, without I/O: how long to wait, what to try again, what to answer for a row that fails."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import asyncpg

from kernel.errors import FieldError, Invalid

Item = TypeVar("Item")

# From here on a batch is large enough for the longest lingering to pay.
_ROWS_UNDER_LOAD = 20

_DEADLOCK_OR_SERIALISATION = ("40001", "40P01")
# 08 connection · 53 resources · 57P shutdown · 58 the server's I/O · 25006 a standby answered · 55P03 lock timeout
_AWAY = ("08", "53", "57P", "58", "25006", "55P03")
# A migration changed a table under a prepared statement; the driver has forgotten the statement by now.
_STALE_PLAN = (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError)
# 22 data that cannot be stored · 23 a constraint
_ROWS_FAULT = ("22", "23")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPolicy:
    """The numbers of one batcher.

    A batch leaves when a writer is free and its oldest row waited for the linger time, or `rows_enough` are there.
    `retry_seconds_max` bounds all tries of one batch; beyond it its callers get Unavailable.
    """

    writers: int = 1
    rows_max: int = 500
    rows_enough: int = 200
    waiting_max: int = 5_000
    linger_seconds_min: float = 0.005
    linger_seconds_max: float = 0.020
    retry_seconds_max: float = 10.0
    commit_seconds_max: float = 10.0
    retry_delay_seconds_min: float = 0.01
    retry_delay_seconds_max: float = 1.0
    after_commit_seconds: float = 0.05

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that contradict one another."""
        if not (0 < self.rows_enough <= self.rows_max <= self.waiting_max and self.writers > 0):
            raise ValueError("a batcher needs writers, and 0 < rows_enough <= rows_max <= waiting_max")
        if not 0 <= self.linger_seconds_min <= self.linger_seconds_max:
            raise ValueError("a batcher needs 0 <= linger_seconds_min <= linger_seconds_max")


def linger_seconds(policy: BatchPolicy, rows_last: int) -> float:
    """How long the oldest row waits for company: the longer, the more rows the last batch had."""
    share = min(1.0, rows_last / _ROWS_UNDER_LOAD)
    return policy.linger_seconds_min + share * (policy.linger_seconds_max - policy.linger_seconds_min)


def retry_delay_seconds(policy: BatchPolicy, tries: int) -> float:
    """Doubling from the shortest to the longest, half of it by chance, so that two batches do not meet again."""
    longest = min(policy.retry_delay_seconds_max, policy.retry_delay_seconds_min * 2.0 ** min(tries, 30))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads tries, protects nothing


def is_worth_retrying(error: Exception) -> bool:
    """Whether the same batch may succeed later: it lost a race, or the database is away."""
    if isinstance(error, _STALE_PLAN):
        return True
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(_DEADLOCK_OR_SERIALISATION + _AWAY)
    return isinstance(error, OSError)


def is_commit_refused(error: Exception) -> bool:
    """Whether an error in answer to COMMIT proves that nothing was committed.

    A server that shuts down may have committed before it says so, and a lost connection says nothing at all.
    """
    if not isinstance(error, asyncpg.PostgresError):
        return False
    return not (error.sqlstate or "08").startswith(_AWAY)


def error_of_row(error: Exception) -> Exception:
    """What a row's own caller is told. Of a row that cannot be stored no value is repeated: the driver's words do."""
    if isinstance(error, asyncpg.PostgresError) and (error.sqlstate or "").startswith(_ROWS_FAULT):
        return Invalid([FieldError(pointer="", code="not_storable", message="holds a value that cannot be stored")])
    return error


def halves(items: Sequence[Item]) -> tuple[Sequence[Item], Sequence[Item]]:
    """The two halves of at least two items."""
    middle = len(items) // 2
    return items[:middle], items[middle:]
