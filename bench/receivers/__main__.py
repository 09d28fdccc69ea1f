"""`python -m bench.receivers`: prints its port, then serves until it is told to end."""

import argparse
import asyncio
import signal
from pathlib import Path

from bench.lines import Lines
from bench.receivers.server import Receivers, listen, serve
from bench.target import DEFAULT, Target


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=DEFAULT)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--port-file", type=Path, required=True)
    asyncio.run(_run(parser.parse_args()))


async def _run(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    receivers = Receivers(Target.load(arguments.target).arrives, Lines(arguments.log))
    listener = listen()
    arguments.port_file.write_text(str(listener.getsockname()[1]), encoding="ascii")
    await serve(receivers, listener, stop)


if __name__ == "__main__":
    main()
