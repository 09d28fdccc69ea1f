"""Two and four processes of a role beside one."""

from collections.abc import Sequence

from bench.speed.figures import orders
from bench.speed.figures.events.accepting import take
from bench.speed.figures.events.delivering import work_off
from bench.speed.figures.measuring import Effort
from bench.speed.reporting.results import Figure
from bench.speed.staging.party import Party
from bench.speed.staging.stage import Stage

_COUNTS = (2, 4)
_SECONDS = 1.0


async def more_processes(stage: Stage, party: Party, effort: Effort) -> list[Figure]:
    """Events accepted by more gateways, deliveries by more dispatchers: one, two, four, and one again."""

    async def accepting() -> float:
        return (await take(stage, party, await orders.events(stage, party, seconds=_SECONDS))).rate

    async def delivering() -> float:
        return (await work_off(stage, party))[0]

    figures = []
    for role, what, measure in (
        ("gateway", "single events accepted", accepting),
        ("dispatcher", "deliveries", delivering),
    ):
        rates: dict[int, list[float]] = {count: [] for count in (1, *_COUNTS)}
        for _ in range(effort.pairs):
            for count, found in rates.items():
                async with stage.more(role, count - 1):
                    found.append(await measure())
        figures += [_figure(f"{what}, {count} {role}s", rates[count], rates[1]) for count in _COUNTS]
    return figures


def _figure(name: str, values: Sequence[float], one: Sequence[float]) -> Figure:
    return Figure(name=name, unit="/s", values=values, against=one, against_name="one process")
