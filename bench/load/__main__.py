"""`python -m bench.load`: the generator as a process of its own, so that nothing it does waits for the faults."""

import argparse
import asyncio
import signal
from pathlib import Path

import aiohttp

from bench.lines import Lines
from bench.load.api import Api, Credentials
from bench.load.generator import Generator
from bench.load.plan import Pace, plan
from bench.load.scene import Scene
from bench.target import DEFAULT, RunFile, Target

_PROGRESS_SECONDS = 5.0


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=DEFAULT)
    parser.add_argument("--run-file", type=Path, required=True)
    parser.add_argument("--scene", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--events-per-second", type=float, default=60.0)
    parser.add_argument("--payments-per-second", type=float, default=3.0)
    asyncio.run(_run(parser.parse_args()))


async def _run(arguments: argparse.Namespace) -> None:
    target, scene = Target.load(arguments.target), Scene.read(arguments.scene)
    pace = Pace(
        seed=arguments.seed,
        seconds=arguments.seconds,
        events_per_second=arguments.events_per_second,
        payments_per_second=arguments.payments_per_second,
    )
    payments = target.payments
    amounts = [(payments.amounts[name], weight) for name, weight in payments.weights.items()] if payments else []
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    connector = aiohttp.TCPConnector(limit=256)
    timeout = aiohttp.ClientTimeout(total=15)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        api = Api(target, RunFile(arguments.run_file), session)
        api.credentials = Credentials(scene.client_id, scene.client_secret)
        generator = Generator(target, api, Lines(arguments.log))
        progress = asyncio.create_task(_tell(generator))
        await generator.run(plan(pace, scene.lanes, amounts), stop)
        progress.cancel()


async def _tell(generator: Generator) -> None:
    while True:
        await asyncio.sleep(_PROGRESS_SECONDS)
        print(f"load: {generator.made} made, {generator.answered} answered, {generator.skipped} skipped", flush=True)


if __name__ == "__main__":
    main()
