"""`make bench`: every figure, its progress on the terminal, its results in bench/results/."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import orjson

from bench.facts import commit
from bench.speed.figures.measuring import Effort
from bench.speed.plan import PLANS
from bench.speed.reporting.machines import as_json as needs_as_json
from bench.speed.reporting.page import as_markdown
from bench.speed.reporting.plot import as_svg
from bench.speed.reporting.results import Results
from bench.speed.run import Run

_NAMES = sorted({measure.name for plan in PLANS for measure in plan.measures})


async def main() -> int:
    """Measure, show, keep. An interrupt ends it in order: nothing that it started is left running."""
    given = _arguments()
    _end_in_order()
    results = Results(commit=commit())
    effort = Effort(pairs=given.pairs, seconds=given.seconds, hold_seconds=given.hold_seconds, waiting=given.waiting)
    run = Run(given.state, effort, results, lambda: _keep(results, given.out))
    for plan in PLANS:
        if not given.transports or plan.transport in given.transports:
            await run.stage(plan, given.only)
    return int(any(figure.failed for figure in results.figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.speed", description=__doc__)
    usual = Effort()
    parser.add_argument("--pairs", type=int, default=usual.pairs, help="alternating pairs of each figure")
    parser.add_argument("--seconds", type=float, default=usual.seconds, help="length of one measurement")
    parser.add_argument("--hold-seconds", type=float, default=usual.hold_seconds, help="how long a load is held")
    parser.add_argument("--waiting", type=int, default=usual.waiting, help="deliveries that wait for a receiver")
    parser.add_argument("--only", nargs="+", default=[], choices=_NAMES, metavar="NAME", help=f"of {_NAMES}")
    parser.add_argument("--transports", nargs="+", default=[], help="of lean and aiohttp")
    parser.add_argument("--state", type=Path, default=Path("var/bench").absolute(), help="where everything is kept")
    parser.add_argument("--out", type=Path, default=Path("bench/results"), help="where the results go")
    return parser.parse_args()


def _end_in_order() -> None:
    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)


def _keep(results: Results, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "latest.json").write_bytes(
        orjson.dumps({**results.as_json(), "needs": needs_as_json(results.figures)}, option=orjson.OPT_INDENT_2)
    )
    (folder / "latest.md").write_text(as_markdown(results), encoding="utf-8")
    if results.curves:
        (folder / "latest.svg").write_text(as_svg(results.curves), encoding="utf-8")


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except asyncio.CancelledError:
        sys.exit("interrupted; what was measured so far is kept")
