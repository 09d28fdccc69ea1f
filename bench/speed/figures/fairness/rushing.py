"""Sixteen clients send ten times what they may through four gateways; a neighbour below its limit waits no longer."""

import asyncio
from typing import Any

from bench.speed.figures import orders
from bench.speed.figures.measuring import Effort, accepted, share
from bench.speed.reporting.results import Figure
from bench.speed.staging.party import Party
from bench.speed.staging.stage import Stage
from bench.speed.tools.order import Order
from bench.speed.tools.running import call

_CLIENTS = 16
_LIMIT = 10
_TIMES = 10
_NEIGHBOUR_RATE = 100.0
_SECONDS = 3.0
_GATEWAYS = 4


async def beside_a_rush(stage: Stage, party: Party, effort: Effort) -> list[Figure]:
    """The neighbour's p99 with the rush, alternating with the same without it. None of its requests is refused."""
    tokens = [await stage.limited_token(f"rush-{number}", _LIMIT) for number in range(_CLIENTS)]
    with_it, alone, let_in = list[float](), list[float](), list[float]()
    async with stage.more("gateway", _GATEWAYS - 1):
        for _ in range(effort.pairs):
            alone.append(await _neighbour_p99(stage, party))
            rush = asyncio.create_task(_rush(stage, tokens))
            await asyncio.sleep(1)
            with_it.append(await _neighbour_p99(stage, party))
            let_in.append(_admitted(await rush))
    return [
        Figure(
            name=f"a neighbour's p99 while {_CLIENTS} clients send {_TIMES} times their limit, {_GATEWAYS} gateways",
            unit="ms",
            values=with_it,
            against=alone,
            against_name="alone",
            target=1.25,
            lower_is_better=True,
        ),
        Figure(
            name=f"let in of those {_CLIENTS} clients",
            unit="/s",
            values=let_in,
            against=[float(_CLIENTS * _LIMIT)] * len(let_in),
            against_name="their limits",
        ),
    ]


async def _neighbour_p99(stage: Stage, party: Party) -> float:
    answer = await call(await orders.events(stage, party, seconds=_SECONDS, rate=_NEIGHBOUR_RATE))
    accepted(answer)
    return share(answer["latencies_ms"], 0.99)


async def _rush(stage: Stage, tokens: list[str]) -> dict[str, Any]:
    """Longer than the neighbour is watched, on either side."""
    return await call(
        Order(
            url=stage.url("/v1/events"),
            headers={"content-type": "application/json"},
            items=['{"type":"order.shipped","data":{"key":"@@"}}'],
            connections=orders.CALLERS,
            seconds=_SECONDS + 3,
            rate=float(_CLIENTS * _LIMIT * _TIMES),
            tokens=tokens,
        )
    )


def _admitted(answer: dict[str, Any]) -> float:
    """Those let in a second; the first second also empties the buckets."""
    good = sum(count for status, count in answer["statuses"].items() if status.startswith("2"))
    return float(good / (answer["seconds"] + 1))
