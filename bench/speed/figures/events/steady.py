"""Events accepted, delivered and recorded at a steady rate, and how old they are when they reach the receiver."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.speed.figures import orders
from bench.speed.figures.measuring import Effort, accepted, arrived, each, share
from bench.speed.reporting.results import Figure, Point
from bench.speed.staging.party import Party
from bench.speed.staging.processes import cpu_seconds, spent
from bench.speed.staging.stage import Stage
from bench.speed.tools.running import call

_CURVE = (250, 500, 1_000, 1_500, 2_000, 3_000, 4_000, 5_000)
_CURVE_SECONDS = 4.0
_HALF_SECONDS = 15.0
_LAST_SECONDS_MAX = 1.0
# A backlog that holds no more than this many seconds of the load at its end does not grow.
_FLAT_SECONDS = 0.5
_HELD_SHARE = 0.97
_TARGETS = {"lean": 2_000.0, "aiohttp": 1_200.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What became of a rate. `rate` is what was asked for, `backlog` what had not arrived when the last was sent."""

    rate: float
    accepted: int
    seconds: float
    backlog: int
    ages_ms: Sequence[float]
    cpu_us: dict[str, float]
    wal_bytes: float
    memory_mib: dict[str, float]

    @property
    def through(self) -> float:
        """Delivered a second while it lasted."""
        return (self.accepted - self.backlog) / self.seconds

    @property
    def is_flat(self) -> bool:
        """Whether it could have gone on for ever."""
        return self.backlog <= self.rate * _FLAT_SECONDS and self.through >= self.rate * _HELD_SHARE

    @property
    def point(self) -> Point:
        """For the plot."""
        return Point(
            load=self.rate, through=self.through, p50_ms=share(self.ages_ms, 0.5), p99_ms=share(self.ages_ms, 0.99)
        )


async def curve(stage: Stage, party: Party) -> list[Point]:
    """Growing loads, until one is not held."""
    points: list[Point] = []
    for rate in _CURVE:
        held = await hold(stage, party, rate, _CURVE_SECONDS)
        points.append(held.point)
        if not held.is_flat:
            break
    return points


async def sustained(
    stage: Stage, party: Party, effort: Effort, transport: str, points: Sequence[Point]
) -> list[Figure]:
    """The load that the curve promises, held; then half of it."""
    rate = max([_TARGETS[transport], *(point.load * 0.8 for point in points[:-1])])
    full = await hold(stage, party, rate, effort.hold_seconds)
    half = await hold(stage, party, rate / 2, min(_HALF_SECONDS, effort.hold_seconds))
    return [
        Figure(
            name=f"end to end, held for {effort.hold_seconds:.0f} s, {transport}",
            unit="/s",
            values=[full.through],
            against=[_TARGETS[transport]],
            against_name="the aim",
            target=1.0,
            cpu_us=full.cpu_us,
            notes=[
                f"{rate:g}/s asked for, backlog {full.backlog} at the end: {'flat' if full.is_flat else '**growing**'}",
                f"sent → received p50 {share(full.ages_ms, 0.5):.1f} ms, p99 {share(full.ages_ms, 0.99):.1f} ms",
                "memory " + ", ".join(f"{name} {size:.0f} MiB" for name, size in full.memory_mib.items()),
            ],
        ),
        Figure(name=f"write-ahead log of a delivered event at {rate:g}/s", unit="bytes", values=[full.wal_bytes]),
        *_latency(half, transport),
    ]


async def hold(stage: Stage, party: Party, rate: float, seconds: float) -> Held:
    """Send at a rate, and wait for the rest to arrive."""
    await party.receiver.forget()
    before, wal, receiving = stage.cpu(), await stage.wal_bytes(), cpu_seconds([party.receiver.pid])
    order = await orders.events(stage, party, seconds=seconds, rate=rate)
    memory = asyncio.create_task(_memory_in_the_middle(stage, seconds))
    answer = await call(order)
    at_end = await party.receiver.found()
    count = accepted(answer)
    found: dict[str, Any] = await arrived(party.receiver, count)
    await asyncio.sleep(_LAST_SECONDS_MAX)  # for what is recorded after the last arrival
    cost = spent(before, stage.cpu()) | {
        "receiver": cpu_seconds([party.receiver.pid]) - receiving,
        "generator": answer["cpu_seconds"],
    }
    return Held(
        rate=rate,
        accepted=count,
        seconds=answer["seconds"],
        backlog=max(count - at_end["count"], 0),
        ages_ms=found["ages_ms"],
        cpu_us=each(cost, count),
        wal_bytes=(await stage.wal_bytes() - wal) / count,
        memory_mib=await memory,
    )


def _latency(half: Held, transport: str) -> list[Figure]:
    return [
        Figure(
            name=f"accept → first byte at {half.rate:g}/s, {name}, {transport}",
            unit="ms",
            values=[share(half.ages_ms, part)],
            against=[aim],
            against_name="the aim",
            target=1.0,
            lower_is_better=True,
        )
        for name, part, aim in (("p50", 0.5, 20.0), ("p99", 0.99, 75.0))
    ]


async def _memory_in_the_middle(stage: Stage, seconds: float) -> dict[str, float]:
    await asyncio.sleep(seconds * 0.8)
    return stage.memory()
