"""What the shared limiter costs a request.

Two gateways side by side: one asks Redis for every request, the other cannot reach its Redis and counts by itself. The
requests are refused for their content right after they were let in, so that little else is in the way.
"""

from statistics import median

from bench.process import free_port
from bench.speed.figures import orders
from bench.speed.figures.measuring import Effort
from bench.speed.reporting.results import Figure
from bench.speed.staging.party import Party
from bench.speed.staging.processes import cpu_seconds
from bench.speed.staging.stage import Stage
from bench.speed.tools.order import Order
from bench.speed.tools.running import call

_ALONE = {"THREADNEEDLE_REDIS__LIMITS_URL": "redis://127.0.0.1:{}/0", "THREADNEEDLE_LIMITS__LOCAL_SHARE": "1.0"}


async def limiting(stage: Stage, party: Party, effort: Effort) -> list[Figure]:
    """CPU of gateway and Redis with it, less that of the gateway alone; beside the bare handler's."""
    process, port = await stage.tool("limiter-ceiling", ["-m", "bench.speed.tools.ceilings", "server"])
    theirs = free_port()
    nobody = {name: text.format(free_port()) for name, text in _ALONE.items()}
    order = (await orders.events(stage, party, seconds=effort.seconds)).model_copy(update={"items": ["{}"]})
    before = set(stage.pids("gateway"))
    costs, bare = list[float](), list[float]()
    async with stage.more("gateway", 1, {"THREADNEEDLE_GATEWAY__PORT": str(theirs), **nobody}):
        alone = [pid for pid in stage.pids("gateway") if pid not in before]
        for _ in range(effort.pairs):
            bare.append(await _cost(order, f"http://127.0.0.1:{port}/v1/events", [process.pid]))
            without = await _cost(order, f"http://127.0.0.1:{theirs}/v1/events", alone)
            costs.append(await _cost(order, order.url, [*before, *stage.pids("redis")]) - without)
    return [
        Figure(
            name="the shared limiter, CPU of a request",
            unit="µs",
            values=costs,
            against=bare,
            against_name="bare aiohttp handler",
            target=0.25,
            lower_is_better=True,
            notes=[f"{median(costs):.0f} µs of gateway and Redis together"],
        )
    ]


async def _cost(order: Order, url: str, pids: list[int]) -> float:
    """CPU µs of these processes per request."""
    before = cpu_seconds(pids)
    answer = await call(order.model_copy(update={"url": url}))
    return (cpu_seconds(pids) - before) / float(answer["requests"]) * 1e6
