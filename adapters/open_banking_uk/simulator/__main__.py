"""Runs the bank by itself: python -m adapters.open_banking_uk.simulator --port 8091. Prints its settings as JSON."""

import argparse
import asyncio
from pathlib import Path

from adapters.open_banking_uk.simulator.credentials import Credentials
from adapters.open_banking_uk.simulator.server import Character, start_simulator
from adapters.simulation.alone import serve_alone
from adapters.simulation.simulator import Pace, SimulatorOptions


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A simulated bank in which a person can give consent.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--version", choices=["4.0", "3.1.11"], default="4.0", help="what the printed settings say")
    parser.add_argument("--credentials", type=Path, help="a file that keeps its keys; new ones by default")
    parser.add_argument("--callback-url", help="where event notifications go")
    parser.add_argument("--settle-seconds", type=float, default=Pace().settle_seconds)
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    keys = Credentials.create() if arguments.credentials is None else Credentials.kept(arguments.credentials)
    options = SimulatorOptions(
        host=arguments.host,
        port=arguments.port,
        pace=Pace(settle_seconds=arguments.settle_seconds),
        callback_url=arguments.callback_url,
    )
    await serve_alone(start_simulator(options, Character(version=arguments.version, credentials=keys)), options)


if __name__ == "__main__":
    asyncio.run(_serve(_arguments()))
