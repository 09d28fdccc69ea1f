"""Operator evidence: one person proposes what the bank's books say, another confirms it, and only then it counts.

Of a payment's proposals only the newest can be confirmed. So a mistake is mended by proposing again, and two that
contradict each other never both count.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from adapters.contract import Evidence
from kernel.audit import AuditEntry, record
from kernel.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from kernel.ids import Environment, Kind, Tenant, new_id, to_text
from kernel.sql import beside
from payments.calls.cases import Case, Cases
from payments.calls.ledger import Heard, Ledger, Recorded
from payments.operators.judging import VERDICTS, agrees, objection
from payments.operators.proposals import (
    Actor,
    Proposal,
    ProposalState,
    ProposalView,
    Proposed,
    proposed_of,
    state_of,
    view_of,
)
from payments.reading.reader import Reader
from payments.rows import PaymentRef
from payments.states.cleaning import clean_reference
from payments.states.names import EvidenceSource
from payments.tools import Connection, Tools
from payments.view import PaymentView

_SQL = beside(__file__, "evidence.sql")


class OperatorEvidence:
    """Proposes, shows and confirms; what was proposed and confirmed is in the audit log."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._cases = Cases(tools)
        self._ledger = Ledger(tools)
        self._reader = Reader(tools)

    async def propose(self, proposal: Proposal, actor: Actor) -> Proposed:
        """Write down what one person saw; nothing changes yet.

        Raises NotFound, Invalid for a verdict of machines or what is no reference, Conflict with the code of why it
        would not count (payments/operators/judging.py).
        """
        _check_fields(proposal)
        tenant = await self._tenant(proposal.payment_id)
        background = await self._cases.background(_ref(tenant, proposal.payment_id))
        proposal_id = new_id(self._tools.clock.now())
        key = await self._tools.vault.data_key(tenant.partner_id)
        sealed = self._tools.vault.seal(key, proposal.note.encode(), note_context(proposal_id))
        async with self._tools.pool.acquire() as connection, connection.transaction():
            case = await self._cases.lock(connection, background)
            proposed = Proposed(
                id=proposal_id,
                payment_id=proposal.payment_id,
                environment=tenant.environment,
                verdict=proposal.verdict,
                proposed_by=actor.id,
                proposed_at=self._tools.clock.now(),
                bank_reference=proposal.bank_reference,
                payment_version=case.payment.version,
            )
            await self._check_case(connection, case, proposed)
            return await self._keep(connection, case, _Kept(proposed, sealed), actor)

    async def proposals(self, payment_id: UUID) -> Sequence[ProposalView]:
        """The newest hundred proposals of a payment, newest first. Raises NotFound."""
        tenant = await self._tenant(payment_id)
        rows = await self._tools.pool.fetch(_SQL["list_proposals"], tenant.partner_id, payment_id)
        sealed = [(tenant.partner_id, row["sealed_note"], note_context(row["id"])) for row in rows]
        notes = await self._tools.vault.open_each(sealed)
        return [view_of(row, note, tenant.environment) for row, note in zip(rows, notes, strict=True)]

    async def confirm(self, payment_id: UUID, proposal_id: UUID, actor: Actor) -> PaymentView:
        """Let the proposal count as evidence, by another person than the one who made it.

        Raises NotFound, Forbidden `second_person_required`, Conflict `already_confirmed`, `proposal_replaced` by a
        newer one, or the code of why it does not count any more; then nothing is confirmed.
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

    async def _check_case(self, connection: Connection, case: Case, proposed: Proposed) -> None:
        if (conflict := objection(case, proposed)) is not None:
            raise conflict
        named = (case.background.bank.bank.id, proposed.bank_reference, case.submission.id)
        if proposed.bank_reference is not None and await connection.fetchval(_SQL["is_anothers"], *named):
            raise Conflict("the bank gave this reference to another payment", code="bank_reference_mismatch")

    async def _keep(self, connection: Connection, case: Case, kept: "_Kept", actor: Actor) -> Proposed:
        partner_id, proposed = case.payment.tenant.partner_id, kept.proposed
        replaced = await connection.fetchval(_SQL["find_open"], partner_id, proposed.payment_id)
        proposed_at = await connection.fetchval(
            _SQL["insert_proposal"],
            partner_id,
            proposed.id,
            proposed.payment_id,
            proposed.verdict.value,
            kept.sealed_note,
            proposed.proposed_by,
            proposed.proposed_at,
            proposed.payment_version,
            proposed.bank_reference,
        )
        await record(connection, self._entry("payment_evidence.proposed", partner_id, proposed, actor))
        return replace(proposed, proposed_at=proposed_at, replaces=replaced)

    async def _confirm(self, connection: Connection, case: Case, proposal_id: UUID, actor: Actor) -> Recorded:
        tenant, now = case.payment.tenant, self._tools.clock.now()
        row = await connection.fetchrow(_SQL["lock_proposal"], tenant.partner_id, case.payment.id, proposal_id)
        if row is None:
            raise NotFound
        proposed = proposed_of(row, tenant.environment)
        _check(state_of(row), proposed.proposed_by, actor)
        await self._check_case(connection, case, proposed)
        await connection.execute(_SQL["confirm_proposal"], tenant.partner_id, proposal_id, actor.id, now)
        await record(connection, self._entry("payment_evidence.confirmed", tenant.partner_id, proposed, actor))
        evidence = Evidence(verdict=proposed.verdict, bank_reference=proposed.bank_reference, at=now)
        heard = Heard(evidence=evidence, source=EvidenceSource.OPERATOR, absence_proven=True)
        hear = self._ledger.agree if agrees(case, proposed) else self._ledger.hear
        recorded = await hear(connection, case, heard)
        if recorded.refused is not None:
            raise RuntimeError("evidence was refused that had been judged")
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
            detail={
                "proposal": proposal_id,
                "verdict": proposed.verdict.value,
                **({} if proposed.bank_reference is None else {"bank_reference": proposed.bank_reference}),
            },
        )


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is written of a proposal."""

    proposed: Proposed
    sealed_note: bytes = field(repr=False)


def note_context(proposal_id: UUID) -> bytes:
    """What binds a sealed note to its row of evidence_proposals."""
    return b"evidence_proposals.note:" + proposal_id.bytes


def _check_fields(proposal: Proposal) -> None:
    errors = []
    if proposal.verdict not in VERDICTS:
        allowed = ", ".join(sorted(VERDICTS))
        errors.append(FieldError(pointer="/verdict", code="invalid", message=f"must be one of {allowed}"))
    if proposal.bank_reference is not None and clean_reference(proposal.bank_reference) is None:
        message = "must be 1 to 128 letters, digits or ._:/+=~-"
        errors.append(FieldError(pointer="/bank_reference", code="invalid", message=message))
    if errors:
        raise Invalid(errors)


def _check(state: ProposalState, proposed_by: UUID, actor: Actor) -> None:
    if state is ProposalState.CONFIRMED:
        raise Conflict("this proposal was confirmed before", code="already_confirmed")
    if state is ProposalState.REPLACED:
        raise Conflict("a newer proposal stands in place of this one", code="proposal_replaced")
    if proposed_by == actor.id or proposed_by in actor.also:
        raise Forbidden("another person must confirm what one proposed", code="second_person_required")


def _ref(tenant: Tenant, payment_id: UUID) -> PaymentRef:
    return PaymentRef(partner_id=tenant.partner_id, payment_id=payment_id)
