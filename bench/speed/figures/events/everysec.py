"""The same load with a Redis that writes its log once a second: the design does not need it, some want it."""

from pathlib import Path

from redis.asyncio import Redis

from bench.speed.figures.events.steady import hold
from bench.speed.figures.measuring import Effort, medians, share
from bench.speed.reporting.results import Figure
from bench.speed.staging.party import Party
from bench.speed.staging.stage import Stage

_RATE = 1_000.0


async def with_everysec(stage: Stage, party: Party, effort: Effort) -> list[Figure]:
    """p99 from sending to receiving with it, alternating with the same without it."""
    logged, plain, costs = list[float](), list[float](), list[dict[str, float]]()
    _let_it_write(stage)
    async with Redis.from_url(stage.read()["redis_url"]) as redis:
        try:
            for _ in range(effort.pairs):
                plain.append(share((await hold(stage, party, _RATE, effort.seconds)).ages_ms, 0.99))
                await redis.config_set("appendfsync", "everysec")
                await redis.config_set("appendonly", "yes")
                held = await hold(stage, party, _RATE, effort.seconds)
                await redis.config_set("appendonly", "no")
                logged.append(share(held.ages_ms, 0.99))
                costs.append(held.cpu_us)
        finally:
            await redis.config_set("appendonly", "no")
    return [
        Figure(
            name=f"accept → first byte at {_RATE:g}/s, p99, Redis with appendfsync everysec",
            unit="ms",
            values=logged,
            against=plain,
            against_name="without persistence",
            lower_is_better=True,
            cpu_us=medians(costs),
        )
    ]


def _let_it_write(stage: Stage) -> None:
    """Where we are root the server is nobody, and owns nothing where it stands: it was not meant to write."""
    for pid in stage.pids("redis"):
        Path(f"/proc/{pid}/cwd").resolve().chmod(0o777)
