"""Tasks end whatever their libraries do with a cancellation; what is read again survives a store that is away."""

import asyncio

import pytest

from kernel.tasks import Rereader, end


async def test_a_swallowed_cancellation_is_said_again() -> None:
    """A task that goes on after its first cancellation is ended by the second."""
    swallowed: list[int] = []

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if swallowed:
                    raise
                swallowed.append(1)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await end(task, again_seconds=0.01)
    assert task.cancelled()
    assert swallowed == [1]


async def test_what_is_read_again_outlives_errors() -> None:
    """A reading that fails for the store's sake is followed by the next one."""
    readings: list[int] = []
    enough = asyncio.Event()

    async def read() -> None:
        readings.append(len(readings))
        if len(readings) == 2:
            raise ConnectionResetError
        if len(readings) == 4:
            enough.set()

    rereader = Rereader("example", read, 0.001)
    await rereader.start()
    async with asyncio.timeout(5):
        await enough.wait()
    await rereader.close()
    count = len(readings)
    await asyncio.sleep(0.01)
    assert len(readings) == count


async def test_without_a_first_reading_nothing_starts() -> None:
    """What cannot be read at the start is the caller's matter."""

    async def read() -> None:
        raise ConnectionResetError

    rereader = Rereader("example", read, 0.001)
    with pytest.raises(ConnectionResetError):
        await rereader.start()
    await rereader.close()
