"""Runs the sandbox bank by itself: python -m adapters.sandbox.simulator --port 8090. Prints its settings as JSON."""

import argparse
import asyncio

from adapters.sandbox.simulator.server import new_secrets, start_simulator
from adapters.simulation.alone import serve_alone
from adapters.simulation.simulator import Pace, SimulatorOptions
from kernel.masked import Secret


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A simulated bank that settles, notifies and misbehaves.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--callback-url", help="where notifications go")
    parser.add_argument("--settle-seconds", type=float, default=Pace().settle_seconds)
    parser.add_argument("--token", help="the bearer token that it wants; a new one by default")
    parser.add_argument("--notification-secret", help="the key that signs notifications; a new one by default")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    given = {"token": arguments.token, "notification_secret": arguments.notification_secret}
    secrets = new_secrets() | {name: Secret(value) for name, value in given.items() if value}
    pace = Pace(settle_seconds=arguments.settle_seconds)
    options = SimulatorOptions(host=arguments.host, port=arguments.port, pace=pace, callback_url=arguments.callback_url)
    await serve_alone(start_simulator(options, secrets), options)


if __name__ == "__main__":
    asyncio.run(_serve(_arguments()))
