"""Applies kept notifications as evidence, or asks the bank where they are only hints.

Evidence that matches no payment, or cannot be applied, is tried again for a day, then a person looks.
"""

import asyncio
from collections import Counter as Tally
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

import asyncpg
import structlog
from prometheus_client import Counter

from adapters.contract import Notified
from kernel.ids import NIL
from kernel.sealing import KeyDestroyed
from kernel.sql import beside
from payments.calls.cases import Case, Cases
from payments.calls.ledger import Heard, Ledger, Recorded
from payments.inbox.accept import raw_context
from payments.inbox.batch import Kept, NotificationBatch
from payments.inbox.hints import ConsentHints, Hints
from payments.journeys.hearing import awaits_still
from payments.policy import at_step
from payments.rows import PaymentRef
from payments.states.decide import RefusedMove
from payments.states.names import EvidenceSource
from payments.tools import Connection, Tools

_SQL = beside(__file__, "inbox.sql")
_log = structlog.get_logger()
_CLAIM_SECONDS = 30
_Done = TypeVar("_Done")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Match:
    """The submission that a notification is about."""

    ref: PaymentRef
    submission_id: UUID


class InboxWorker:
    """Any number of processes may run one: a notification is claimed, and applied under its payment's lock."""

    def __init__(self, tools: Tools, consents: ConsentHints, counted: Counter) -> None:
        """`counted` is payments.inbox.metrics.notification_counter."""
        self._tools = tools
        self._counted = counted
        self._hints = Hints(tools, consents)
        self._cases = Cases(tools)
        self._ledger = Ledger(tools)
        self._batch = NotificationBatch(tools, self._ledger)

    async def run_once(self) -> int:
        """Work off what is due, side by side, and return how many were looked at. Each bank has its own share."""
        rows = await self._claim()
        claimed = [_kept(row) for row in rows]
        read = await asyncio.gather(*(self._tried(kept, self._read(kept)) for kept in claimed))
        told = {kept: notified for kept, notified in zip(claimed, read, strict=True) if notified is not None}
        hinted = [kept for kept, notified in told.items() if notified.hints]
        left = await self._apply_together({kept: told[kept] for kept in told if kept not in hinted})
        await asyncio.gather(
            *(self._tried(kept, self._ask(kept, told[kept])) for kept in hinted),
            *(self._tried(kept, self._apply(kept, told[kept])) for kept in left),
        )
        return len(rows)

    async def _tried(self, kept: Kept, work: Awaitable[_Done]) -> _Done | None:
        """What came of it; None for a failure, which is tried again with the claim's end, but not for ever."""
        try:
            return await work
        except KeyDestroyed:
            await self._give_up(kept, "erased")
        except Exception as error:  # noqa: BLE001 - one must not keep the others from their turn
            _log.error("notification.failed", bank_id=kept.bank_id, error=type(error).__name__)
            if self._is_old(kept):
                await self._give_up(kept, "failed")
        return None

    async def _give_up(self, kept: Kept, outcome: str) -> None:
        await self._end(kept, outcome)
        _log.error(f"notification.{outcome}", bank_id=kept.bank_id, notification_id=str(kept.id))

    def _is_old(self, kept: Kept) -> bool:
        age = (self._tools.clock.now() - kept.received_at).total_seconds()
        return age >= self._tools.policy.notification_age_max_seconds

    async def _claim(self) -> list[asyncpg.Record]:
        now, banks = self._tools.clock.now(), await self._tools.banks.all()
        until = now + timedelta(seconds=_CLAIM_SECONDS)
        names, share = [bank.bank.id for bank in banks], self._tools.policy.notification_batch
        return list(await self._tools.pool.fetch(_SQL["claim_due"], now, until, share, names))

    async def _read(self, kept: Kept) -> Notified:
        raw = await self._tools.vault.open(NIL, kept.sealed, raw_context(kept.id))
        bank = await self._tools.banks.get(kept.bank_id)
        return bank.adapter.parse_notification(raw)

    async def _apply_together(self, told: Mapping[Kept, Notified]) -> Sequence[Kept]:
        """Those that are left. One that cannot be written must not keep the others from it."""
        if not told:
            return []
        try:
            left = await self._batch.apply(told)
        except Exception as error:  # noqa: BLE001 - whatever it was, each is tried by itself
            _log.warning("notifications.apart", error=type(error).__name__)
            return list(told)
        for bank_id, applied in Tally(kept.bank_id for kept in told if kept not in left).items():
            self._counted.labels(bank_id, "applied").inc(applied)
        return left

    async def _ask(self, kept: Kept, notified: Notified) -> None:
        """First the asking, then the end: what is asked about twice is asked about."""
        outcome = "asked" if await self._hints.heed(kept, notified) else "ignored"
        await self._end(kept, outcome)

    async def _end(self, kept: Kept, outcome: str) -> None:
        now = self._tools.clock.now()
        if await self._tools.pool.fetchval(_SQL["end_notification"], kept.bank_id, kept.id, now, outcome):
            self._counted.labels(kept.bank_id, outcome).inc()

    async def _apply(self, kept: Kept, notified: Notified) -> None:
        match = await self._match(kept.bank_id, notified)
        if match is None:
            await self._try_later(kept)
            return
        recorded = await self._hear(kept, match, notified)
        self._counted.labels(kept.bank_id, "applied").inc()
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

    async def _hear(self, kept: Kept, match: _Match, notified: Notified) -> Recorded:
        background = await self._cases.background(match.ref)
        async with self._tools.pool.acquire() as connection, connection.transaction():
            case = await self._cases.lock(connection, background, match.submission_id)
            mine = await connection.fetchval(
                _SQL["end_notification"], kept.bank_id, kept.id, self._tools.clock.now(), "applied"
            )
            if mine is None:
                return Recorded(case=case)
            heard = Heard(evidence=notified.evidence, source=EvidenceSource.CALLBACK)
            if awaits_still(case, heard.evidence, self._tools.clock.now()):
                return await self._ask_instead(connection, case, heard)
            return await self._ledger.hear(connection, case, heard)

    async def _ask_instead(self, connection: Connection, case: Case, heard: Heard) -> Recorded:
        """What the bank says of the payer tells more than this "pending"."""
        await self._ledger.note(connection, case, heard, RefusedMove(why="payer_awaited"))
        await self._ledger.look_again(connection, case, self._tools.clock.now())
        return Recorded(case=case)

    async def _try_later(self, kept: Kept) -> None:
        """It may be ahead of our own commit, or be about nothing of ours."""
        if self._is_old(kept):
            await self._give_up(kept, "unmatched")
            return
        now, delays = self._tools.clock.now(), self._tools.policy.notification_delays_seconds
        at = now + timedelta(seconds=_delay((now - kept.received_at).total_seconds(), delays))
        await self._tools.pool.execute(_SQL["look_again"], kept.bank_id, kept.id, at)


def _delay(age_seconds: float, delays: tuple[float, ...]) -> float:
    """Backoff from the age alone: the first delay that reaches beyond it, so that no counter need be kept."""
    step, reached = 0, 0.0
    while step < len(delays) and reached + delays[step] <= age_seconds:
        reached += delays[step]
        step += 1
    return at_step(delays, step)


def _kept(row: asyncpg.Record) -> Kept:
    return Kept(bank_id=row["bank_id"], id=row["id"], sealed=row["sealed_raw"], received_at=row["received_at"])
