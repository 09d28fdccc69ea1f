"""What the queue is told of an endpoint's lane."""

from uuid import UUID

import asyncpg

from webhooks.queue.port import Lane, LaneMode
from webhooks.states import EndpointState


def lane_of(row: asyncpg.Record, endpoint_id: UUID, mode: LaneMode) -> Lane:
    """The lane of a row with partner_id, concurrency, weight, rate_per_second and rate_burst."""
    return Lane(
        partner_id=row["partner_id"],
        endpoint_id=endpoint_id,
        mode=mode,
        cap=row["concurrency"],
        weight=row["weight"],
        rate_per_second=row["rate_per_second"] or 0.0,
        burst=row["rate_burst"] or 0,
    )


def mode_of(state: EndpointState, *, is_paused: bool, is_held: bool) -> LaneMode:
    """A pause is the owner's word and stands above a hold; whoever has something to prove is sent nothing either."""
    if is_paused or state is EndpointState.UNPROVEN:
        return LaneMode.PAUSED
    return LaneMode.HELD if is_held else LaneMode.OPEN
