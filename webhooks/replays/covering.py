"""The deliveries that a replay covers: counted, found a few at a time, and given another round."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from kernel.ids import NIL
from kernel.sql import beside
from webhooks.endpoints.patterns import TypeFilter
from webhooks.events.model import Connection
from webhooks.queue.port import Job
from webhooks.replays.model import FAILED, Coverage
from webhooks.states import DeliveryState

_SQL = beside(__file__, "covering.sql")
# States that the index of failures knows.
_INDEXED = frozenset({*FAILED, DeliveryState.CANCELLED})

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """From which id on one look begins, and how much it may take: rows looked at, and rows found."""

    after_id: UUID
    scanned_max: int = 5_000
    found_max: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one look found. `after_id` is where the next one begins; `skipped` were found and may not be made due."""

    rows: Sequence[asyncpg.Record]
    skipped: int
    after_id: UUID
    is_last: bool


async def plan_by_key(connection: Connection) -> None:
    """Let this transaction look rows up by their keys."""
    await connection.execute(_SQL["plan_by_key"])


async def plan_for_counting(connection: Connection, timeout_seconds: float | None = None) -> None:
    """Let this transaction read ranges, each within the time if one is given."""
    await connection.execute(_SQL["plan_for_counting"])
    if timeout_seconds is not None:
        await connection.execute(_SQL["limit_time"], f"{timeout_seconds * 1000:.0f}")


async def count_covered(connection: Connection, coverage: Coverage) -> int:
    """How many deliveries would be made due again."""
    if not coverage.states:
        return 0
    return int(await connection.fetchval(_SQL["count_covered"], *_range(coverage), *_ended(coverage)))


async def count_under_way(connection: Connection, coverage: Coverage, replay_id: UUID = NIL) -> int:
    """How many deliveries of the range have not ended, so that a replay leaves them alone."""
    if not coverage.states:
        return 0
    return int(await connection.fetchval(_SQL["count_under_way"], *_range(coverage), replay_id))


async def next_covered(connection: Connection, coverage: Coverage, budget: Budget) -> Page:
    """The next deliveries; no more than the budget, which bounds how long the transaction takes."""
    if not coverage.states:
        return Page(rows=(), skipped=0, after_id=budget.after_id, is_last=True)
    look = (budget.after_id, budget.scanned_max, budget.found_max)
    found = await connection.fetch(_SQL["next_covered"], *_range(coverage), *_ended(coverage), *look)
    return page_of(found, "is_sendable", budget)


def page_of(found: Sequence[asyncpg.Record], good: str, budget: Budget) -> Page:
    """The page of rows that each carry `scanned` and `last_id`; the column `good` says whether a row is of use.

    A page that is full ends at its last row, for there may be more among those that were looked at.
    """
    rows = [row for row in found if row["id"] is not None]
    is_full = len(rows) == budget.found_max
    return Page(
        rows=[row for row in rows if row[good]],
        skipped=sum(not row[good] for row in rows),
        after_id=rows[-1]["id"] if is_full else found[0]["last_id"] or budget.after_id,
        is_last=not is_full and found[0]["scanned"] < budget.scanned_max,
    )


async def begin_rounds(
    connection: Connection, coverage: Coverage, replay_id: UUID, delivery_ids: Sequence[UUID]
) -> list[Job]:
    """Another round for each that is still in a covered state; the jobs to offer after the commit."""
    if not delivery_ids:
        return []
    bounds = (min(delivery_ids), max(delivery_ids))
    rows = await connection.fetch(
        _SQL["begin_rounds"], coverage.tenant.partner_id, delivery_ids, *bounds, replay_id, coverage.states
    )
    return [
        Job(partner_id=row["partner_id"], endpoint_id=row["endpoint_id"], delivery_id=row["id"], round=row["round"])
        for row in rows
    ]


def before(identifier: UUID) -> UUID:
    """The greatest id that is smaller."""
    return UUID(int=identifier.int - 1)


def types_of(patterns: Sequence[str]) -> tuple[list[str] | None, list[str]]:
    """Patterns as the queries take them: whole types and beginnings; None where every type is meant."""
    types = TypeFilter.of(patterns)
    if types.everything or not patterns:
        return None, []
    return sorted(types.exact), list(types.beginnings)


def _range(coverage: Coverage) -> tuple[Any, ...]:
    """$1 to $9: whose, when, where, what and about whom."""
    tenant = coverage.tenant
    bounds = (coverage.first_id, coverage.deliveries_end_id, coverage.end_id)
    what = (*types_of(coverage.event_types), coverage.merchant_id)
    return (tenant.partner_id, tenant.environment, *bounds, coverage.endpoint_id, *what)


def _ended(coverage: Coverage) -> tuple[Any, ...]:
    """$10 to $12: how it ended."""
    return _INDEXED.issuperset(coverage.states), coverage.states, list(coverage.status_classes) or None
