"""The queue by itself: the contract's own measure of its cycle, with a million waiting and with a thousand."""

from bench.speed.reporting.results import Figure
from bench.speed.staging.stage import Stage
from bench.speed.tools.running import run_tool

_WAITING = 1_000_000


async def cycle(stage: Stage) -> list[Figure]:
    """On a Redis of its own; the million is filled in once, the turns alternate."""
    async with stage.redis() as url:
        told = await run_tool(["-m", "tests.contracts.queue.costs", url, str(_WAITING)])
    return [
        Figure(
            name=f"queue cycle (enqueue, claim, finish) with {_WAITING:,} waiting, server CPU",
            unit="µs a job",
            values=told["long_us"],
            against=told["short_us"],
            against_name="with 1,000 waiting",
            target=1.3,
            lower_is_better=True,
        ),
        Figure(
            name="memory of a waiting job",
            unit="bytes",
            values=[told["bytes_per_job"]],
            against=[200.0],
            against_name="the aim",
            target=1.0,
            lower_is_better=True,
        ),
    ]
