"""What the queue is told of an endpoint's lane."""

from datetime import datetime

import asyncpg

from webhooks.queue.port import Lane, LaneMode


def lane_of(row: asyncpg.Record) -> Lane:
    """The lane of a row with partner_id, id, concurrency, weight, rate_per_second, rate_burst, paused_at, held_at."""
    return Lane(
        partner_id=row["partner_id"],
        endpoint_id=row["id"],
        mode=mode_of(row["paused_at"], row["held_at"]),
        cap=row["concurrency"],
        weight=row["weight"],
        rate_per_second=row["rate_per_second"] or 0.0,
        burst=row["rate_burst"] or 0,
    )


def mode_of(paused_at: datetime | None, held_at: datetime | None) -> LaneMode:
    """A pause is the owner's word and stands above a hold."""
    if paused_at is not None:
        return LaneMode.PAUSED
    return LaneMode.OPEN if held_at is None else LaneMode.HELD
