"""The payer comes back: what the browser brought, and the next operation, are committed before anybody is answered.

Whoever comes twice finds the first one's work. A refusal that a browser brings ends what can move no money yet; after
that only the bank's word counts, and the browser's is a reason to ask for it.
"""

import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from kernel.ids import Environment
from kernel.masked import Secret
from kernel.sealing import KeyDestroyed
from payments.calls.cases import Background, Case, Cases
from payments.calls.ledger import Ledger
from payments.calls.runner import CallRunner
from payments.journeys import authorisations
from payments.journeys.authorisations import AuthorisationRow, Found
from payments.journeys.handshakes import Invitation
from payments.journeys.inviting import Inviter
from payments.journeys.planning import JourneyPlanner
from payments.recovery.unsent import AUTHORISATION_REFUSED
from payments.states.names import (
    FINAL_STATUSES,
    AuthorisationPurpose,
    AuthorisationStatus,
    OperationState,
    PaymentStatus,
    SubmissionState,
)
from payments.tools import Connection, Tools
from webhooks.queue.port import Job

_PLANNED = SubmissionState.PLANNED
# RFC 6749 §A.11: visible characters; no code is longer than a browser's address.
_CODE = re.compile(r"[ -~]{1,4000}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What a payer's browser brought: the state, a code, that the payer refused, or that the bank failed."""

    state: Secret
    code: Secret | None = None
    refused: bool = False
    failed: bool = False


class Reception(StrEnum):
    """What became of a return."""

    TAKEN = "taken"  # Committed, now or the first time.
    INCOMPLETE = "incomplete"  # It lacks the code that the bank should have given.
    FAILED = "failed"  # The bank told of an error of its own.
    OVER = "over"  # It came too late.


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What to tell the payer: how the payment stands, and where the partner wants them.

    `repeated`: what they brought was taken before, or is of no use any more.
    """

    reception: Reception
    payment_id: UUID
    environment: Environment
    status: PaymentStatus
    return_url: str | None = field(default=None, repr=False)
    repeated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What a return changed: the jobs to offer, and whether there is something to do at the bank."""

    case: Case
    reception: Reception = Reception.TAKEN
    jobs: tuple[Job, ...] = ()
    begins: bool = False
    repeated: bool = False


class PayerReturns:
    """One per process; the calls to the bank are the runner's."""

    def __init__(self, tools: Tools, runner: CallRunner) -> None:
        self._tools = tools
        self._runner = runner
        self._cases = Cases(tools)
        self._ledger = Ledger(tools)
        self._inviter = Inviter(tools)
        self._planner = JourneyPlanner(tools)

    async def take(self, bank_id: str, brought: Brought) -> Arrival | None:
        """What to tell the payer; None for a state that no payment of this bank sent out, or whose data were erased."""
        found = await authorisations.find_by_state(self._tools.pool, brought.state.reveal())
        if found is None or found.bank_id != bank_id:
            return None
        try:
            background = await self._cases.background(found.ref)
            return await self._take(background, found, brought)
        except KeyDestroyed:
            return None

    async def _take(self, background: Background, found: Found, brought: Brought) -> Arrival | None:
        async with self._tools.pool.acquire() as connection, connection.transaction():
            case = await self._cases.lock(connection, background, found.submission_id)
            partner_id = case.payment.tenant.partner_id
            row = await authorisations.find(connection, partner_id, found.submission_id, found.purpose)
            if row is None:
                return None
            case, cancels = replace(case, authorisation=row), found.purpose is AuthorisationPurpose.CANCELLATION
            invitation = await self._invitation(case, row)
            step = await (self._withdraw if cancels else self._step)(connection, case, row, brought)
        await self._tools.enqueuer.offer(step.jobs)
        if step.begins:
            self._runner.start(background.ref, background.bank.bank.id, background)
        payment = step.case.payment
        return Arrival(
            reception=step.reception,
            repeated=step.repeated,
            payment_id=payment.id,
            environment=payment.tenant.environment,
            status=payment.status,
            return_url=invitation.return_url,
        )

    async def _step(self, connection: Connection, case: Case, row: AuthorisationRow, brought: Brought) -> _Step:
        is_awaited, is_armed = row.status is AuthorisationStatus.AWAITING, case.submission.state is not _PLANNED
        thinks_better = row.status is AuthorisationStatus.REFUSED and not brought.refused
        if is_armed and (is_awaited or thinks_better):
            return await self._ask(connection, case, brought)
        if is_awaited and case.operation.state is OperationState.ANSWERED:
            return await self._go_on(connection, case, brought)
        late = case.payment.status is PaymentStatus.EXPIRED and row.returned_at is None
        return _Step(case=case, reception=Reception.OVER if late else Reception.TAKEN, repeated=not late)

    async def _withdraw(self, connection: Connection, case: Case, row: AuthorisationRow, brought: Brought) -> _Step:
        """Whatever the browser says, the bank is asked whether the payment is withdrawn."""
        if row.status is not AuthorisationStatus.AWAITING or case.payment.status in FINAL_STATUSES:
            return _Step(case=case)
        return await self._ask(connection, case, brought)

    async def _ask(self, connection: Connection, case: Case, brought: Brought) -> _Step:
        """Money may be moving: the bank is asked at once, whatever the browser says."""
        if brought.refused:
            case = await self._inviter.refused(connection, case, came_back=True)
        else:
            case = await self._inviter.returned(connection, case, None)
        # An enquiry that is under way was answered before: its own next look is to be soon.
        await self._ledger.look_again(connection, case, self._tools.clock.now(), checks=-case.payment.checks)
        return _Step(case=case, begins=True)

    async def _go_on(self, connection: Connection, case: Case, brought: Brought) -> _Step:
        code, kind = brought.code, case.background.bank.declaration.after_return
        if brought.refused:
            return await self._refuse(connection, case)
        if brought.failed:
            return _Step(case=case, reception=Reception.FAILED)
        if code is None or kind is None or _CODE.fullmatch(code.reveal()) is None:
            return _Step(case=case, reception=Reception.INCOMPLETE)
        case = await self._inviter.returned(connection, case, code.reveal())
        case = await self._planner.plan(connection, case, kind)
        grace = timedelta(seconds=self._tools.policy.planned_grace_seconds)
        await self._ledger.look_again(connection, case, self._tools.clock.now() + grace)
        return _Step(case=case, begins=True)

    async def _refuse(self, connection: Connection, case: Case) -> _Step:
        case = await self._inviter.returned(connection, case, None)
        never, rejected = SubmissionState.NEVER_LEFT, PaymentStatus.REJECTED
        recorded = await self._ledger.set_standing(connection, case, never, rejected, reason=AUTHORISATION_REFUSED)
        return _Step(case=recorded.case, jobs=recorded.jobs)

    async def _invitation(self, case: Case, row: AuthorisationRow) -> Invitation:
        return await authorisations.open_invitation(self._tools.vault, case.payment.tenant.partner_id, row)
