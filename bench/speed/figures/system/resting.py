"""How soon it is ready, and what it holds when nothing happens."""

import time

from bench.speed.figures.measuring import Effort
from bench.speed.reporting.results import Figure
from bench.speed.staging.stage import Stage


async def starting(stage: Stage, effort: Effort) -> list[Figure]:
    """A further gateway and a further dispatcher until they are ready, and the whole system on an empty database."""
    figures = []
    for role in ("gateway", "dispatcher"):
        seconds = []
        for _ in range(effort.pairs):
            began = time.monotonic()
            async with stage.more(role, 1):
                seconds.append(time.monotonic() - began)
        figures.append(Figure(name=f"start of a {role} until it is ready", unit="s", values=seconds))
    everything = Figure(
        name="start of the whole system on an empty database, migrations included",
        unit="s",
        values=[stage.start_seconds],
    )
    return [*figures, everything]


async def at_rest(stage: Stage) -> list[Figure]:
    """Memory of each part before any load."""
    return [
        Figure(name=f"memory of the {name} at rest", unit="MiB", values=[size]) for name, size in stage.memory().items()
    ]
