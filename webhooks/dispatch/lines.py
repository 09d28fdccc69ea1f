"""The lines of ordered endpoints: when the head of one has ended, the next delivery becomes due."""

from collections.abc import Sequence
from uuid import UUID

from kernel.sql import beside
from webhooks.events.model import Connection
from webhooks.queue.port import Job, Priority

_SQL = beside(__file__, "recording.sql")

# An ordered endpoint's deliveries of one ordering key: partner, endpoint, key.
Line = tuple[UUID, UUID, UUID]


async def free_followers(connection: Connection, lines: Sequence[Line]) -> list[Job]:
    """Make the next delivery of each line due unless one is already; the caller offers the jobs after its commit."""
    if not lines:
        return []
    await connection.execute(_SQL["lock_lines"], [f"{endpoint}/{key}" for _, endpoint, key in lines])
    freed = await connection.fetch(_SQL["free_followers"], *(list(column) for column in zip(*lines, strict=True)))
    return [
        Job(
            partner_id=record["partner_id"],
            endpoint_id=record["endpoint_id"],
            delivery_id=record["id"],
            round=record["round"],
            step=record["step"],
            priority=Priority(record["priority"]),
        )
        for record in freed
    ]
