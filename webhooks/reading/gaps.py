"""Completeness: which of an endpoint's numbers have not arrived. A number stays with its delivery over every retry."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from kernel.errors import FieldError, Invalid, NotFound
from kernel.ids import Tenant
from kernel.sql import beside
from webhooks.reading.scanning import looking
from webhooks.states import DeliveryState

_SQL = beside(__file__, "gaps.sql")
NUMBERS_MAX = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Numbers, both ends included, that were not delivered: one delivery's, or without one, several that are not kept.

    The latter ended more than the retention ago, delivered or not.
    """

    first: int
    last: int
    delivery_id: UUID | None = None
    event_id: UUID | None = None
    state: DeliveryState | None = None
    state_reason: str | None = None
    round: int = 0
    last_status_code: int | None = None
    last_error_class: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GapPage:
    """The gaps up to `next_since`, lowest first; where that is `last_sequence`, there are no more.

    `oldest_kept` is the lowest number that is still kept, None without any.
    """

    gaps: tuple[Gap, ...]
    last_sequence: int
    next_since: int
    oldest_kept: int | None


class Gaps:
    """Reads them."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def after(self, tenant: Tenant, endpoint_id: UUID, since: int, limit: int) -> GapPage:
        """The gaps among the numbers after `since`. Raises NotFound, and Invalid for a number not given yet."""
        endpoint = (tenant.partner_id, endpoint_id)
        async with looking(self._pool) as connection:
            last = await connection.fetchval(_SQL["get_counter"], *endpoint, tenant.environment)
            if last is None:
                raise NotFound
            if since > last:
                raise _not_given_yet(last)
            oldest = await connection.fetchval(_SQL["oldest_number"], *endpoint)
            rows = await connection.fetch(_SQL["numbers_after"], *endpoint, since, NUMBERS_MAX, limit + 1)
        found = tuple(_gaps(rows, since, last))
        if len(found) > limit or len(rows) > limit:
            found = found[:limit]
            reached = found[-1].last
        else:
            reached = _reached(rows, last)
        return GapPage(gaps=found, last_sequence=last, next_since=reached, oldest_kept=oldest)


def _not_given_yet(last: int) -> Invalid:
    message = f"Expected at most {last}, the last number that this endpoint's deliveries have."
    return Invalid([FieldError(pointer="/since", code="too_large", message=message)])


def _reached(rows: Sequence[asyncpg.Record], last: int) -> int:
    """Up to where every number is accounted for, if nothing was cut off."""
    if rows and not rows[-1]["is_all"]:
        return int(rows[-1]["sequence"])
    return last


def _gaps(rows: Sequence[asyncpg.Record], since: int, last: int) -> Iterator[Gap]:
    for row in rows:
        if row["before"] + 1 < row["sequence"]:
            yield Gap(first=row["before"] + 1, last=row["sequence"] - 1)
        if row["state"] != DeliveryState.DELIVERED:
            yield _gap(row)
    if (not rows or rows[-1]["is_all"]) and (reached := rows[-1]["sequence"] if rows else since) < last:
        yield Gap(first=reached + 1, last=last)


def _gap(row: asyncpg.Record) -> Gap:
    return Gap(
        first=row["sequence"],
        last=row["sequence"],
        delivery_id=row["id"],
        event_id=row["event_id"],
        state=DeliveryState(row["state"]),
        state_reason=row["state_reason"],
        round=row["round"],
        last_status_code=row["last_status_code"],
        last_error_class=row["last_error_class"],
    )
