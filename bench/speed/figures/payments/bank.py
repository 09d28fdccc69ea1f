"""Payments through the gateway, beside the same orders sent to the bank's simulator directly."""

import asyncio
from collections.abc import Sequence
from typing import Any

from bench.load.scene import Lane
from bench.speed.figures import orders
from bench.speed.figures.measuring import Effort, accepted, each, medians, share
from bench.speed.reporting.results import Figure
from bench.speed.staging.party import Party
from bench.speed.staging.processes import spent
from bench.speed.staging.stage import Stage
from bench.speed.tools.running import call

_CALLERS = 32
_WARM_UP_SECONDS = 3.0
_SETTLED_SECONDS = 4.0


async def beside_the_bank(stage: Stage, party: Party, lanes: Sequence[Lane], effort: Effort) -> list[Figure]:
    """Payments a second, and what the gateway adds to the median answer of one that is alone.

    Those that are alone come first: what a load leaves behind would be counted as theirs.
    """
    await _warm_up(stage, party, lanes)
    added = [await _added_ms(stage, party, lanes) for _ in range(effort.pairs)]
    ours, theirs, costs = list[float](), list[float](), list[dict[str, float]]()
    for _ in range(effort.pairs):
        theirs.append(_rate(await call(orders.bank_orders(stage, seconds=effort.seconds, callers=_CALLERS))))
        before = stage.cpu()
        answer = await call(await orders.payments(stage, party, lanes, seconds=effort.seconds, callers=_CALLERS))
        costs.append(each(spent(before, stage.cpu()), accepted(answer)))
        ours.append(_rate(answer))
    return [
        Figure(
            name="payments through the gateway",
            unit="/s",
            values=ours,
            against=theirs,
            against_name="the bank's simulator directly",
            target=0.30,
            cpu_us=medians(costs),
        ),
        Figure(
            name="what the gateway adds to a lone payment, p50",
            unit="ms",
            values=added,
            against=[10.0] * len(added),
            against_name="the aim",
            target=1.0,
            lower_is_better=True,
        ),
    ]


async def _warm_up(stage: Stage, party: Party, lanes: Sequence[Lane]) -> None:
    """Connections that are new plan every statement anew; a system that has run for a minute has none."""
    await call(await orders.payments(stage, party, lanes, seconds=_WARM_UP_SECONDS, callers=_CALLERS))
    await asyncio.sleep(_SETTLED_SECONDS)


async def _added_ms(stage: Stage, party: Party, lanes: Sequence[Lane]) -> float:
    direct = await call(orders.bank_orders(stage, seconds=1, callers=1))
    through = await call(await orders.payments(stage, party, lanes, seconds=1, callers=1))
    accepted(direct)
    accepted(through)
    return share(through["latencies_ms"], 0.5) - share(direct["latencies_ms"], 0.5)


def _rate(answer: dict[str, Any]) -> float:
    accepted(answer)
    return float(answer["requests"] / answer["seconds"])
