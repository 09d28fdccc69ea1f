"""Events accepted by one gateway: one by one beside a bare handler, and in batches beside one by one."""

from dataclasses import dataclass
from statistics import median

from bench.speed.figures import orders
from bench.speed.figures.measuring import Effort, accepted, arrived, each, medians, stopped
from bench.speed.reporting.results import Figure
from bench.speed.staging.party import Party
from bench.speed.staging.processes import cpu_seconds, spent
from bench.speed.staging.stage import Stage
from bench.speed.tools.order import Order
from bench.speed.tools.running import call


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one run of the generator brought in."""

    count: int
    rate: float
    cpu_us: dict[str, float]


async def singly(stage: Stage, party: Party, effort: Effort) -> list[Figure]:
    """Requests and CPU, alternating with a handler that parses the same JSON and answers it."""
    process, port = await stage.tool("ceiling", ["-m", "bench.speed.tools.ceilings", "server"])
    bare, bare_us, ours = list[float](), list[float](), list[Taken]()
    for _ in range(effort.pairs):
        order = await orders.events(stage, party, seconds=effort.seconds)
        before = cpu_seconds([process.pid])
        answer = await call(order.model_copy(update={"url": f"http://127.0.0.1:{port}/v1/events"}))
        bare.append(answer["requests"] / answer["seconds"])
        bare_us.append((cpu_seconds([process.pid]) - before) / answer["requests"] * 1e6)
        ours.append(await take(stage, party, order))
    return [
        Figure(
            name="single events accepted, one gateway",
            unit="/s",
            values=[taken.rate for taken in ours],
            against=bare,
            against_name="bare aiohttp handler",
            target=0.45,
            cpu_us=medians([taken.cpu_us for taken in ours]),
        ),
        Figure(
            name="CPU of the bare handler against the gateway's, per event",
            unit="µs bare",
            values=bare_us,
            against=[taken.cpu_us["gateway"] for taken in ours],
            against_name="gateway",
            target=0.55,
        ),
    ]


async def in_batches(stage: Stage, party: Party, effort: Effort) -> list[Figure]:
    """Batches of 500, alternating with single events."""
    single, ours = list[float](), list[Taken]()
    for _ in range(effort.pairs):
        single.append((await take(stage, party, await orders.events(stage, party, seconds=effort.seconds))).rate)
        ours.append(await take(stage, party, await orders.batches(stage, party, seconds=effort.seconds)))
    return [
        Figure(
            name="events accepted in batches of 500",
            unit="/s",
            values=[taken.rate for taken in ours],
            against=single,
            against_name="single events",
            target=4.0,
            cpu_us=medians([taken.cpu_us for taken in ours]),
            notes=[f"{median(taken.count for taken in ours):,.0f} events in each run"],
        )
    ]


async def take(stage: Stage, party: Party, order: Order) -> Taken:
    """Accept with the dispatchers standing still, and let them work it off afterwards."""
    await party.receiver.forget()
    async with stopped(stage, "dispatcher"):
        before = stage.cpu()
        answer = await call(order)
        cost = spent(before, stage.cpu())
    count = accepted(answer, order.batch)
    await arrived(party.receiver, count)
    rate = answer["requests"] * max(order.batch, 1) / answer["seconds"]
    return Taken(count=count, rate=rate, cpu_us=each(cost, count))
