"""What no dispatcher would ever meet again: lines without a head, and what can no longer be sent."""

from collections.abc import Iterable
from datetime import datetime

from kernel.ids import first_id_at
from webhooks.dispatch.lines import free_followers
from webhooks.dispatch.outcome import Reason
from webhooks.reconciler.lanes import LaneNow
from webhooks.reconciler.model import After, LaneKey
from webhooks.reconciler.pages import START
from webhooks.reconciler.tools import Tools
from webhooks.states import EndpointState


class Healing:
    """Works in portions, each a transaction of its own, for as long as it is given."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._rows_max = tools.policy.rows_healed_max
        self._closing: dict[LaneKey, tuple[Reason, After]] = {}

    async def free_stranded(self) -> int:
        """Make the first delivery of each stranded line due; the next walk enqueues it. Returns how many."""
        queries = self._tools.queries
        async with self._tools.pool.acquire() as connection, connection.transaction():
            await connection.execute(queries["plan_by_index"])
            rows = await connection.fetch(queries["stranded_lines"], self._rows_max)
            lines = [(row["partner_id"], row["endpoint_id"], row["ordering_key"]) for row in rows]
            return len(await free_followers(connection, lines))

    async def end_aged(self, lanes: Iterable[LaneNow], now: datetime) -> int:
        """End what grew too old in lanes that give nothing out, where no attempt would find it so. How many."""
        before = now - self._tools.policy.age_max
        ended = 0
        for lane in lanes:
            arguments = (*lane.key, first_id_at(before), before, Reason.TOO_OLD, self._rows_max)
            while portion := await self._tools.execute("end_aged", *arguments):
                ended += portion
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
            rows = await self._tools.fetch("end_pending", *key, reason, *after, self._rows_max)
            ended += len(rows)
            if len(rows) == self._rows_max:
                self._closing[key] = (reason, max((row["next_attempt_at"], row["id"]) for row in rows))
            else:
                del self._closing[key]
                ended += await self._end_waiting(key, reason)
        return ended

    async def _end_waiting(self, key: LaneKey, reason: Reason) -> int:
        ended = 0
        while portion := await self._tools.execute("end_waiting", *key, reason, self._rows_max):
            ended += portion
        return ended
