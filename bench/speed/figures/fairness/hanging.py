"""One endpoint hangs on every request with thousands waiting; the others are asked how long they wait."""

import asyncio

from bench.load.scene import Lane
from bench.speed.figures import orders
from bench.speed.figures.measuring import Effort, accepted, arrived, share
from bench.speed.reporting.results import Figure
from bench.speed.staging.party import Party
from bench.speed.staging.stage import Stage
from bench.speed.tools.running import call

_WAITING = 5_000
_RATE = 500.0
_SECONDS = 3.0


async def beside_a_hanging_one(stage: Stage, party: Party, hanging: Lane, effort: Effort) -> list[Figure]:
    """The healthy lanes' p99 with it, alternating with the same while it is paused."""
    healthy = [lane for lane in party.lanes if lane is not hanging]
    await _pause(stage, party, hanging, "pause")
    order = await orders.batches(stage, party, seconds=1, rate=_WAITING, lanes=[hanging])
    accepted(await call(order), orders.BATCH)
    with_it, without = list[float](), list[float]()
    for _ in range(effort.pairs):
        without.append(await _p99(stage, party, healthy))
        await _pause(stage, party, hanging, "resume")
        await asyncio.sleep(1)
        with_it.append(await _p99(stage, party, healthy))
        await _pause(stage, party, hanging, "pause")
    return [
        Figure(
            name=f"healthy endpoints' p99 at {_RATE:g}/s beside one that hangs with {_WAITING:,} waiting",
            unit="ms",
            values=with_it,
            against=without,
            against_name="without it",
            target=1.2,
            lower_is_better=True,
        )
    ]


async def _p99(stage: Stage, party: Party, lanes: list[Lane]) -> float:
    await party.receiver.forget()
    answer = await call(await orders.events(stage, party, seconds=_SECONDS, rate=_RATE, lanes=lanes))
    return share((await arrived(party.receiver, accepted(answer)))["ages_ms"], 0.99)


async def _pause(stage: Stage, party: Party, lane: Lane, what: str) -> None:
    await stage.post(party, f"/v1/webhook-endpoints/{lane.endpoint}/{what}")
