"""Runs the bank by itself: python -m adapters.berlin_group.simulator --port 8091. Prints its settings as JSON."""

import argparse
import asyncio
from pathlib import Path

from adapters.berlin_group.simulator.door.certificates import Trust, kept_trust, trust
from adapters.berlin_group.simulator.habits import Habits
from adapters.berlin_group.simulator.server import start_simulator
from adapters.simulation.alone import serve_alone
from adapters.simulation.simulator import Pace, SimulatorOptions

# Time for a person to cancel a payment and to approve that.
CANCELLABLE_SECONDS = 120.0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A simulated NextGenPSD2 bank, with a page on which payers approve.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument(
        "--settle-seconds",
        type=float,
        help=f"from accepted to settled; {Pace().settle_seconds}, with --approved-cancellations {CANCELLABLE_SECONDS}",
    )
    parser.add_argument("--decoupled", action="store_true", help="payers are asked in the bank's app")
    parser.add_argument("--implicit", action="store_true", help="the authorisation begins with the initiation")
    parser.add_argument("--exempts", action="store_true", help="initiations are executed without an authorisation")
    parser.add_argument("--pending", action="store_true", help="what waits for its payer is PDNG instead of RCVD")
    parser.add_argument("--approved-cancellations", action="store_true", help="payers approve cancellations")
    parser.add_argument("--keys", type=Path, help="a file that keeps its keys from one start to the next")
    parser.add_argument("--approves-after-seconds", type=float, help="payers approve by themselves after so long")
    given = parser.parse_args()
    if given.settle_seconds is None:
        given.settle_seconds = CANCELLABLE_SECONDS if given.approved_cancellations else Pace().settle_seconds
    return given


async def _serve(arguments: argparse.Namespace, trusted: Trust) -> None:
    options = SimulatorOptions(
        host=arguments.host, port=arguments.port, pace=Pace(settle_seconds=arguments.settle_seconds)
    )
    habits = Habits(
        explicit=not arguments.implicit,
        exempts=arguments.exempts,
        decoupled=arguments.decoupled,
        pending_before_approval=arguments.pending,
        cancels_at_once=not arguments.approved_cancellations,
        approves_after_seconds=arguments.approves_after_seconds,
    )
    await serve_alone(start_simulator(options, habits, trusted=trusted), options)


if __name__ == "__main__":
    given = _arguments()
    asyncio.run(_serve(given, kept_trust(given.keys) if given.keys else trust()))
