"""A simulated bank as a program of its own."""

import asyncio
import signal
import sys
from collections.abc import Awaitable

from adapters.simulation.simulator import Simulator, SimulatorOptions


async def serve_alone(starting: Awaitable[Simulator], options: SimulatorOptions) -> None:
    """Print the settings that reach the bank, one line of JSON, and serve until SIGINT or SIGTERM.

    Raises SystemExit with a sentence where the port cannot be had.
    """
    try:
        simulator = await starting
    except (OSError, OverflowError) as cannot:
        why = getattr(cannot, "strerror", None) or str(cannot)
        raise SystemExit(f"cannot listen on port {options.port} of {options.host}: {why}") from None
    sys.stdout.buffer.write(simulator.settings.to_json() + b"\n")
    sys.stdout.flush()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await simulator.close()
