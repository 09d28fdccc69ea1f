"""Many deliveries wait for a receiver that was down; it returns."""

import time
from collections.abc import Sequence

from bench.speed.figures import orders
from bench.speed.figures.measuring import Effort, accepted, arrived, each
from bench.speed.reporting.results import Figure
from bench.speed.staging.party import Party
from bench.speed.staging.processes import spent
from bench.speed.staging.stage import Stage
from bench.speed.tools.running import call

_ACCEPTED_PER_SECOND = 8_000
_RAMP_SECONDS = 20


async def worked_off(stage: Stage, party: Party, effort: Effort) -> list[Figure]:
    """How fast, once: it takes a minute; and how many arrived in each second since the return."""
    await party.receiver.go_down()
    try:
        seconds = max(effort.waiting / _ACCEPTED_PER_SECOND, 1)
        order = await orders.batches(stage, party, seconds=seconds, rate=effort.waiting / seconds)
        count = accepted(await call(order), orders.BATCH)
    finally:
        await party.receiver.forget()
        await party.receiver.come_up()
    before, returned = stage.cpu(), time.monotonic()
    found = await arrived(party.receiver, count)
    return [
        Figure(
            name=f"{count:,} waiting deliveries worked off after the receiver returned",
            unit="s",
            values=[found["last_at"] - returned],
            cpu_us=each(spent(before, stage.cpu()), count),
            notes=[f"arrived in each second from the first arrival: {_ramp(found['by_second'])}"],
        )
    ]


def _ramp(by_second: Sequence[int]) -> str:
    shown = ", ".join(f"{count:,}" for count in by_second[:_RAMP_SECONDS])
    return shown + (", …" if len(by_second) > _RAMP_SECONDS else "")
