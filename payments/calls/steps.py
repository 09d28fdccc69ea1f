"""The next step of a payment, taken: first what the database must know before, then, maybe, a call to make after."""

from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from adapters.declaration import OperationKind
from payments.calls import operations
from payments.calls.cases import Case
from payments.calls.ledger import Ledger, Recorded
from payments.calls.operations import Call
from payments.calls.quotas import take_from_quotas
from payments.intents.planning import instruct
from payments.journeys.planning import JourneyPlanner
from payments.recovery.cadence import next_enquiry_at, resubmission_at
from payments.recovery.situation import Plan, Step
from payments.states.names import UNSENT_STATUSES, OperatorCode, PaymentStatus, SubmissionState
from payments.tools import Connection, Tools
from webhooks.queue.port import Job

_log = structlog.get_logger()
_PERSONS_PAUSE = timedelta(minutes=1)
_CALLING = frozenset({Step.SEND, Step.RESEND, Step.AGAIN, Step.ONWARD, Step.ENQUIRE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A committed beginning: the call to make, if any, and the jobs to offer."""

    call: Call | None = None
    jobs: tuple[Job, ...] = ()


class Steps:
    """One method per step. Each writes in the caller's transaction, whose payment is locked."""

    def __init__(self, tools: Tools, ledger: Ledger, planner: JourneyPlanner) -> None:
        self._tools = tools
        self._ledger = ledger
        self._planner = planner

    async def begin(self, connection: Connection, case: Case, plan: Plan) -> Begun:
        """Take the step; one that calls the bank waits where the bank's quota has no room for it."""
        if plan.step in _CALLING:
            bank, kind = case.background.bank, kind_of(case, plan)
            wait_seconds = await take_from_quotas(connection, bank.bank.id, bank.declaration, kind)
            if wait_seconds is not None:
                return await self._wait(connection, case, plan.step, wait_seconds)
        return await self._take(connection, case, plan)

    async def _take(self, connection: Connection, case: Case, plan: Plan) -> Begun:
        match plan.step:
            case Step.SEND | Step.ONWARD:
                goes_on = plan.step is Step.ONWARD
                return await self._send(
                    connection, await self._planner.plan_next(connection, case) if goes_on else case
                )
            case Step.RESEND:
                return await self._leased(connection, case)
            case Step.AGAIN:
                return await self._again(connection, case, kind_of(case, plan))
            case Step.ENQUIRE:
                return await self._enquire(connection, case)
            case Step.REST:
                await self._ledger.look_again(connection, case, plan.at)
                return Begun()
            case Step.TAKE_OVER | Step.QUEUE | Step.HOLD | Step.EXPIRE:
                recorded = await self._without_call(connection, case, plan)
                return Begun(jobs=recorded.jobs)

    async def _wait(self, connection: Connection, case: Case, step: Step, wait_seconds: float) -> Begun:
        """Nothing was begun, so nothing has changed but the time of the next look; what was never sent is queued."""
        now, policy = self._tools.clock.now(), self._tools.policy
        jobs: tuple[Job, ...] = ()
        at = next_enquiry_at(case.background.bank.declaration, now, case.payment.checks, wait_seconds)
        if step is Step.SEND and case.payment.status in UNSENT_STATUSES:
            queued = await self._queue(connection, case)
            case, jobs = queued.case, queued.jobs
            at = resubmission_at(policy, now, case.submission.sequence, wait_seconds)
        await self._ledger.look_again(connection, case, at)
        return Begun(jobs=jobs)

    async def _send(self, connection: Connection, case: Case) -> Begun:
        if case.submission.state is not SubmissionState.PLANNED or not self._arms(case):
            return await self._leased(connection, case)
        call = await operations.lease(connection, self._tools, case)
        in_flight, submitting = SubmissionState.IN_FLIGHT, PaymentStatus.SUBMITTING
        await self._ledger.set_standing(connection, case, in_flight, submitting)
        return Begun(call=call)

    @staticmethod
    def _arms(case: Case) -> bool:
        return case.background.bank.declaration.is_armed_by(case.operation.kind)

    async def _leased(self, connection: Connection, case: Case) -> Begun:
        call = await operations.lease(connection, self._tools, case)
        await self._ledger.look_again(connection, case, operations.lease_until(self._tools, case))
        return Begun(call=call)

    async def _again(self, connection: Connection, case: Case, kind: OperationKind) -> Begun:
        try:
            planned = await self._planner.plan(connection, case, kind)
        except ValueError:
            return await self._cannot_be_built(connection, case, kind)
        return await self._leased(connection, planned)

    async def _cannot_be_built(self, connection: Connection, case: Case, kind: OperationKind) -> Begun:
        """The bank's settings, or its adapter, lack something for it: a person has to know, and it is tried again."""
        ref, bank = case.payment.ref, case.background.bank
        _log.exception("payment.not_built", payment_id=str(ref.payment_id), bank_id=bank.bank.id, operation=kind.value)
        at = next_enquiry_at(bank.declaration, self._tools.clock.now(), case.payment.checks)
        await self._ledger.look_again(connection, case, at, checks=1)
        return Begun(jobs=await self._ledger.call_person(connection, case, OperatorCode.REQUEST_NOT_BUILT, None))

    async def _enquire(self, connection: Connection, case: Case) -> Begun:
        bank = case.background.bank
        try:
            request = bank.adapter.build(OperationKind.ENQUIRE, instruct(case.background.facts, bank, case.reference))
        except ValueError:
            return await self._cannot_be_built(connection, case, OperationKind.ENQUIRE)
        await self._ledger.look_again(connection, case, operations.asking_until(self._tools, case), checks=1)
        call = Call(
            kind=OperationKind.ENQUIRE,
            operation=case.operation,
            began_at=self._tools.clock.now(),
            request=request,
            payer_access=await operations.access_for(self._tools, case, request),
            reference=case.reference,
            payer=case.authorisation.status if case.authorisation else None,
        )
        return Begun(call=call)

    async def _without_call(self, connection: Connection, case: Case, plan: Plan) -> Recorded:
        if plan.step is Step.TAKE_OVER:
            return await self._take_over(connection, case)
        if plan.step is Step.QUEUE:
            return await self._queue(connection, case)
        if plan.step is Step.HOLD:
            unknown = PaymentStatus.OUTCOME_UNKNOWN
            held = await self._ledger.set_standing(connection, case, SubmissionState.HELD, unknown)
            jobs = await self._ledger.call_person(connection, held.case, OperatorCode.OUTCOME_UNKNOWN, None)
            return replace(held, jobs=(*held.jobs, *jobs))
        await operations.withdraw(connection, self._tools, case)
        never, expired = SubmissionState.NEVER_LEFT, PaymentStatus.EXPIRED
        return await self._ledger.set_standing(connection, case, never, expired, reason=plan.reason)

    async def _queue(self, connection: Connection, case: Case) -> Recorded:
        """It stays due: the sweeper passes over queued payments as long as something of theirs is suspended.

        One that a person has to decide about first is only looked at now and then.
        """
        recorded = Recorded(case=case)
        if case.payment.status is not PaymentStatus.QUEUED:
            planned, queued = SubmissionState.PLANNED, PaymentStatus.QUEUED
            recorded = await self._ledger.set_standing(connection, case, planned, queued)
        pause = timedelta() if case.suspended else _PERSONS_PAUSE
        await self._ledger.look_again(connection, case, self._tools.clock.now() + pause)
        return recorded

    async def _take_over(self, connection: Connection, case: Case) -> Recorded:
        await operations.take_over(connection, self._tools, case)
        recorded = Recorded(case=case)
        if case.submission.state is SubmissionState.IN_FLIGHT:
            unknown = PaymentStatus.OUTCOME_UNKNOWN
            recorded = await self._ledger.set_standing(connection, case, SubmissionState.UNKNOWN, unknown)
        await self._ledger.look_again(connection, recorded.case, self._tools.clock.now())
        return recorded


def kind_of(case: Case, plan: Plan) -> OperationKind:
    """What the step would ask of the bank."""
    return OperationKind.ENQUIRE if plan.step is Step.ENQUIRE else plan.kind or case.operation.kind
