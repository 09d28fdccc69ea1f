"""Operator evidence: one person proposes what the bank's books say, another confirms it, and only then it counts."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from adapters.contract import Evidence, Verdict
from kernel.audit import AuditEntry, record
from kernel.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from kernel.ids import Environment, Kind, Tenant, new_id, to_text
from kernel.sql import beside
from payments.calls.cases import Case, Cases
from payments.calls.ledger import Heard, Ledger, Recorded
from payments.reading.reader import Reader
from payments.rows import PaymentRef
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
    """Who acts on the admin port, and in which request."""

    id: UUID
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a person says a bank's books show. The note is their own words, and kept sealed."""

    payment_id: UUID
    verdict: Verdict
    note: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A proposal that waits for a second person."""

    id: UUID
    payment_id: UUID
    environment: Environment
    verdict: Verdict
    proposed_at: datetime


class OperatorEvidence:
    """Proposes and confirms; both are in the audit log."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._cases = Cases(tools)
        self._ledger = Ledger(tools)
        self._reader = Reader(tools)

    async def propose(self, proposal: Proposal, actor: Actor) -> Proposed:
        """Write down what one person saw; nothing changes yet. Raises NotFound, Invalid for a verdict of machines."""
        if proposal.verdict not in VERDICTS:
            allowed = ", ".join(sorted(VERDICTS))
            raise Invalid([FieldError(pointer="/verdict", code="invalid", message=f"must be one of {allowed}")])
        row = await self._tools.pool.fetchrow(_SQL["find_payment"], proposal.payment_id)
        if row is None:
            raise NotFound
        tenant = Tenant(row["partner_id"], Environment(row["environment"]))
        now = self._tools.clock.now()
        proposed = Proposed(
            id=new_id(now),
            payment_id=proposal.payment_id,
            environment=tenant.environment,
            verdict=proposal.verdict,
            proposed_at=now,
        )
        await self._keep(proposed, proposal, tenant, actor)
        return proposed

    async def confirm(self, payment_id: UUID, proposal_id: UUID, actor: Actor) -> PaymentView:
        """Let the proposal count as evidence, by another person than the one who made it.

        Raises NotFound, Forbidden `second_person_required`, Conflict `already_confirmed` or, where the payment's state
        does not allow the move, `evidence_refused`; then nothing is confirmed.
        """
        row = await self._tools.pool.fetchrow(_SQL["find_payment"], payment_id)
        if row is None:
            raise NotFound
        background = await self._cases.background(PaymentRef(partner_id=row["partner_id"], payment_id=payment_id))
        async with self._tools.pool.acquire() as connection, connection.transaction():
            case = await self._cases.lock(connection, background)
            recorded = await self._confirm(connection, case, proposal_id, actor)
        await self._tools.enqueuer.offer(recorded.jobs)
        return await self._reader.get(background.facts.tenant, payment_id)

    async def _keep(self, proposed: Proposed, proposal: Proposal, tenant: Tenant, actor: Actor) -> None:
        key = await self._tools.vault.data_key(tenant.partner_id)
        sealed = self._tools.vault.seal(key, proposal.note.encode(), note_context(proposed.id))
        async with self._tools.pool.acquire() as connection, connection.transaction():
            await connection.execute(
                _SQL["insert_proposal"],
                tenant.partner_id,
                proposed.id,
                proposed.payment_id,
                proposed.verdict.value,
                sealed,
                actor.id,
                proposed.proposed_at,
            )
            entry = self._entry("payment_evidence.proposed", tenant, proposed.payment_id, actor)
            await record(connection, entry)

    async def _confirm(self, connection: Connection, case: Case, proposal_id: UUID, actor: Actor) -> Recorded:
        tenant, now = case.payment.tenant, self._tools.clock.now()
        row = await connection.fetchrow(_SQL["lock_proposal"], tenant.partner_id, case.payment.id, proposal_id)
        if row is None:
            raise NotFound
        if row["confirmed_by"] is not None:
            raise Conflict("this proposal was confirmed before", code="already_confirmed")
        if row["proposed_by"] == actor.id:
            raise Forbidden("another person must confirm what one proposed", code="second_person_required")
        await connection.execute(_SQL["confirm_proposal"], tenant.partner_id, proposal_id, actor.id, now)
        await record(connection, self._entry("payment_evidence.confirmed", tenant, case.payment.id, actor))
        heard = Heard(evidence=Evidence(verdict=Verdict(row["verdict"]), at=now), source=EvidenceSource.OPERATOR)
        recorded = await self._ledger.hear(connection, case, heard)
        if recorded.refused is not None:
            raise Conflict("the payment's state does not allow this", code="evidence_refused")
        await self._ledger.close_exceptions(connection, recorded.case)
        return recorded

    def _entry(self, action: str, tenant: Tenant, payment_id: UUID, actor: Actor) -> AuditEntry:
        return AuditEntry(
            id=new_id(self._tools.clock.now()),
            partner_id=tenant.partner_id,
            actor=to_text(Kind.ADMIN_TOKEN, actor.id),
            action=action,
            target=to_text(Kind.PAYMENT, payment_id, tenant.environment),
            request_id=actor.request_id,
        )


def note_context(proposal_id: UUID) -> bytes:
    """What binds a sealed note to its row of evidence_proposals."""
    return b"evidence_proposals.note:" + proposal_id.bytes
