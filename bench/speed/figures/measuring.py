"""What figures share."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.speed.staging.party import Receiver
from bench.speed.staging.stage import Stage

_POLL_SECONDS = 0.05
_STILL_SECONDS_MAX = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long it is measured: `pairs` of a figure and what stands beside it, each side of them `seconds` long.

    `hold_seconds` is how long a steady load is held; `waiting` how many deliveries wait for a receiver that was down.
    """

    pairs: int = 5
    seconds: float = 1.5
    hold_seconds: float = 120.0
    waiting: int = 100_000


def share(ordered: Sequence[float], part: float) -> float:
    """The value below which that part lies."""
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] if ordered else 0.0


def accepted(answer: Mapping[str, Any], batch: int = 0) -> int:
    """How many events were taken. Raises RuntimeError where a request was refused."""
    good: int = sum(count for status, count in answer["statuses"].items() if status.startswith("2"))
    if not good or good < sum(answer["statuses"].values()):
        raise RuntimeError(f"not all were accepted: {answer['statuses']}")
    return good * max(batch, 1)


def each(spent: Mapping[str, float], count: float) -> dict[str, float]:
    """CPU microseconds per operation."""
    return {name: seconds / count * 1e6 for name, seconds in spent.items()}


def medians(costs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of each name."""
    return {name: median(cost[name] for cost in costs) for name in costs[0]}


async def arrived(receiver: Receiver, count: int) -> dict[str, Any]:
    """Wait until so many came. Raises RuntimeError where nothing comes any more."""
    seen, moved_at = -1, time.monotonic()
    while (found := await receiver.found())["count"] < count:
        if found["count"] > seen:
            seen, moved_at = found["count"], time.monotonic()
        elif time.monotonic() - moved_at > _STILL_SECONDS_MAX:
            raise RuntimeError(f"{seen} of {count} arrived")
        await asyncio.sleep(_POLL_SECONDS)
    return found


@asynccontextmanager
async def stopped(stage: Stage, role: str) -> AsyncIterator[None]:
    """A role stands still for the block, as if it were not there."""
    pids = stage.pids(role)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
