"""`python -m bench.chaos`: exit status 0 if all held, 1 if not, 2 if it could not be run."""

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


def main() -> int:
    """Run every seed; print, write and judge."""
    return asyncio.run(_main(read_options()))


async def _main(options: Options) -> int:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    target = Target.load(options.target)
    results: dict[int, list[Finding]] = {}
    for seed in options.seeds:
        try:
            results[seed] = await _seed(options, target, seed)
        except (NotStarted, NotAnswered, TimeoutError) as error:
            print(f"seed {seed} could not be run: {error}\nagain: {options.replay(seed)}", file=sys.stderr)
            return 2
        print(f"\nseed {seed}\n{as_text(results[seed])}\n", flush=True)
        if failed(results[seed]):
            print(f"FAILED with seed {seed}; its logs are in {options.state / str(seed)}")
            print(f"again: {options.replay(seed)}", flush=True)
    if options.out is not None:
        options.out.write_text(page(options, results), encoding="utf-8")
    return 1 if any(map(failed, results.values())) else 0


async def _seed(options: Options, target: Target, seed: int) -> list[Finding]:
    stage = Stage(options, target, seed)
    try:
        async with asyncio.timeout(options.seconds + options.settle_seconds + _RUN_SECONDS_MAX_EXTRA):
            return await SeedRun(options, target, seed, stage).play()
    finally:
        await asyncio.shield(stage.lower_curtain())


if __name__ == "__main__":
    sys.exit(main())
