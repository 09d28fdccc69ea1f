"""`make bench`: every figure, its progress on the terminal, its results in bench/results/."""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

import orjson

from bench.facts import commit
from bench.load.scene import Lane
from bench.speed.figures.flow import Flow
from bench.speed.figures.paying import beside_the_bank, onto_an_ordered_endpoint
from bench.speed.results import Figure, as_json, as_markdown
from bench.speed.stage import Stage

_RESULTS = Path("bench/results")
_GATEWAYS = "THREADNEEDLE_GATEWAY__PROCESSES"
_FAST = tuple(Lane(name=f"fast-{number}", behaviour="fast", weight=1) for number in range(49))
_HANGING = Lane(name="hang", behaviour="fast", weight=1)
_PLAIN = Lane(name="plain", behaviour="fast", weight=1, pays=True)
_ORDERED = Lane(name="ordered", behaviour="fast", weight=1, ordered=True, pays=True)


async def main() -> None:
    """Measure, show, keep."""
    given = _arguments()
    figures: list[Figure] = []
    async with Stage.opened(given.state, (*_FAST, _HANGING)) as stage:
        fast, hanging = stage.scene.lanes[:-1], stage.scene.lanes[-1]
        flow = Flow(stage, fast, given.pairs, given.seconds)
        figures += _shown(await flow.accepted_and_delivered())
        figures += _shown([await flow.in_batches(figures[0])])
        for rate in given.rates:
            figures += _shown(await flow.through(rate, given.through_seconds))
        figures += _shown([await flow.beside_a_hanging_one(hanging, 5_000, given.rates[0] / 2)])
    for gateways in (1, 4):
        async with Stage.opened(given.state, (_PLAIN, _ORDERED), {_GATEWAYS: str(gateways)}) as stage:
            plain, ordered = stage.scene.lanes
            if gateways == 1:
                figures += _shown(await beside_the_bank(stage, plain, given.pairs, given.seconds))
            figures += _shown([await onto_an_ordered_endpoint(stage, plain, ordered, given.pairs, given.seconds)])
    _keep(figures)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.speed", description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="alternating pairs of each figure")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of one measurement")
    parser.add_argument("--rates", type=float, nargs="+", default=[600.0, 1200.0], help="steady events a second")
    parser.add_argument("--through-seconds", type=float, default=30.0, help="how long each steady rate is held")
    parser.add_argument("--state", type=Path, default=Path("var/bench").absolute(), help="where everything is kept")
    return parser.parse_args()


def _shown(figures: Sequence[Figure]) -> Sequence[Figure]:
    for figure in figures:
        beside = f" · {figure.ratio:.2f} of {figure.against_name}" if figure.ratio is not None else ""
        cpu = "".join(f" · {name} {cost:.0f} µs" for name, cost in figure.cpu_us.items())
        middle = sorted(figure.values)[len(figure.values) // 2]
        print(f"{figure.name}: {middle:,.4g} {figure.unit}{beside}{cpu}", flush=True)
    return figures


def _keep(figures: Sequence[Figure]) -> None:
    _RESULTS.mkdir(exist_ok=True)
    (_RESULTS / "latest.json").write_bytes(orjson.dumps(as_json(figures, commit()), option=orjson.OPT_INDENT_2))
    (_RESULTS / "latest.md").write_text(as_markdown(figures, commit()), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
