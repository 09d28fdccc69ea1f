"""Payments whose events go to one ordered, numbered endpoint, beside the same without order."""

from bench.load.scene import Lane
from bench.speed.figures import orders
from bench.speed.figures.measuring import Effort, accepted
from bench.speed.reporting.results import Figure
from bench.speed.staging.party import Party
from bench.speed.staging.stage import Stage
from bench.speed.tools.running import call

_CALLERS = 32


async def onto_an_ordered_endpoint(
    stage: Stage, party: Party, lanes: tuple[Lane, Lane], effort: Effort
) -> list[Figure]:
    """`lanes` are the plain one and the ordered one; with as many gateways as run now."""
    gateways = len(stage.pids("gateway"))
    plain, ordered = list[float](), list[float]()
    for _ in range(effort.pairs):
        for lane, rates in zip(lanes, (plain, ordered), strict=True):
            answer = await call(await orders.payments(stage, party, [lane], seconds=effort.seconds, callers=_CALLERS))
            rates.append(accepted(answer) / answer["seconds"])
    return [
        Figure(
            name=f"payments onto one ordered endpoint, {gateways} gateway{'s' if gateways > 1 else ''}",
            unit="/s",
            values=ordered,
            against=plain,
            against_name="unordered",
            target=0.5,
        )
    ]
