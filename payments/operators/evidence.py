"""Operator evidence: one person proposes what the bank's books say, another confirms it, and only then it counts.

Of a payment's proposals only the newest can be confirmed. So a mistake is mended by proposing again, and two that
contradict each other never both count.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import asyncpg

from adapters.contract import Evidence, Verdict
from kernel.audit import AuditEntry, record
from kernel.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from kernel.ids import Environment, Kind, Tenant, new_id, to_text
from kernel.sealing import SealError
from kernel.sql import beside
from payments.calls.cases import Case, Cases
from payments.calls.ledger import Heard, Ledger, Recorded
from payments.reading.reader import Reader
from payments.rows import PaymentRef
from payments.states.decide import Hearing, RefusedMove, decide
from payments.states.names import EvidenceSource
from payments.tools import Connection, Tools
from payments.view import PaymentView

_SQL = beside(__file__, "evidence.sql")
# What a person can learn at a bank. "Not found" is said as rejected: two persons answer for it.
VERDICTS = frozenset(
    {Verdict.ACCEPTED, Verdict.SETTLED, Verdict.COMPLETED, Verdict.RETURNED, Verdict.REJECTED, Verdict.CANCELLED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts on the admin port, and in which request. `also` are other ids under which the same person may act."""

    id: UUID
    request_id: str
    also: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a person says a bank's books show. The note is their own words, and kept sealed."""

    payment_id: UUID
    verdict: Verdict
    note: str = field(repr=False)


