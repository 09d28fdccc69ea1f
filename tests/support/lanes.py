"""A queue that only listens to what it is told about lanes."""

from dataclasses import dataclass, field

from webhooks.queue.port import Lane, QueueUnavailable


@dataclass(slots=True)
class LaneBook:
    """Remembers what the queue was told; away, it refuses."""

    told: list[Lane] = field(default_factory=list)
    is_away: bool = False

    async def configure(self, lanes: list[Lane]) -> None:
        if self.is_away:
            raise QueueUnavailable
        self.told += lanes
