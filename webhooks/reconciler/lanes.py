"""What PostgreSQL says about lanes, and what the queue is told of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import asyncpg

from kernel.ids import NIL
from webhooks.health.lanes import lane_of
from webhooks.queue.port import JOBS_PER_CALL_MAX, Lane, LaneMode, QueueUnavailable
from webhooks.reconciler.model import LaneKey, Standing
from webhooks.reconciler.tools import Tools
from webhooks.states import EndpointState

Item = TypeVar("Item")
# Told open, a closed lane gives out what it still holds, and the loader drops it.
_MODES = {
    Standing.OPEN: LaneMode.OPEN,
    Standing.HELD: LaneMode.HELD,
    Standing.PAUSED: LaneMode.PAUSED,
    Standing.CLOSED: LaneMode.OPEN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneNow:
    """A lane as it stands in PostgreSQL."""

    key: LaneKey
    standing: Standing
    state: EndpointState
    lane: Lane


class LaneBook:
    """Reads lanes and tells the queue of every one that is not as the queue takes for granted."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._told: set[LaneKey] = set()
        self.has_told_all = False

    async def tell_all(self) -> None:
        """Tell of every unusual lane there is, with or without deliveries: before any job of a new epoch."""
        self._told.clear()
        after, cap, were_told = (NIL, NIL), self._tools.policy.lane_cap, True
        while rows := await self._tools.fetch("unusual_lanes", *after, cap, JOBS_PER_CALL_MAX):
            were_told &= await self.tell([lane_now(row) for row in rows])
            after = (rows[-1]["partner_id"], rows[-1]["endpoint_id"])
        self.has_told_all = were_told

    async def look_up(self, keys: Sequence[LaneKey]) -> dict[LaneKey, LaneNow]:
        """These lanes as they are now. The queue is told of them, and of those that were unusual the last time."""
        found: dict[LaneKey, LaneNow] = {}
        wanted = dict.fromkeys((*keys, *self._told))
        for part in chunks(wanted, JOBS_PER_CALL_MAX):
            rows = await self._tools.fetch("lanes_now", *columns(part))
            lanes = [lane_now(row) for row in rows]
            await self.tell(lanes)
            found |= {lane.key: lane for lane in lanes}
        return {key: found[key] for key in keys}

    async def tell(self, lanes: Sequence[LaneNow], *, surely: bool = False) -> bool:
        """Tell of these, those left out that are as usual and never were otherwise. At most one call's worth.

        `surely`: leave none out. Another process told of them when they were unusual, and may have died since.

        False where a server is away: its lanes are told later, and nobody else's wait for that. Raises EpochLost.
        """
        worth_telling = [lane for lane in lanes if surely or lane.key in self._told or self._is_unusual(lane)]
        try:
            if worth_telling:
                await self._tools.queue.configure([lane.lane for lane in worth_telling])
        except QueueUnavailable:
            return False
        self._told.difference_update(lane.key for lane in lanes)
        self._told.update(lane.key for lane in lanes if self._is_unusual(lane))
        return True

    def _is_unusual(self, now: LaneNow) -> bool:
        lane = now.lane
        usual = Lane(partner_id=lane.partner_id, endpoint_id=lane.endpoint_id, cap=self._tools.policy.lane_cap)
        return now.standing is Standing.CLOSED or lane != usual


def lane_now(row: asyncpg.Record) -> LaneNow:
    """A row of `lanes_now`, `unusual_lanes` or `releasing_lanes`."""
    standing = _standing(row)
    return LaneNow(
        key=(row["partner_id"], row["endpoint_id"]),
        standing=standing,
        state=EndpointState(row["state"]),
        lane=lane_of(row, row["endpoint_id"], _MODES[standing]),
    )


def columns(keys: Iterable[LaneKey]) -> tuple[list[object], list[object]]:
    """Lanes as the two arrays that unnest takes."""
    keys = list(keys)
    return [partner_id for partner_id, _ in keys], [endpoint_id for _, endpoint_id in keys]


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items in portions."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def _standing(row: asyncpg.Record) -> Standing:
    match EndpointState(row["state"]):
        case EndpointState.DISABLED | EndpointState.DELETED:
            return Standing.CLOSED
        case EndpointState.UNPROVEN:
            return Standing.PAUSED
        case EndpointState.ENABLED if row["is_paused"]:
            return Standing.PAUSED
        case _:
            return Standing.HELD if row["is_held"] else Standing.OPEN
