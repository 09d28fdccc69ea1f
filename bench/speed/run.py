"""A run: measure after measure; one that fails is told and the others go on."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path

from bench.speed.figures.measuring import Effort
from bench.speed.plan import Measure, StagePlan
from bench.speed.reporting.page import line
from bench.speed.reporting.results import Figure, Results
from bench.speed.staging.scene import Scene
from bench.speed.staging.stage import Stage

_MEASURE_SECONDS_MAX = 420.0


class Run:
    """Fills `results`; `keep` is called after every measure, so that an interrupted run leaves what it had."""

    def __init__(self, folder: Path, effort: Effort, results: Results, keep: Callable[[], None]) -> None:
        self._folder = folder
        self._effort = effort
        self._results = results
        self._keep = keep

    async def stage(self, plan: StagePlan, only: Collection[str]) -> None:
        """Everything of one stage, or those measures alone whose names are given."""
        wanted = [measure for measure in plan.measures if not only or measure.name in only]
        if not wanted:
            return
        try:
            async with Stage.opened(self._folder, plan.environment) as stage:
                scene = Scene(stage=stage, effort=self._effort, transport=plan.transport, results=self._results)
                for measure in wanted:
                    await self._measure(measure, scene)
        except Exception as error:  # noqa: BLE001 - what has no stage is told
            self._note([_failed(f"stage {plan.transport}", error)])

    async def _measure(self, measure: Measure, scene: Scene) -> None:
        name = f"{scene.transport}, {measure.name}"
        print(f"… {name}", flush=True)
        began = time.monotonic()
        self._note(await _figures(name, measure.work(scene)))
        print(f"  ({time.monotonic() - began:.0f} s)", flush=True)

    def _note(self, figures: Sequence[Figure]) -> None:
        self._results.figures.extend(figures)
        for figure in figures:
            print(f"  {line(figure)}", flush=True)
        self._keep()


async def _figures(name: str, work: Awaitable[Sequence[Figure]]) -> Sequence[Figure]:
    try:
        async with asyncio.timeout(_MEASURE_SECONDS_MAX):
            return await work
    except Exception as error:  # noqa: BLE001 - one figure less
        return [_failed(name, error)]


def _failed(name: str, error: Exception) -> Figure:
    words = " ".join(str(error).split())[-300:]
    return Figure(name=name, failed=f"{type(error).__name__}: {words}")
