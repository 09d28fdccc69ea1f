"""Many notifications at once: those that plainly move a payment are applied together, in one transaction.

Payments are read without a lock, and what was decided is written only where they have not moved since and nobody holds
them. What is left over, for whatever reason, is returned: it goes the way through the lock, one by one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg

from adapters.contract import Evidence, Notified
from kernel.errors import NotFound
from kernel.ids import new_id
from kernel.sealing import SealError
from kernel.sql import beside
from payments.calls.cases import Background, Case, part_of
from payments.calls.ledger import Ledger
from payments.calls.news import is_news, news_of
from payments.intents.planning import Facts
from payments.reading.build import build_view
from payments.rows import OperationRow, PaymentRow, SubmissionRow
from payments.states.cleaning import clean
from payments.states.decide import Change, Hearing, decide
from payments.states.names import EvidenceSource, PaymentStatus
from payments.terms import Terms, context
from payments.tools import Connection, Tools
from webhooks.queue.port import Job

_SQL = beside(__file__, "batch.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A claimed notification."""

    bank_id: str
    id: UUID
    sealed: bytes = field(repr=False)
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    """What one notification changes, decided on what was read."""

    kept: Kept
    evidence: Evidence
    before: Case
    after: Case


class NotificationBatch:
    """Applies what can be applied together."""

    def __init__(self, tools: Tools, ledger: Ledger) -> None:
        self._tools = tools
        self._ledger = ledger

    async def apply(self, told: Mapping[Kept, Notified]) -> list[Kept]:
        """Apply those that plainly move a payment and offer their jobs; the others are returned, in their order."""
        moves = self._decided(told, await self._read(told))
        applied = await self._write(moves) if moves else set()
        return [kept for kept in told if kept not in applied]

    async def _read(self, told: Mapping[Kept, Notified]) -> list[tuple[Kept, Case]]:
        """The payments that are named by our references, and whose terms can be opened."""
        asked = [kept for kept, notified in told.items() if notified.end_to_end_id is not None]
        references = [told[kept].end_to_end_id for kept in asked]
        rows = await self._tools.pool.fetch(_SQL["find_named"], [kept.bank_id for kept in asked], references)
        opened = await self._tools.vault.open_each(
            [(row["p_partner_id"], row["sealed_terms"], context(row["p_id"])) for row in rows]
        )
        return [
            (asked[row["place"] - 1], case)
            for row, terms in zip(rows, opened, strict=True)
            if not isinstance(terms, SealError) and (case := await self._case(row, terms)) is not None
        ]

    async def _case(self, row: asyncpg.Record, terms: bytes) -> Case | None:
        payment = PaymentRow.from_row(part_of(row, "p_"))
        try:
            bank = await self._tools.banks.get(payment.bank_id)
        except NotFound:
            return None
        if bank.declaration.sends_payers:
            return None  # What a payer has to do with it is read under the lock only.
        facts = Facts(
            tenant=payment.tenant,
            payment_id=payment.id,
            merchant_id=payment.merchant_id,
            amount=payment.amount,
            terms=Terms.from_json(terms),
        )
        # What only a next step would ask is not read: a bank's plain word needs none.
        return Case(
            background=Background(facts=facts, bank=bank),
            payment=payment,
            submission=SubmissionRow.from_row(part_of(row, "s_")),
            operation=OperationRow.from_row(part_of(row, "o_")),
            suspended=False,
            disputed=False,
            last_poll=None,
        )

    def _decided(self, told: Mapping[Kept, Notified], read: Sequence[tuple[Kept, Case]]) -> list[_Move]:
        """One move of each payment: its next notification is decided on what this one leaves."""
        moves: dict[UUID, _Move] = {}
        for kept, case in read:
            if case.payment.id in moves:
                continue
            evidence = clean(told[kept].evidence)
            change = decide(case.standing, evidence, Hearing(source=EvidenceSource.CALLBACK))
            if isinstance(change, Change) and change.status is not PaymentStatus.OUTCOME_UNKNOWN:
                after = self._ledger.after(case, change, evidence)
                moves[case.payment.id] = _Move(kept=kept, evidence=evidence, before=case, after=after)
        return list(moves.values())

    async def _write(self, moves: Sequence[_Move]) -> set[Kept]:
        async with self._tools.pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(_SQL["apply"], *_columns(moves))
            moved = {row["id"] for row in rows}
            applied = [move for move in moves if move.after.payment.id in moved]
            jobs = await self._tell(connection, applied)
        await self._tools.enqueuer.offer(jobs)
        return {move.kept for move in applied}

    async def _tell(self, connection: Connection, moves: Sequence[_Move]) -> tuple[Job, ...]:
        now, news = self._tools.clock.now(), []
        for move in moves:
            payment, submission = move.after.payment, move.after.submission
            if payment.status is not move.before.payment.status and is_news(payment.status, submission.sequence):
                background = move.after.background
                view = build_view(payment, background.facts.terms, background.bank.declaration)
                news.append(news_of(view, payment, now))
        written = await self._tools.events.write(connection, news) if news else []
        return tuple(job for each in written for job in each.jobs)


def _columns(moves: Sequence[_Move]) -> tuple[list[object], ...]:
    rows = [_row(move) for move in moves]
    return tuple(list(column) for column in zip(*rows, strict=True))


def _row(move: _Move) -> tuple[object, ...]:
    payment, submission, evidence = move.after.payment, move.after.submission, move.evidence
    return (
        payment.tenant.partner_id,
        payment.id,
        move.before.payment.version,
        payment.status.value,
        payment.iso_status,
        payment.raw_status,
        payment.reason,
        payment.finality.value,
        payment.next_check_at,
        payment.checks,
        payment.updated_at,
        submission.id,
        submission.state.value,
        submission.bank_reference,
        move.kept.bank_id,
        move.kept.id,
        new_id(payment.updated_at),
        evidence.verdict.value,
        evidence.raw_code,
        evidence.iso_code,
        evidence.reason.value if evidence.reason else None,
        evidence.at or payment.updated_at,
    )