class ProposalState(StrEnum):
    """Whether a proposal can still be confirmed."""

    OPEN = "open"
    REPLACED = "replaced"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A proposal that waits for a second person. `replaces` was open until now."""

    id: UUID
    payment_id: UUID
    environment: Environment
    verdict: Verdict
    proposed_by: UUID
    proposed_at: datetime
    replaces: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalView:
    """A proposal as a second person reads it before confirming; the note is None once its key was destroyed."""

    proposed: Proposed
    state: ProposalState
    note: str | None = field(repr=False)
    confirmed_by: UUID | None
    confirmed_at: datetime | None


class OperatorEvidence:
    """Proposes, shows and confirms; what was proposed and confirmed is in the audit log."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._cases = Cases(tools)
        self._ledger = Ledger(tools)
        self._reader = Reader(tools)

    async def propose(self, proposal: Proposal, actor: Actor) -> Proposed:
        """Write down what one person saw; nothing changes yet.

        Raises NotFound, Invalid for a verdict of machines, Conflict `evidence_refused` where the payment's state does
        not allow the move: what has ended is moved only as the tables of moves let two persons do.
        """
        if proposal.verdict not in VERDICTS:
            allowed = ", ".join(sorted(VERDICTS))
            raise Invalid([FieldError(pointer="/verdict", code="invalid", message=f"must be one of {allowed}")])
        tenant = await self._tenant(proposal.payment_id)
        background = await self._cases.background(_ref(tenant, proposal.payment_id))
        proposal_id = new_id(self._tools.clock.now())
        key = await self._tools.vault.data_key(tenant.partner_id)
        sealed = self._tools.vault.seal(key, proposal.note.encode(), note_context(proposal_id))
        async with self._tools.pool.acquire() as connection, connection.transaction():
            case = await self._cases.lock(connection, background)
            evidence = Evidence(verdict=proposal.verdict, at=self._tools.clock.now())
            if isinstance(decide(case.standing, evidence, Hearing(source=EvidenceSource.OPERATOR)), RefusedMove):
                raise _refused()
            return await self._keep(connection, case, _Kept(proposal_id, proposal.verdict, sealed), actor)

    async def proposals(self, payment_id: UUID) -> Sequence[ProposalView]:
        """The newest hundred proposals of a payment, newest first. Raises NotFound."""
        tenant = await self._tenant(payment_id)
        rows = await self._tools.pool.fetch(_SQL["list_proposals"], tenant.partner_id, payment_id)
        sealed = [(tenant.partner_id, row["sealed_note"], note_context(row["id"])) for row in rows]
        notes = await self._tools.vault.open_each(sealed)
        return [_view(row, note, tenant.environment) for row, note in zip(rows, notes, strict=True)]

    async def confirm(self, payment_id: UUID, proposal_id: UUID, actor: Actor) -> PaymentView:
        """Let the proposal count as evidence, by another person than the one who made it.

        Raises NotFound, Forbidden `second_person_required`, Conflict `already_confirmed`, `proposal_replaced` by a
        newer one or, where the payment's state does not allow the move, `evidence_refused`; then nothing is confirmed.
        """
        tenant = await self._tenant(payment_id)
        background = await self._cases.background(_ref(tenant, payment_id))
        async with self._tools.pool.acquire() as connection, connection.transaction():
            case = await self._cases.lock(connection, background)
            recorded = await self._confirm(connection, case, proposal_id, actor)
        await self._tools.enqueuer.offer(recorded.jobs)
        return await self._reader.get(tenant, payment_id)

    async def _tenant(self, payment_id: UUID) -> Tenant:
        row = await self._tools.pool.fetchrow(_SQL["find_payment"], payment_id)
        if row is None:
            raise NotFound
        return Tenant(row["partner_id"], Environment(row["environment"]))

    async def _keep(self, connection: Connection, case: Case, kept: "_Kept", actor: Actor) -> Proposed:
        tenant, payment_id, now = case.payment.tenant, case.payment.id, self._tools.clock.now()
        replaced = await connection.fetchval(_SQL["find_open"], tenant.partner_id, payment_id)
        proposed_at = await connection.fetchval(
            _SQL["insert_proposal"],
            tenant.partner_id,
            kept.id,
            payment_id,
            kept.verdict.value,
            kept.sealed_note,
            actor.id,
            now,
        )
        proposed = Proposed(
            id=kept.id,
            payment_id=payment_id,
            environment=tenant.environment,
            verdict=kept.verdict,
            proposed_by=actor.id,
            proposed_at=proposed_at,
            replaces=replaced,
        )
        await record(connection, self._entry("payment_evidence.proposed", tenant.partner_id, proposed, actor))
        return proposed

    async def _confirm(self, connection: Connection, case: Case, proposal_id: UUID, actor: Actor) -> Recorded:
        tenant, now = case.payment.tenant, self._tools.clock.now()
        row = await connection.fetchrow(_SQL["lock_proposal"], tenant.partner_id, case.payment.id, proposal_id)
        if row is None:
            raise NotFound
        _check(_state(row), row["proposed_by"], actor)
        await connection.execute(_SQL["confirm_proposal"], tenant.partner_id, proposal_id, actor.id, now)
        proposed = _proposed(row, tenant.environment)
        await record(connection, self._entry("payment_evidence.confirmed", tenant.partner_id, proposed, actor))
        heard = Heard(evidence=Evidence(verdict=proposed.verdict, at=now), source=EvidenceSource.OPERATOR)
        recorded = await self._ledger.hear(connection, case, heard)
        if recorded.refused is not None:
            raise _refused()
        await self._ledger.close_exceptions(connection, recorded.case)
        return recorded

    def _entry(self, action: str, partner_id: UUID, proposed: Proposed, actor: Actor) -> AuditEntry:
        proposal_id = to_text(Kind.PROPOSAL, proposed.id, proposed.environment)
        return AuditEntry(
            id=new_id(self._tools.clock.now()),
            partner_id=partner_id,
            actor=to_text(Kind.ADMIN_TOKEN, actor.id),
            action=action,
            target=to_text(Kind.PAYMENT, proposed.payment_id, proposed.environment),
            request_id=actor.request_id,
            detail={"proposal": proposal_id, "verdict": proposed.verdict.value},
        )


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is written of a proposal."""

    id: UUID
    verdict: Verdict
    sealed_note: bytes = field(repr=False)


def note_context(proposal_id: UUID) -> bytes:
    """What binds a sealed note to its row of evidence_proposals."""
    return b"evidence_proposals.note:" + proposal_id.bytes


def _check(state: ProposalState, proposed_by: UUID, actor: Actor) -> None:
    if state is ProposalState.CONFIRMED:
        raise Conflict("this proposal was confirmed before", code="already_confirmed")
    if state is ProposalState.REPLACED:
        raise Conflict("a newer proposal stands in place of this one", code="proposal_replaced")
    if proposed_by == actor.id or proposed_by in actor.also:
        raise Forbidden("another person must confirm what one proposed", code="second_person_required")


def _state(row: asyncpg.Record) -> ProposalState:
    if row["confirmed_by"] is not None:
        return ProposalState.CONFIRMED
    return ProposalState.OPEN if row["newest"] else ProposalState.REPLACED


def _proposed(row: asyncpg.Record, environment: Environment) -> Proposed:
    return Proposed(
        id=row["id"],
        payment_id=row["payment_id"],
        environment=environment,
        verdict=Verdict(row["verdict"]),
        proposed_by=row["proposed_by"],
        proposed_at=row["proposed_at"],
    )


def _view(row: asyncpg.Record, note: bytes | SealError, environment: Environment) -> ProposalView:
    return ProposalView(
        proposed=_proposed(row, environment),
        state=_state(row),
        note=None if isinstance(note, SealError) else note.decode(),
        confirmed_by=row["confirmed_by"],
        confirmed_at=row["confirmed_at"],
    )


def _ref(tenant: Tenant, payment_id: UUID) -> PaymentRef:
    return PaymentRef(partner_id=tenant.partner_id, payment_id=payment_id)


def _refused() -> Conflict:
    return Conflict("the payment's state does not allow this", code="evidence_refused")
