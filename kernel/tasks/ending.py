"""How tasks are ended."""

import asyncio
from collections.abc import Sequence
from typing import Any

_AGAIN_SECONDS = 5.0


async def end(*tasks: asyncio.Task[Any], again_seconds: float = _AGAIN_SECONDS) -> None:
    """Cancel until all have ended: libraries have been seen to swallow a cancellation that meets an answer."""
    while left := _going_on(tasks):
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=again_seconds)


def _going_on(tasks: Sequence[asyncio.Task[Any]]) -> list[asyncio.Task[Any]]:
    return [task for task in tasks if not task.done()]
