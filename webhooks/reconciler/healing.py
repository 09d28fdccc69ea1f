"""What no dispatcher would ever meet again: lines without a head, and what can no longer be sent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from kernel.ids import Environment, Tenant, first_id_at
from webhooks.dispatch.lines import free_followers
from webhooks.dispatch.outcome import Reason
from webhooks.events.model import NewEvent
from webhooks.health.notices import EndpointRef, delivery_dead, is_notice
from webhooks.queue.port import Job
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
        """End what grew too old in lanes that give nothing out, where no attempt would find it so. How many.

        Each is told to its partner, as one that dies of an attempt is. Raises QueueError.
        """
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
        queries, jobs = self._tools.queries, list[Job]()
        async with self._tools.transaction() as connection:
            rows = await connection.fetch(queries[ending.page], *key, *arguments, self._rows_max)
            if ids := [row["id"] for row in rows]:
                bounds = (min(ids), max(ids))
                await connection.execute(queries["end_deliveries"], key[0], ids, *bounds, ending.state, ending.reason)
                if ending.state is DeliveryState.DEAD:
                    ended = await connection.fetch(queries["about_deliveries"], key[0], ids, *bounds)
                    written = await self._tools.events.write(connection, self._notices(key, ended, ending.reason))
                    jobs = [job for item in written for job in item.jobs]
        if jobs:
            await self._tools.queue.enqueue(jobs)
        return rows

    def _notices(self, key: LaneKey, ended: Sequence[asyncpg.Record], reason: Reason) -> list[NewEvent]:
        """What a partner is told of deliveries that died; of one that was itself a notice, nothing."""
        return [
            delivery_dead(
                EndpointRef(Tenant(key[0], Environment(row["environment"])), key[1]),
                self._tools.clock.now(),
                delivery_id=row["id"],
                event_id=row["event_id"],
                reason=reason,
            )
            for row in ended
            if row["type"] is not None and not is_notice(row["type"])
        ]
