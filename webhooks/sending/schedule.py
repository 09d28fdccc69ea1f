"""When the next try is: a pure function of the step, the receiver's wish and a random number.

The default is the ten tries that Standard Webhooks 1.0.0 recommends, the last 75 hours 35 minutes after the first.
"""

from dataclasses import dataclass

_SECOND_MS = 1000
_MINUTE = 60
_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """`delays_seconds[n]` is the wait before try n (from 0) since the one before; jitter adds up to its share of it."""

    delays_seconds: tuple[int, ...] = (
        0,
        5,
        5 * _MINUTE,
        30 * _MINUTE,
        2 * _HOUR,
        5 * _HOUR,
        10 * _HOUR,
        14 * _HOUR,
        20 * _HOUR,
        24 * _HOUR,
    )
    jitter_share: float = 0.1
    jitter_seconds_max: int = 900

    def __post_init__(self) -> None:
        """Raises ValueError for a schedule that never tries or that could be early."""
        if not self.delays_seconds or min(self.delays_seconds) < 0:
            raise ValueError("a schedule has at least one try and no negative delay")
        if self.jitter_share < 0 or self.jitter_seconds_max < 0:
            raise ValueError("jitter only adds")


def delay_before_ms(
    schedule: Schedule, step: int, *, jitter: float, retry_after_seconds: int | None = None
) -> int | None:
    """Milliseconds from now until try `step` (0 is the first), or None when the schedule has no such try.

    `jitter` is a random number in [0, 1). `retry_after_seconds` is a verdict's: the wait is never shorter than that.
    """
    if step >= len(schedule.delays_seconds):
        return None
    seconds = schedule.delays_seconds[step]
    added = min(seconds * schedule.jitter_share, schedule.jitter_seconds_max) * jitter
    return max(round((seconds + added) * _SECOND_MS), (retry_after_seconds or 0) * _SECOND_MS)
