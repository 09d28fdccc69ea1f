"""Long loops that leave others their turn on the event loop."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from time import monotonic
from typing import TypeVar

Item = TypeVar("Item")

TURN_SECONDS = 0.005


async def in_turns(items: Iterable[Item]) -> AsyncIterator[Item]:
    """The items; between two of them, others run whenever this loop has had the event loop for `TURN_SECONDS`."""
    ends = monotonic() + TURN_SECONDS
    for item in items:
        yield item
        if monotonic() > ends:
            await asyncio.sleep(0)
            ends = monotonic() + TURN_SECONDS
