"""What all faults share."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol


class SkippedFault(Exception):
    """The fault cannot be done here; the message says why."""


class NoVictim(SkippedFault):
    """What it would strike is not there just now; it may be back soon."""


class Stroke(Protocol):
    """One fault, to be done once."""

    @property
    def kind(self) -> str:
        """Its name in logs and in the result, e.g. `kill dispatcher`."""
        ...

    async def strike(self) -> float:
        """Do it; returns when what it took away was back, on the monotonic clock. Raises SkippedFault."""
        ...


async def until(true: Callable[[], Awaitable[bool]], seconds_max: float) -> float:
    """When it became true, on the monotonic clock; the end of the time if it did not."""
    deadline = time.monotonic() + seconds_max
    while time.monotonic() < deadline:
        if await true():
            break
        await asyncio.sleep(0.05)
    return time.monotonic()
