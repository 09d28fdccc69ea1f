"""Applies kept notifications as evidence. What matches no payment is tried again for a day, then a person looks."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import structlog

from adapters.contract import Notified
from kernel.ids import NIL
from kernel.sql import beside
from payments.calls.cases import Cases
from payments.calls.ledger import Heard, Ledger, Recorded
from payments.inbox.accept import raw_context
from payments.policy import at_step
from payments.rows import PaymentRef
from payments.states.names import EvidenceSource
from payments.tools import Tools

_SQL = beside(__file__, "inbox.sql")
_log = structlog.get_logger()
_CLAIM_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A claimed notification."""

    bank_id: str
    id: UUID
    sealed: bytes = field(repr=False)
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Match:
    """The submission that a notification is about."""

    ref: PaymentRef
    submission_id: UUID


class InboxWorker:
    """Any number of processes may run one: a notification is claimed, and applied under its payment's lock."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._cases = Cases(tools)
        self._ledger = Ledger(tools)

    async def run_once(self) -> int:
        """Apply what is due, side by side, and return how many were looked at."""
        now = self._tools.clock.now()
        until = now + timedelta(seconds=_CLAIM_SECONDS)
        rows = await self._tools.pool.fetch(_SQL["claim_due"], now, until, self._tools.policy.notification_batch)
        results = await asyncio.gather(*(self._apply(_kept(row)) for row in rows), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                _log.error("notification.failed", error=type(result).__name__)
        return len(rows)

    async def _apply(self, kept: _Kept) -> None:
        raw = await self._tools.vault.open(NIL, kept.sealed, raw_context(kept.id))
        bank = await self._tools.banks.get(kept.bank_id)
        notified = bank.adapter.parse_notification(raw)
        match = await self._match(kept.bank_id, notified)
        if match is None:
            await self._try_later(kept)
            return
        recorded = await self._hear(kept, match, notified)
        await self._tools.enqueuer.offer(recorded.jobs)

    async def _match(self, bank_id: str, notified: Notified) -> _Match | None:
        """By our reference where the bank gave it, else by the bank's own."""
        name, value = "find_by_reference", notified.end_to_end_id
        if value is None:
            name, value = "find_by_bank_reference", notified.bank_reference
        row = None if value is None else await self._tools.pool.fetchrow(_SQL[name], bank_id, value)
        if row is None:
            return None
        ref = PaymentRef(partner_id=row["partner_id"], payment_id=row["payment_id"])
        return _Match(ref=ref, submission_id=row["id"])

    async def _hear(self, kept: _Kept, match: _Match, notified: Notified) -> Recorded:
        background = await self._cases.background(match.ref)
        async with self._tools.pool.acquire() as connection, connection.transaction():
            case = await self._cases.lock(connection, background, match.submission_id)
            mine = await connection.fetchval(
                _SQL["end_notification"], kept.bank_id, kept.id, self._tools.clock.now(), "applied"
            )
            if mine is None:
                return Recorded(case=case)
            heard = Heard(evidence=notified.evidence, source=EvidenceSource.CALLBACK)
            return await self._ledger.hear(connection, case, heard)

    async def _try_later(self, kept: _Kept) -> None:
        """It may be ahead of our own commit, or be about nothing of ours."""
        now, policy = self._tools.clock.now(), self._tools.policy
        age = (now - kept.received_at).total_seconds()
        if age >= policy.notification_age_max_seconds:
            await self._tools.pool.execute(_SQL["end_notification"], kept.bank_id, kept.id, now, "unmatched")
            _log.error("notification.unmatched", bank_id=kept.bank_id, notification_id=str(kept.id))
            return
        at = now + timedelta(seconds=_delay(age, policy.notification_delays_seconds))
        await self._tools.pool.execute(_SQL["look_again"], kept.bank_id, kept.id, at)


def _delay(age_seconds: float, delays: tuple[float, ...]) -> float:
    """Backoff from the age alone: the first delay that reaches beyond it, so that no counter need be kept."""
    step, reached = 0, 0.0
    while step < len(delays) and reached + delays[step] <= age_seconds:
        reached += delays[step]
        step += 1
    return at_step(delays, step)


def _kept(row: asyncpg.Record) -> _Kept:
    return _Kept(bank_id=row["bank_id"], id=row["id"], sealed=row["sealed_raw"], received_at=row["received_at"])
