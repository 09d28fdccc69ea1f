"""Withdrawals that the payer has to approve at the bank: begun there, and shown to the partner as the way to it.

Nothing that is heard here is about the payment itself. Whether it was withdrawn the bank's word about the payment
tells, for which it is asked as ever; a withdrawal that nobody approved in time did not happen.
All methods write in the caller's transaction, whose payment is locked.
"""

from dataclasses import replace
from datetime import timedelta

from adapters.contract import Authorisation, Evidence, Verdict
from adapters.declaration import OperationKind
from kernel.sql import beside
from payments.calls import operations
from payments.calls.cases import Case
from payments.calls.ledger import Heard, Ledger, Recorded
from payments.calls.operations import Call
from payments.intents.planning import plan_operation
from payments.journeys import authorisations
from payments.journeys.handshakes import Invitation, new_handshake
from payments.journeys.inviting import Inviter
from payments.recovery.cadence import next_enquiry_at
from payments.states.cleaning import clean
from payments.states.decide import RefusedMove
from payments.states.names import (
    AuthorisationPurpose,
    AuthorisationStatus,
    EvidenceSource,
    OperationState,
    SubmissionState,
)
from payments.tools import Connection, Tools

_SQL = beside(__file__, "approval.sql")
_KIND = OperationKind.AUTHORISE_CANCEL
_UNDERSTOOD = frozenset({Verdict.NEEDS_AUTHORISATION, Verdict.PENDING})


class CancellationApproval:
    """One per process."""

    def __init__(self, tools: Tools, ledger: Ledger) -> None:
        self._tools = tools
        self._ledger = ledger
        self._inviter = Inviter(tools)

    async def begin(self, connection: Connection, recorded: Recorded, wanted: Authorisation) -> Recorded:
        """The bank wants the payer for a withdrawal: the way to them is kept, or its start planned.

        Only where the partner asked for the withdrawal is there a payer to be sent out.
        """
        case, ref = recorded.case, recorded.case.payment.ref
        can = _KIND in case.background.bank.declaration.operations
        is_open = case.submission.state is SubmissionState.ACCEPTED
        if not can or not is_open or not await connection.fetchval(_SQL["is_wanted"], ref.partner_id, ref.payment_id):
            return recorded
        expected = await self._expect(connection, case)
        if wanted.leads_somewhere:
            await self._invite(connection, expected, Evidence(verdict=Verdict.UNKNOWN, authorisation=wanted))
            return recorded
        now, facts, bank = self._tools.clock.now(), case.background.facts, case.background.bank
        invitation = await self._invitation(expected)
        reference = replace(case.reference, requested_at=now, handshake=invitation.handshake if invitation else None)
        planned = plan_operation(_KIND, facts, bank, reference, case.operation.sequence + 1)
        case = await operations.add(connection, self._tools, case, planned)
        grace = timedelta(seconds=self._tools.policy.planned_grace_seconds)
        await self._ledger.look_again(connection, case, now + grace)
        return replace(recorded, case=case, goes_on=True)

    async def hear(self, connection: Connection, case: Case, call: Call, evidence: Evidence) -> Recorded:
        """The answer to the start; one that was lost, or is a refusal, leaves the payment as it is."""
        evidence = clean(evidence)
        state = OperationState.ANSWERED if evidence.verdict in _UNDERSTOOD else OperationState.UNKNOWN
        await operations.end(connection, self._tools, case, call, state)
        heard = Heard(evidence=evidence, source=EvidenceSource.RESPONSE, operation_id=call.operation.id)
        await self._ledger.note(connection, case, heard, RefusedMove(why="about_the_cancellation"))
        found = await self.found(connection, case)
        if found is not None and evidence.verdict is Verdict.NEEDS_AUTHORISATION:
            await self._invite(connection, found, evidence)
        declaration, checks = case.background.bank.declaration, case.payment.checks
        again = next_enquiry_at(declaration, self._tools.clock.now(), checks, evidence.retry_after_seconds)
        await self._ledger.look_again(connection, case, again)
        return Recorded(case=case)

    async def found(self, connection: Connection, case: Case) -> Case | None:
        """The case with the payer's way for its withdrawal, in place of the one for the payment."""
        partner_id, purpose = case.payment.tenant.partner_id, AuthorisationPurpose.CANCELLATION
        row = await authorisations.find(connection, partner_id, case.submission.id, purpose)
        return None if row is None else replace(case, authorisation=row)

    async def is_awaited(self, connection: Connection, case: Case) -> bool:
        """Whether a payer is expected for the withdrawal now."""
        found = await self.found(connection, case)
        row = found.authorisation if found is not None else None
        if row is None or row.status is not AuthorisationStatus.AWAITING:
            return False
        return row.expires_at is not None and self._tools.clock.now() < row.expires_at

    async def _expect(self, connection: Connection, case: Case) -> Case:
        """A handshake of its own; the payer goes on to where the payment would send them."""
        owner = await operations.owner_of(self._tools, case)
        of_payment = await self._invitation(case)
        bank_id = case.background.bank.bank.id
        invitation = Invitation(
            handshake=new_handshake(self._tools.policy.redirect_uri(bank_id)),
            return_url=of_payment.return_url if of_payment else None,
        )
        submission = (case.submission.id, bank_id)
        await authorisations.put_cancellation(connection, self._tools, owner, submission, invitation)
        found = await self.found(connection, case)
        if found is None:
            raise RuntimeError("what was just written is not there")
        return found

    async def _invite(self, connection: Connection, case: Case, evidence: Evidence) -> None:
        invited = await self._inviter.invite(case, evidence) if evidence.authorisation is not None else None
        if invited is not None:
            await self._inviter.write(connection, invited)

    async def _invitation(self, case: Case) -> Invitation | None:
        row, partner_id = case.authorisation, case.payment.tenant.partner_id
        return None if row is None else await authorisations.open_invitation(self._tools.vault, partner_id, row)
