"""Deliveries that never were: of events from before an endpoint was made, or while it received nothing."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from kernel.ids import id_beside
from kernel.sealing import KeyEncryptionKeyMissing, SealError, Vault
from kernel.sql import beside
from webhooks.catalogue.builtin import TOLD_ONCE
from webhooks.endpoints.model import filter_context
from webhooks.events.model import Connection, body_context
from webhooks.events.numbers import take_numbers
from webhooks.filters.expression import Filter, compile_filter
from webhooks.queue.port import Job
from webhooks.replays.covering import Budget, Page, before, page_of, types_of
from webhooks.replays.model import Coverage, Replay

_SQL = beside(__file__, "unmatched.sql")
# Round 0 would have been the first; it never was. So attempts and headers say that this is a replay.
_ROUND = 1
# How many expressions are evaluated before others get their turn.
_EVALUATED_AT_ONCE = 20
# How many pages of events are opened only to be counted.
_PAGES_COUNTED_MAX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """What an endpoint wants to hear now."""

    merchant_id: UUID | None
    merchant_ids: tuple[UUID, ...]
    event_types: tuple[str, ...]
    expression: Filter | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """How many deliveries an endpoint misses; with `is_at_most` its expression may hear of fewer."""

    deliveries: int
    is_at_most: bool


class Unmatched:
    """Finds such events, and makes their deliveries."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def listener(self, connection: Connection, coverage: Coverage) -> Listener | None:
        """The endpoint's present filters; None if it receives nothing. Raises SealError if its expression is lost."""
        partner_id, endpoint_id = coverage.tenant.partner_id, coverage.endpoint_id
        row = await connection.fetchrow(_SQL["find_listener"], partner_id, endpoint_id)
        if row is None or endpoint_id is None:
            return None
        expression = None
        if row["sealed_filter"] is not None:
            text = await self._vault.open_many([(partner_id, row["sealed_filter"], filter_context(endpoint_id))])
            expression = compile_filter(text[0].decode())
        return Listener(
            merchant_id=row["merchant_id"],
            merchant_ids=tuple(row["merchant_ids"]),
            event_types=tuple(row["event_types"]),
            expression=expression,
        )

    async def count(self, connection: Connection, coverage: Coverage) -> Missing:
        """How many deliveries are missing; an expression is asked as far as a caller can wait for it."""
        listener, after = await self.listener(connection, coverage), before(coverage.first_id)
        if listener is None:
            return Missing(deliveries=0, is_at_most=False)
        wanted = _wanted(coverage, listener, after)
        at_most = int(await connection.fetchval(_SQL["count_unmatched"], *wanted, coverage.deliveries_end_id))
        if listener.expression is None:
            return Missing(deliveries=at_most, is_at_most=False)
        heard = 0
        for _ in range(_PAGES_COUNTED_MAX):
            page = await self._page(connection, coverage, listener, Budget(after_id=after))
            heard, after = heard + len(page.rows), page.after_id
            if page.is_last:
                return Missing(deliveries=heard, is_at_most=False)
        return Missing(deliveries=at_most, is_at_most=True)

    async def next(self, connection: Connection, coverage: Coverage, budget: Budget) -> Page:
        """The next events to make deliveries of. Locks out whoever else makes some of this endpoint."""
        await connection.execute(_SQL["lock_making"], str(coverage.endpoint_id))
        listener = await self.listener(connection, coverage)
        if listener is None:
            return Page(rows=(), skipped=0, after_id=budget.after_id, is_last=True)
        return await self._page(connection, coverage, listener, budget)

    async def _page(self, connection: Connection, coverage: Coverage, listener: Listener, budget: Budget) -> Page:
        wanted, has_expression = _wanted(coverage, listener, budget.after_id), listener.expression is not None
        found = await connection.fetch(
            _SQL["next_unmatched"], *wanted, budget.scanned_max, budget.found_max, has_expression
        )
        page = page_of(found, "is_heard", budget)
        if listener.expression is None:
            return page
        return replace(page, rows=await self._heard(coverage.tenant.partner_id, page.rows, listener.expression))

    async def _heard(
        self, partner_id: UUID, rows: Sequence[asyncpg.Record], expression: Filter
    ) -> list[asyncpg.Record]:
        """Those whose body the expression is true of; one that was erased is heard by nobody.

        Raises KeyEncryptionKeyMissing, which is an operator's matter and ends.
        """
        sealed = [(partner_id, row["sealed_body"], body_context(row["id"])) for row in rows]
        heard = []
        for number, (row, body) in enumerate(zip(rows, await self._vault.open_each(sealed), strict=True), start=1):
            if isinstance(body, KeyEncryptionKeyMissing):
                raise body
            if not isinstance(body, SealError) and expression.matches(orjson.loads(body)):
                heard.append(row)
            if number % _EVALUATED_AT_ONCE == 0:
                await asyncio.sleep(0)
        return heard


async def mark_matched(connection: Connection, replay: Replay, event_ids: Sequence[UUID]) -> None:
    """Count one more endpoint for each event."""
    if event_ids:
        partner_id = replay.coverage.tenant.partner_id
        await connection.execute(_SQL["mark_matched"], partner_id, event_ids, min(event_ids), max(event_ids))


async def make_deliveries(connection: Connection, replay: Replay, event_ids: Sequence[UUID]) -> list[Job]:
    """Take numbers and insert, the last thing in the transaction; the jobs to offer after the commit."""
    tenant, endpoint_id = replay.coverage.tenant, replay.coverage.endpoint_id
    if not event_ids or endpoint_id is None:
        return []
    numbers = await take_numbers(connection, [(tenant.partner_id, endpoint_id, len(event_ids))])
    ids = [id_beside(event_id) for event_id in event_ids]
    await connection.execute(
        _SQL["insert_made"],
        tenant.partner_id,
        tenant.environment,
        endpoint_id,
        replay.id,
        ids,
        event_ids,
        list(numbers[tenant.partner_id, endpoint_id]),
    )
    return [
        Job(partner_id=tenant.partner_id, endpoint_id=endpoint_id, delivery_id=delivery_id, round=_ROUND)
        for delivery_id in ids
    ]


def _wanted(coverage: Coverage, listener: Listener, after: UUID) -> tuple[Any, ...]:
    """$1 to $13: whose, when, where, what and about whom."""
    tenant, types = coverage.tenant, types_of(listener.event_types)
    place = (tenant.partner_id, tenant.environment, after, coverage.end_id, coverage.endpoint_id)
    return (
        *place,
        *types,
        listener.merchant_id,
        list(listener.merchant_ids),
        *types_of(coverage.event_types),
        list(TOLD_ONCE),
        coverage.merchant_id,
    )
