"""Payments: through the gateway beside the bank directly, and onto an ordered endpoint beside an unordered one."""

from bench.load.scene import Lane
from bench.speed.figures import orders
from bench.speed.results import Figure
from bench.speed.stage import Stage, call

_CALLERS = 32


async def beside_the_bank(stage: Stage, lane: Lane, pairs: int, seconds: float) -> list[Figure]:
    """Payments a second, and what the gateway adds to the median answer."""
    ours, theirs, added = [], [], []
    # Lone ones first: what a load leaves behind would be counted as theirs.
    for _ in range(pairs):
        lone = await call(orders.bank_orders(stage, seconds=1, callers=1))
        lone_through = await call(await orders.payments(stage, lane, seconds=1, callers=1))
        _all_good(lone, lone_through)
        added.append(_median(lone_through) - _median(lone))
    for _ in range(pairs):
        direct = await call(orders.bank_orders(stage, seconds=seconds, callers=_CALLERS))
        through = await call(await orders.payments(stage, lane, seconds=seconds, callers=_CALLERS))
        _all_good(direct, through)
        theirs.append(direct["requests"] / direct["seconds"])
        ours.append(through["requests"] / through["seconds"])
    return [
        Figure(
            name="payments through the gateway",
            unit="/s",
            values=ours,
            against=theirs,
            against_name="the bank's simulator directly",
            target=0.30,
        ),
        Figure(name="what the gateway adds to a lone payment, p50", unit="ms", values=added),
    ]


async def onto_an_ordered_endpoint(stage: Stage, plain: Lane, ordered: Lane, pairs: int, seconds: float) -> Figure:
    """Each payment's events are numbered and kept in order; beside the same without order."""
    gateways = len(stage.pids("gateway"))
    values: list[float] = []
    against: list[float] = []
    for _ in range(pairs):
        for lane, rates in ((plain, against), (ordered, values)):
            answer = await call(await orders.payments(stage, lane, seconds=seconds, callers=_CALLERS))
            _all_good(answer)
            rates.append(answer["requests"] / answer["seconds"])
    return Figure(
        name=f"payments onto one ordered endpoint, {gateways} gateway{'s' if gateways > 1 else ''}",
        unit="/s",
        values=values,
        against=against,
        against_name="unordered",
        target=0.5,
    )


def _median(answer: dict[str, list[float]]) -> float:
    return answer["latencies_ms"][len(answer["latencies_ms"]) // 2]


def _all_good(*answers: dict[str, dict[str, int]]) -> None:
    for answer in answers:
        if set(answer["statuses"]) - {"200", "201", "202"}:
            raise RuntimeError(f"not all were accepted: {answer['statuses']}")
