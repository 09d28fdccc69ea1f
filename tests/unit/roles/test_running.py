"""Tasks beside a block end with it, whatever their libraries do with a cancellation."""

import asyncio

import pytest

from threadneedle.roles import foundation


async def test_a_swallowed_cancellation_is_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that goes on after its first cancellation is ended by the second, and the role ends."""
    monkeypatch.setattr(foundation, "_CANCELLED_AGAIN_SECONDS", 0.01)
    swallowed: list[int] = []

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if swallowed:
                    raise
                swallowed.append(1)

    async with asyncio.timeout(5):
        async with foundation.running(stubborn):
            await asyncio.sleep(0)
    assert swallowed == [1]
