"""`python -m bench.chaos`: exit status 0 if all held, 1 if not, 2 if it could not be run or was stopped.

However a seed ends, also by Ctrl-C or SIGTERM, everything that it started is ended first.
"""

import asyncio
import signal
import sys

from bench.chaos.options import Options, read_options
from bench.chaos.page import page
from bench.chaos.run import SeedRun, failed
from bench.chaos.stage import Stage
from bench.checker.finding import Finding, as_text
from bench.load.api import NotAnswered
from bench.process import NotStarted
from bench.target import Target

_RUN_SECONDS_MAX_EXTRA = 600.0


class _Stopped(Exception):
    """Somebody wants it to end."""


_CANNOT_RUN = (NotStarted, NotAnswered, TimeoutError, _Stopped)


def main() -> int:
    """Run every seed; print, write and judge."""
    return asyncio.run(_main(read_options()))


async def _main(options: Options) -> int:
    stopped = _stop_signal()
    target = Target.load(options.target)
    results: dict[int, list[Finding]] = {}
    for seed in options.seeds:
        try:
            results[seed] = await _seed(options, target, seed, stopped)
        except _CANNOT_RUN as error:
            print(f"seed {seed} could not be run: {error}\nagain: {options.replay(seed)}", file=sys.stderr)
            return 2
        print(f"\nseed {seed}\n{as_text(results[seed])}\n", flush=True)
        if failed(results[seed]):
            print(f"FAILED with seed {seed}; its logs are in {options.state / str(seed)}")
            print(f"again: {options.replay(seed)}", flush=True)
    if options.out is not None:
        options.out.write_text(page(options, results), encoding="utf-8")
    return 1 if any(map(failed, results.values())) else 0


async def _seed(options: Options, target: Target, seed: int, stopped: asyncio.Event) -> list[Finding]:
    """Raises _Stopped. A signal ends the play, never the ending: that nobody cancels."""
    stage = Stage(options, target, seed)
    playing = asyncio.create_task(_play(options, target, seed, stage))
    stopping = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not playing.done():
            raise _Stopped("it was stopped by a signal")
        return playing.result()
    finally:
        stopping.cancel()
        playing.cancel()
        await asyncio.wait({playing})
        await stage.lower_curtain()


async def _play(options: Options, target: Target, seed: int, stage: Stage) -> list[Finding]:
    async with asyncio.timeout(options.seconds + options.settle_seconds + _RUN_SECONDS_MAX_EXTRA):
        return await SeedRun(options, target, seed, stage).play()


def _stop_signal() -> asyncio.Event:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped


if __name__ == "__main__":
    sys.exit(main())
