"""A simulated bank as a program of its own."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

from adapters.simulation.simulator import Pace, Simulator, SimulatorOptions


def run_alone(start: Callable[[SimulatorOptions], Awaitable[Simulator]]) -> None:
    """The command of a bank that has no settings of its own: it says where to listen and how fast to be."""
    parser = argparse.ArgumentParser(description="A simulated bank; it prints the settings that reach it as JSON.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--settle-seconds", type=float, default=Pace().settle_seconds)
    given = parser.parse_args()
    options = SimulatorOptions(host=given.host, port=given.port, pace=Pace(settle_seconds=given.settle_seconds))
    asyncio.run(serve_alone(start(options), options))


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
