"""Events in and deliveries out: accepted beside a bare handler, delivered beside a bare client, and both together."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from bench.load.scene import Lane
from bench.speed.cpu import cpu_seconds, spent
from bench.speed.figures import orders
from bench.speed.results import Figure
from bench.speed.stage import Stage, call, run_tool

_POLL_SECONDS = 0.05
_DRAIN_SECONDS_MAX = 120.0
_BATCH = 500


class Flow:
    """Figures of one stage whose lanes all answer at once."""

    def __init__(self, stage: Stage, lanes: Sequence[Lane], pairs: int, seconds: float) -> None:
        self._stage = stage
        self._lanes = lanes
        self._pairs = pairs
        self._seconds = seconds

    async def accepted_and_delivered(self) -> list[Figure]:
        """In turn: a bare handler, ours with the dispatcher stopped, a bare client, the dispatcher working it off."""
        bare_url = await self._stage.ceiling()
        accepted, bare, cpu = [], [], []
        delivered, posted, sending = [], [], []
        for _ in range(self._pairs):
            rate, bare_us = await self._bare_handler(bare_url)
            bare.append((rate, bare_us))
            async with self._stopped("dispatcher"):
                count, rate, cost = await self._accept(0)
                accepted.append(rate)
                cpu.append(cost)
                posted.append(await self._bare_client())
                await self._stage.forget()
            rate, cost = await self._work_off(count)
            delivered.append(rate)
            sending.append(cost)
        return [
            Figure(
                name="single events accepted",
                unit="/s",
                values=accepted,
                against=[rate for rate, _ in bare],
                against_name="bare aiohttp handler",
                target=0.45,
                cpu_us=_median_of(cpu),
            ),
            Figure(
                name="CPU of an accepted event",
                unit="µs of the gateway",
                values=[cost["gateway"] for cost in cpu],
                against=[cost for _, cost in bare],
                against_name="bare aiohttp handler",
                target=1 / 0.55,
                lower_is_better=True,
            ),
            Figure(
                name="deliveries of one dispatcher",
                unit="/s",
                values=delivered,
                against=posted,
                against_name="bare aiohttp client",
                target=2.0,
                cpu_us=_median_of(sending),
            ),
        ]

    async def in_batches(self, single: Figure) -> Figure:
        """Batches of 500 beside single events."""
        values, cpu = [], []
        for _ in range(self._pairs):
            async with self._stopped("dispatcher"):
                count, rate, cost = await self._accept(_BATCH)
                await self._stage.forget()
            values.append(rate)
            cpu.append(cost)
            await self._work_off(count)
        return Figure(
            name="events accepted in batches of 500",
            unit="/s",
            values=values,
            against=single.values,
            against_name="single",
            target=4.0,
            cpu_us=_median_of(cpu),
        )

    async def through(self, rate: float, seconds: float) -> list[Figure]:
        """Accepted, delivered and recorded at a steady rate; the age of events when they reach the receiver."""
        await self._stage.forget()
        before = self._stage.cpu()
        answer = await call(await orders.events(self._stage, self._lanes, seconds=seconds, rate=rate))
        accepted = _accepted(answer)
        at_end = (await self._stage.found())["count"]
        found = await self._drained(accepted)
        cost = {name: value / accepted * 1e6 for name, value in spent(before, self._stage.cpu()).items()}
        ages = found["ages_ms"]
        notes = [
            f"{accepted} accepted of {int(rate * seconds)} asked for, answers {answer['statuses']}",
            f"{accepted - at_end} on their way at the end",
            f"generator {answer['cpu_seconds'] / accepted * 1e6:.0f} µs of CPU an event",
        ]
        return [
            Figure(
                name=f"through at {rate:g}/s", unit="/s", values=[at_end / answer["seconds"]], cpu_us=cost, notes=notes
            ),
            Figure(name=f"sent → received at {rate:g}/s, p50", unit="ms", values=[_share(ages, 0.50)]),
            Figure(name=f"sent → received at {rate:g}/s, p99", unit="ms", values=[_share(ages, 0.99)]),
        ]

    async def beside_a_hanging_one(self, hanging: Lane, waiting: int, rate: float) -> Figure:
        """The healthy ones' p99 while one endpoint hangs with so many waiting, beside the same while it is paused."""
        order = await orders.events(self._stage, [hanging], seconds=max(waiting / 2_000, 1), batch=_BATCH)
        await self._pause(hanging, "pause")
        await call(order.model_copy(update={"rate": waiting / order.seconds}))
        with_it, without = [], []
        for _ in range(self._pairs):
            without.append(await self._p99(rate))
            await self._pause(hanging, "resume")
            await asyncio.sleep(1)
            with_it.append(await self._p99(rate))
            await self._pause(hanging, "pause")
        return Figure(
            name=f"healthy p99 at {rate:g}/s beside a hanging endpoint with {waiting} waiting",
            unit="ms",
            values=with_it,
            against=without,
            against_name="without it",
            target=1.2,
            lower_is_better=True,
        )

    async def _p99(self, rate: float) -> float:
        await self._stage.forget()
        answer = await call(await orders.events(self._stage, self._lanes, seconds=self._seconds, rate=rate))
        return _share((await self._drained(_accepted(answer)))["ages_ms"], 0.99)

    async def _pause(self, lane: Lane, what: str) -> None:
        await self._stage.post(f"/v1/webhook-endpoints/{lane.endpoint}/{what}")

    async def _bare_handler(self, url: str) -> tuple[float, float]:
        pid = self._stage.pid_of("ceiling")
        order = await orders.events(self._stage, self._lanes, seconds=self._seconds)
        before = cpu_seconds([pid])
        answer = await call(order.model_copy(update={"url": f"{url}/v1/events"}))
        count = answer["requests"]
        return count / answer["seconds"], (cpu_seconds([pid]) - before) / count * 1e6

    async def _accept(self, batch: int) -> tuple[int, float, dict[str, float]]:
        """Count, rate and CPU µs per event."""
        await self._stage.forget()
        before = self._stage.cpu()
        answer = await call(await orders.events(self._stage, self._lanes, seconds=self._seconds, batch=batch))
        cost = spent(before, self._stage.cpu())
        if (good := _accepted(answer)) < sum(answer["statuses"].values()):
            raise RuntimeError(f"not all were accepted: {answer['statuses']}")
        count = good * max(batch, 1)
        rate = answer["requests"] * max(batch, 1) / answer["seconds"]
        return count, rate, {name: value / count * 1e6 for name, value in cost.items()}

    async def _bare_client(self) -> float:
        url, count = f"{self._stage.receiver}/hooks/bare", 5_000
        told = await run_tool(["-m", "bench.speed.ceilings", "client", url, str(count)])
        return float(count / told["seconds"])

    async def _work_off(self, count: int) -> tuple[float, dict[str, float]]:
        """The dispatcher goes on since this moment; how fast it works off what waits."""
        before, started = self._stage.cpu(), time.monotonic()
        found = await self._drained(count)
        cost = spent(before, self._stage.cpu())
        return count / (found["last_at"] - started), {name: value / count * 1e6 for name, value in cost.items()}

    async def _drained(self, count: int) -> dict[str, Any]:
        deadline = time.monotonic() + _DRAIN_SECONDS_MAX
        while (found := await self._stage.found())["count"] < count:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{found['count']} of {count} arrived")
            await asyncio.sleep(_POLL_SECONDS)
        return found

    @asynccontextmanager
    async def _stopped(self, role: str) -> AsyncIterator[None]:
        """A role stands still for the block, as if it were not there."""
        pids = self._stage.pids(role)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)


def _share(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def _accepted(answer: dict[str, Any]) -> int:
    return sum(count for status, count in answer["statuses"].items() if status.startswith("2"))


def _median_of(costs: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: sorted(cost[name] for cost in costs)[len(costs) // 2] for name in costs[0]}
