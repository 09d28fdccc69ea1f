"""The token bucket as arithmetic: the generic cell rate algorithm, in whole microseconds.

A bucket is one number, its theoretical arrival time (TAT): when it will be full again. The Lua script does the same
sums; tests/contracts holds the two together. Source: ITU-T I.371 Annex A, with cells of our own cost.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """`capacity` requests at once, refilled at `rate_per_second`."""

    capacity: int
    rate_per_second: float

    def __post_init__(self) -> None:
        """Raises ValueError for a bucket that could never let anything through."""
        if self.capacity < 1 or self.rate_per_second <= 0:
            raise ValueError("a bucket holds at least one and refills")

    @property
    def interval_us(self) -> int:
        """Microseconds per token, rounded up: never more than the rate."""
        return math.ceil(_MICROSECONDS / self.rate_per_second)

    @property
    def window_seconds(self) -> int:
        """Seconds in which an empty bucket fills."""
        return math.ceil(self.capacity * self.interval_us / _MICROSECONDS)

    def share(self, part: float) -> "Bucket":
        """The bucket of one process that holds a part of the limit by itself."""
        return Bucket(capacity=max(1, int(self.capacity * part)), rate_per_second=self.rate_per_second * part)


class Level(NamedTuple):
    """A bucket after a question: its tokens, and microseconds until the cost fits and until it is full."""

    remaining: int
    retry_after_us: int
    full_after_us: int


def ask(bucket: Bucket, tat_us: int, now_us: int, cost: int) -> tuple[int, Level]:
    """What taking `cost` would make of the bucket: its next TAT, and the level if it is not taken.

    `retry_after_us` is 0 when the cost fits, and -1 when it never will.
    """
    interval = bucket.interval_us
    tolerance = bucket.capacity * interval
    debt = max(tat_us - now_us, 0)
    wanted = debt + cost * interval
    level = Level((tolerance - debt) // interval, _wait(cost, bucket.capacity, wanted - tolerance), debt)
    return now_us + wanted, level


def taken(level: Level, bucket: Bucket, cost: int) -> Level:
    """The level after the cost was taken."""
    return Level(level.remaining - cost, 0, level.full_after_us + cost * bucket.interval_us)


def _wait(cost: int, capacity: int, over_us: int) -> int:
    return -1 if cost > capacity else max(over_us, 0)
