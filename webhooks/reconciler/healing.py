"""What no dispatcher would ever meet again: lines without a head, and what can no longer be sent."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from kernel.ids import first_id_at
from webhooks.dispatch.lines import free_followers
from webhooks.dispatch.outcome import Reason
from webhooks.reconciler.lanes import LaneNow
from webhooks.reconciler.model import After, LaneKey
from webhooks.reconciler.pages import START
from webhooks.reconciler.tools import Tools
from webhooks.states import DeliveryState, EndpointState


@dataclass(frozen=True, slots=True)
class _Ending:
    """Which query finds deliveries that end, and how they end."""

    page: str
    state: DeliveryState
    reason: Reason


class Healing:
    """Works in portions, each a transaction of its own, for as long as it is given."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._rows_max = tools.policy.rows_healed_max
        self._closing: dict[LaneKey, tuple[Reason, After]] = {}

    async def free_stranded(self) -> int:
        """Make the first delivery of each stranded line due; the next walk enqueues it. Returns how many."""
        async with self._tools.transaction() as connection:
            rows = await connection.fetch(self._tools.queries["stranded_lines"], self._rows_max)
            lines = [(row["partner_id"], row["endpoint_id"], row["ordering_key"]) for row in rows]
            return len(await free_followers(connection, lines))

    async def end_aged(self, lanes: Iterable[LaneNow], now: datetime) -> int:
        """End what grew too old in lanes that give nothing out, where no attempt would find it so. How many."""
        before = now - self._tools.policy.age_max
        ending = _Ending("aged_page", DeliveryState.DEAD, Reason.TOO_OLD)
        ended = 0
        for lane in lanes:
            while rows := await self._end(ending, lane.key, first_id_at(before), before):
                ended += len(rows)
        return ended

    def close(self, lanes: Iterable[LaneNow]) -> None:
        """End, from now on, what the endpoints of these lanes will not receive."""
        for lane in lanes:
            reason = Reason.ENDPOINT_DELETED if lane.state is EndpointState.DELETED else Reason.ENDPOINT_DISABLED
            self._closing.setdefault(lane.key, (reason, START))

    async def advance(self, until: float) -> int:
        """Go on with closed lanes until all are empty or the clock says so. How many deliveries ended."""
        ended = 0
        while self._closing and (ended == 0 or self._tools.clock.monotonic() < until):
            key, (reason, after) = next(iter(self._closing.items()))
            rows = await self._end(_Ending("closed_page", DeliveryState.UNDELIVERED, reason), key, *after)
            if len(rows) == self._rows_max:
                self._closing[key] = (reason, (rows[-1]["next_attempt_at"], rows[-1]["id"]))
            else:
                del self._closing[key]
                rows += await self._end_lines(key, reason)
            ended += len(rows)
        return ended

    async def _end_lines(self, key: LaneKey, reason: Reason) -> list[asyncpg.Record]:
        ended: list[asyncpg.Record] = []
        while rows := await self._end(_Ending("closed_lines_page", DeliveryState.UNDELIVERED, reason), key):
            ended += rows
        return ended

    async def _end(self, ending: _Ending, key: LaneKey, *arguments: object) -> list[asyncpg.Record]:
        """One page of a lane ends; its rows, in the order of the page."""
        queries = self._tools.queries
        async with self._tools.transaction() as connection:
            rows = await connection.fetch(queries[ending.page], *key, *arguments, self._rows_max)
            if ids := [row["id"] for row in rows]:
                bounds = (min(ids), max(ids))
                await connection.execute(queries["end_deliveries"], key[0], ids, *bounds, ending.state, ending.reason)
        return rows
