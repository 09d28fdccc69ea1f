"""Deliveries of one dispatcher: claim, load, open, sign, send, record, finish; beside a client that only posts."""

import time

from bench.speed.figures import orders
from bench.speed.figures.measuring import Effort, accepted, arrived, each, medians, stopped
from bench.speed.reporting.results import Figure
from bench.speed.staging.party import Party
from bench.speed.staging.processes import spent
from bench.speed.staging.stage import Stage
from bench.speed.tools.running import call, run_tool

_TARGETS = {"lean": 2.0, "aiohttp": 0.70}
_COUNT = 6_000


async def delivered(stage: Stage, party: Party, effort: Effort, transport: str) -> list[Figure]:
    """What waits is worked off, alternating with as many posts of the bare client to the same receiver."""
    bare, bare_us, ours, costs = list[float](), list[float](), list[float](), list[dict[str, float]]()
    for _ in range(effort.pairs):
        rate, cost = await _bare(party)
        bare.append(rate)
        bare_us.append(cost)
        rate, costs_here = await work_off(stage, party)
        ours.append(rate)
        costs.append(costs_here)
    wire = "TLS" if party.receiver.authority else "HTTP"
    return [
        Figure(
            name=f"deliveries of one dispatcher, {transport}, {wire}",
            unit="/s",
            values=ours,
            against=bare,
            against_name="bare aiohttp client",
            target=_TARGETS[transport],
            cpu_us=medians(costs),
        ),
        Figure(
            name=f"CPU of the bare client against the dispatcher's, {transport}, {wire}",
            unit="µs bare",
            values=bare_us,
            against=[cost["dispatcher"] for cost in costs],
            against_name="dispatcher",
            target=_TARGETS[transport],
        ),
    ]


async def _bare(party: Party) -> tuple[float, float]:
    """Posts a second, and CPU µs of each."""
    authority = [str(party.receiver.authority)] if party.receiver.authority else []
    arguments = ["-m", "bench.speed.tools.ceilings", "client", f"{party.receiver.url}/hooks/bare", str(_COUNT)]
    told = await run_tool([*arguments, *authority])
    return _COUNT / told["seconds"], told["cpu_seconds"] / _COUNT * 1e6


async def work_off(stage: Stage, party: Party) -> tuple[float, dict[str, float]]:
    """Deliveries a second since the dispatcher went on, and CPU µs of each by process."""
    await party.receiver.forget()
    order = await orders.batches(stage, party, seconds=1, rate=_COUNT)
    async with stopped(stage, "dispatcher"):
        count = accepted(await call(order), orders.BATCH)
        before = stage.cpu()
        started = time.monotonic()
    found = await arrived(party.receiver, count)
    cost = each(spent(before, stage.cpu()), count)
    return count / (found["last_at"] - started), cost
