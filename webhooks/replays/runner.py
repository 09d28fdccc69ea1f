"""Carries replays out, a chunk per transaction: its deliveries and how far the replay has come are one commit.

So a process that dies anywhere has made each delivery of a committed chunk due exactly once, and of the others none.
Jobs are offered to the queue after the commit; what was not offered any more, the reconciler finds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import structlog
from prometheus_client import CollectorRegistry, Counter

from kernel.ids import Kind, to_text
from kernel.sealing import SealError
from kernel.sql import beside
from webhooks.events.model import Connection
from webhooks.queue.port import Enqueuer, Job
from webhooks.replays.covering import (
    Budget,
    Page,
    before,
    begin_rounds,
    count_under_way,
    next_covered,
    plan_by_key,
    plan_for_counting,
)
from webhooks.replays.model import Phase, Replay
from webhooks.replays.unmatched import Unmatched, make_deliveries, mark_matched
from webhooks.states import ReplayState

_SQL = beside(__file__, "runner.sql")
_log = structlog.get_logger()

_SCANNED_PER_FOUND = 10
_SCANNED_MIN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerPolicy:
    """A chunk is what the rate allows in `chunk_seconds`, but no more than `chunk_max`.

    `settle_seconds` is how long after an id was given its event may still commit: longer than a batch is tried.
    """

    chunk_seconds: float = 0.5
    chunk_max: int = 500
    scanned_max: int = 5_000
    postpone_seconds: float = 10
    settle_seconds: float = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayMetrics:
    """What replays did with deliveries: `queued` again, `made`, `skipped`."""

    deliveries: Counter

    @classmethod
    def registered(cls, registry: CollectorRegistry) -> "ReplayMetrics":
        """The metrics, made known to a registry. Call it once per registry."""
        return cls(
            deliveries=Counter(
                "threadneedle_replayed_deliveries",
                "What became of the deliveries that replays covered",
                ["what"],
                registry=registry,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Where a replay stands after a chunk."""

    after_id: UUID | None
    phase: Phase
    state: ReplayState


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    queued: int = 0
    made: int = 0
    skipped: int = 0


def step_after(replay: Replay, page: Page) -> Step:
    """A last page ends the phase, and the last phase the replay."""
    if not page.is_last:
        return Step(after_id=page.after_id, phase=replay.phase, state=ReplayState.RUNNING)
    if replay.phase is Phase.EXISTING and replay.coverage.include_unmatched:
        return Step(after_id=None, phase=Phase.UNMATCHED, state=ReplayState.RUNNING)
    return Step(after_id=page.after_id, phase=replay.phase, state=ReplayState.COMPLETED)


class ReplayRunner:
    """Works on whatever is due. Several processes share the work."""

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        unmatched: Unmatched,
        enqueuer: Enqueuer,
        metrics: ReplayMetrics,
        policy: RunnerPolicy | None = None,
    ) -> None:
        self._pool = pool
        self._unmatched = unmatched
        self._enqueuer = enqueuer
        self._metrics = metrics
        self._policy = policy or RunnerPolicy()

    async def run_once(self) -> None:
        """Go on until no replay is due: a chunk for each partner in turn. Raises what the database's driver raises."""
        while await self._turn():
            pass

    async def _turn(self) -> bool:
        """A chunk for each partner; whether there was any."""
        due = await self._pool.fetch(_SQL["due_replays"])
        return any([await self._try_chunk(row["partner_id"], row["id"]) for row in due])

    async def _try_chunk(self, partner_id: UUID, replay_id: UUID) -> bool:
        """A chunk that fails by itself is postponed; others go on."""
        try:
            return await self._chunk(partner_id, replay_id)
        except (asyncpg.PostgresError, SealError, ValueError) as error:
            _log.warning("replay.postponed", error=type(error).__name__)
            await self._pool.execute(_SQL["postpone_replay"], partner_id, replay_id, self._policy.postpone_seconds)
            return False

    async def _chunk(self, partner_id: UUID, replay_id: UUID) -> bool:
        async with self._pool.acquire() as connection, connection.transaction():
            await plan_by_key(connection)
            row = await connection.fetchrow(_SQL["claim_replay"], partner_id, replay_id)
            if row is None:
                return False
            replay = Replay.from_row(row)
            if replay.phase is Phase.EXISTING:
                jobs = await self._requeue(connection, replay)
            else:
                jobs = await self._make(connection, replay)
        await self._enqueuer.offer(jobs)
        return True

    async def _requeue(self, connection: Connection, replay: Replay) -> Sequence[Job]:
        """Deliveries that there are get another round; those that are under way at the end are left alone."""
        coverage = replay.coverage
        page = await next_covered(connection, coverage, self._budget(replay))
        jobs = await begin_rounds(connection, coverage, replay.id, [row["id"] for row in page.rows])
        skipped = page.skipped + len(page.rows) - len(jobs)
        if page.is_last:
            await plan_for_counting(connection)
            skipped += await count_under_way(connection, coverage, replay.id)
        await self._advance(connection, replay, page, _Counts(queued=len(jobs), skipped=skipped))
        return jobs

    async def _make(self, connection: Connection, replay: Replay) -> Sequence[Job]:
        """Deliveries that never were are made; numbers are taken last, for they lock the endpoint's count."""
        page = await self._unmatched.next(connection, replay.coverage, self._budget(replay))
        event_ids = [row["id"] for row in page.rows]
        await mark_matched(connection, replay, event_ids)
        await self._advance(connection, replay, page, _Counts(made=len(event_ids)))
        return await make_deliveries(connection, replay, event_ids)

    async def _advance(self, connection: Connection, replay: Replay, page: Page, counts: _Counts) -> None:
        step = step_after(replay, page)
        names = (replay.coverage.tenant.partner_id, replay.id)
        place = (step.after_id, step.phase, step.state)
        added = (counts.queued, counts.made, counts.skipped)
        totals = await connection.fetchrow(_SQL["advance_replay"], *names, *place, *added, self._policy.settle_seconds)
        for what in ("queued", "made", "skipped"):
            self._metrics.deliveries.labels(what).inc(getattr(counts, what))
        if step.state is ReplayState.COMPLETED and totals is not None:
            text = to_text(Kind.REPLAY, replay.id, replay.coverage.tenant.environment)
            _log.info("replay.completed", replay_id=text, total=replay.total, **totals)

    def _budget(self, replay: Replay) -> Budget:
        """What the rate allows, found among not too many rows: a slow replay need not look far ahead."""
        policy = self._policy
        found = min(math.ceil(replay.rate_per_second * policy.chunk_seconds), policy.chunk_max)
        return Budget(
            after_id=replay.after_id or before(replay.coverage.first_id),
            scanned_max=min(max(found * _SCANNED_PER_FOUND, _SCANNED_MIN), policy.scanned_max),
            found_max=found,
        )
