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
_ROUNDS_MAX = 12


async def worked_off(stage: Stage, party: Party, effort: Effort) -> list[Figure]:
    """How fast, once: it takes a minute; and how many arrived in each second since the return."""
    await party.receiver.go_down()
    try:
        count = await _fill(stage, party, effort.waiting)
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


async def _fill(stage: Stage, party: Party, wanted: int) -> int:
    """Accept so many, however long a busy machine takes for it; how many they were."""
    count = 0
    for _ in range(_ROUNDS_MAX):
        if count >= wanted:
            break
        left = wanted - count + orders.BATCH  # the last batch of a second is one that is not sent any more
        seconds = max(left / _ACCEPTED_PER_SECOND, 1)
        order = await orders.batches(stage, party, seconds=seconds, rate=left / seconds)
        count += accepted(await call(order), orders.BATCH)
    return count


def _ramp(by_second: Sequence[int]) -> str:
    shown = ", ".join(f"{count:,}" for count in by_second[:_RAMP_SECONDS])
    return shown + (", …" if len(by_second) > _RAMP_SECONDS else "")
