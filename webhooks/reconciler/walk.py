"""Walks over all lanes: what is due and unknown to the queue is enqueued, a page of every lane in turn.

Between walks the lanes that were full, or that have just opened, are filled on.
"""

from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import asyncpg

from webhooks.queue.port import Placed
from webhooks.reconciler.lanes import LaneBook, LaneNow, chunks, columns
from webhooks.reconciler.model import LaneKey, NotQueued, Standing
from webhooks.reconciler.pages import Page, Pages, Place, lane_of
from webhooks.reconciler.tools import Tools

_WAITING = {Standing.HELD: NotQueued.HELD, Standing.PAUSED: NotQueued.PAUSED}


@dataclass(slots=True, kw_only=True)
class Walked:
    """What a walk found."""

    lanes: dict[LaneKey, LaneNow] = field(default_factory=dict)
    full: dict[LaneKey, Place] = field(default_factory=dict)
    enqueued: int = 0
    not_queued: Counter[NotQueued] = field(default_factory=Counter)
    oldest_due_seconds: Counter[Standing] = field(default_factory=Counter)

    def standing(self, *standings: Standing) -> list[LaneNow]:
        """The lanes that stand so."""
        return [lane for lane in self.lanes.values() if lane.standing in standings]

    def excuses(self) -> dict[LaneKey, NotQueued]:
        """Lanes whose deliveries the queue does not know, and why: the next walk need not wonder."""
        waiting = {lane.key: _WAITING[lane.standing] for lane in self.standing(*_WAITING)}
        return {**dict.fromkeys(self.full, NotQueued.WINDOW), **waiting}


class Walk:
    """Walks once, a slice of time at a time. After a loss (`rebuilding`) nothing is spared: all that is due goes in.

    Lanes that give nothing out are counted, not read.
    """

    def __init__(self, tools: Tools, book: LaneBook, excuses: Mapping[LaneKey, NotQueued], *, rebuilding: bool) -> None:
        self._tools = tools
        self._book = book
        self._excuses = excuses
        self._pages = Pages(tools)
        self._places: dict[LaneKey, Place] | None = None
        self._turn: deque[list[LaneKey]] = deque()
        self.is_rebuilding = rebuilding
        self.walked = Walked()

    async def advance(self, until: float) -> bool:
        """Go on until the clock says so. False: the walk is done.

        Raises QueueError or what the driver raises; what was enqueued by then stays, and another walk may begin.
        """
        if self._places is None:
            self._places = await self._begin()
        while self._places:
            self._turn = self._turn or deque(chunks(self._places, self._tools.policy.lanes_per_page))
            await self._page(self._turn.popleft(), self._places)
            if self._tools.clock.monotonic() >= until:
                return True
        await self._count_waiting()
        return False

    async def _begin(self) -> dict[LaneKey, Place]:
        if self.is_rebuilding or not self._book.has_told_all:
            await self._book.tell_all()
        rows = await self._tools.fetch("lanes_with_pending")
        self.walked.lanes = await self._book.look_up([lane_of(row) for row in rows])
        return {lane.key: Place() for lane in self.walked.standing(Standing.OPEN)}

    async def _page(self, lanes: Collection[LaneKey], places: dict[LaneKey, Place]) -> None:
        grace_seconds = -1 if self.is_rebuilding else self._tools.policy.grace_seconds
        page = await self._pages.turn({lane: places[lane] for lane in lanes}, grace_seconds=grace_seconds)
        window = self._tools.policy.lane_window
        full = page.full | {lane for lane in lanes if places[lane].rows >= window} - page.ended
        self.walked.full |= {lane: places[lane] for lane in full}
        for lane in full | page.ended:
            del places[lane]
        await self._count(page)

    async def _count(self, page: Page) -> None:
        missing: list[asyncpg.Record] = []
        for row, placed in page.placed:
            self._note_due(Standing.OPEN, -row["delay_ms"] / 1000)
            self.walked.enqueued += placed in {Placed.ADDED, Placed.REPLACED}
            if placed is Placed.ADDED and row["delay_ms"] <= 0:
                missing.append(row)
            self.walked.not_queued[NotQueued.AWAY] += placed is Placed.AWAY
        if self.is_rebuilding:
            self.walked.not_queued[NotQueued.REBUILT] += len(missing)
        else:
            await self._explain(missing)

    async def _explain(self, missing: Iterable[asyncpg.Record]) -> None:
        """A delivery that ended while its row was on the way here was missed by nobody."""
        unexplained = []
        for row in missing:
            if (why := self._excuses.get(lane_of(row))) is not None:
                self.walked.not_queued[why] += 1
            else:
                unexplained.append(row)
        if unexplained:
            found = [[row[name] for row in unexplained] for name in ("partner_id", "id", "round", "step")]
            [still] = await self._tools.fetch("still_due", *found)
            self.walked.not_queued[NotQueued.UNEXPLAINED] += still["count"]

    async def _count_waiting(self) -> None:
        """What full, held and paused lanes keep back, as far as a walk can afford to count it."""
        waiting = {lane.key: Place() for lane in self.walked.standing(*_WAITING)} | self.walked.full
        if not waiting:
            return
        policy = self._tools.policy
        rows_max = max(min(policy.rows_counted_max // len(waiting), policy.lane_window), 1)
        places = [place.after for place in waiting.values()]
        found = ([at for at, _ in places], [identifier for _, identifier in places])
        for row in await self._tools.fetch("count_due", *columns(waiting), *found, rows_max):
            standing = self.walked.lanes[lane_of(row)].standing
            self.walked.not_queued[_WAITING.get(standing, NotQueued.WINDOW)] += row["due"]
            self._note_due(standing, row["due_seconds"])

    def _note_due(self, standing: Standing, seconds: float) -> None:
        oldest = self.walked.oldest_due_seconds
        oldest[standing] = max(oldest[standing], seconds)  # type: ignore[assignment]


class Filling:
    """The lanes that have more than the queue holds, each as far as it was filled."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._pages = Pages(tools)
        self._places: dict[LaneKey, Place] = {}

    def begin(self, lane: LaneKey) -> None:
        """A lane that has just opened: from its beginning."""
        self._places.setdefault(lane, Place())

    def go_on(self, full: Mapping[LaneKey, Place]) -> None:
        """What a walk left."""
        self._places = {lane: Place(after=place.after) for lane, place in full.items()}

    async def advance(self, until: float) -> None:
        """Fill each lane that has room, in turn, until all are full or at their end, or the clock says so."""
        for part in list(chunks(list(self._places), self._tools.policy.lanes_per_page)):
            unfilled = {lane: self._places.pop(lane) for lane in part}
            while unfilled and self._tools.clock.monotonic() < until:
                page = await self._pages.turn(unfilled, grace_seconds=self._tools.policy.grace_seconds)
                for lane in page.full:
                    self._places[lane] = Place(after=unfilled[lane].after)
                unfilled = {lane: place for lane, place in unfilled.items() if lane not in page.full | page.ended}
            self._places |= unfilled
