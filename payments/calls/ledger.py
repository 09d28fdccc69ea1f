"""Writes what was heard and decided, with its event, into the caller's transaction.

Everything that changes a payment after its intent comes through here.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import structlog

from adapters.contract import Evidence
from kernel.ids import new_id
from kernel.sql import beside
from payments.calls.cases import Case, moved
from payments.calls.news import NEEDS_OPERATOR, is_news, news_of
from payments.calls.operations import lease_until
from payments.journeys import authorisations, refund_accounts
from payments.reading.build import build_recovery, build_view, build_waiting
from payments.recovery.cadence import next_enquiry_at, watch_at
from payments.recovery.plan import watch, why_person
from payments.recovery.situation import Step
from payments.states.cleaning import clean
from payments.states.decide import Change, Hearing, RefusedMove, decide
from payments.states.names import (
    ENDED_SUBMISSIONS,
    FINAL_STATUSES,
    AuthorisationStatus,
    EvidenceSource,
    Finality,
    OperatorCode,
    PaymentStatus,
    SubmissionState,
)
from payments.tools import Connection, Tools
from payments.view import RecoveryView
from webhooks.queue.port import Job

_SQL = beside(__file__, "ledger.sql")
_log = structlog.get_logger()
_OVER = ENDED_SUBMISSIONS | {SubmissionState.SETTLED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Evidence as it came: from where, to which operation, and whether "not found" would be proof."""

    evidence: Evidence
    source: EvidenceSource
    operation_id: UUID | None = None
    absence_proven: bool = False
    resent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of it: the case as it stands now, the jobs to offer after the commit, and what was refused.

    `goes_on`: the next operation is planned, and whoever heard this may begin it.
    """

    case: Case
    jobs: tuple[Job, ...] = ()
    refused: RefusedMove | None = None
    goes_on: bool = False


class Ledger:
    """Applies decisions. All methods write in the caller's transaction, whose payment is locked."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def hear(self, connection: Connection, case: Case, heard: Heard) -> Recorded:
        """Decide what evidence changes, and write evidence, change and event."""
        heard = replace(heard, evidence=clean(heard.evidence))
        hearing = Hearing(source=heard.source, absence_proven=heard.absence_proven, resent=heard.resent)
        decided = decide(case.standing, heard.evidence, hearing)
        if isinstance(decided, RefusedMove):
            return await self._refuse(connection, case, heard, decided)
        await self.note(connection, case, heard)
        await refund_accounts.keep(connection, self._tools, case, heard.evidence)
        return await self.move(connection, case, decided, heard.evidence)

    async def agree(self, connection: Connection, case: Case, heard: Heard) -> Recorded:
        """Write evidence that says what the payment says: it stays as it is, and has been heard of now."""
        await self.note(connection, case, heard)
        payment = case.payment
        change = Change(
            state=case.submission.state,
            status=payment.status,
            finality=payment.finality,
            iso_status=payment.iso_status,
            raw_status=payment.raw_status,
            reason=payment.reason,
        )
        return await self.move(connection, case, change, heard.evidence)

    async def move(
        self, connection: Connection, case: Case, change: Change, evidence: Evidence | None = None
    ) -> Recorded:
        """Write a change and its event."""
        after = self.after(case, change, evidence)
        await self._write(connection, after)
        after = await self._erase_access(connection, after)
        changed = change.status is not case.payment.status
        return Recorded(case=after, jobs=await self.tell(connection, after) if changed else ())

    def after(self, case: Case, change: Change, evidence: Evidence | None = None) -> Case:
        """The case as a change leaves it; when to look again follows from the new state."""
        now = self._tools.clock.now()
        changed = change.status is not case.payment.status
        after = replace(
            case.payment,
            status=change.status,
            iso_status=change.iso_status,
            raw_status=change.raw_status,
            reason=change.reason,
            finality=change.finality,
            checks=0 if changed else case.payment.checks,
            version=case.payment.version + 1,
            updated_at=now,
        )
        bank_reference = (evidence and evidence.bank_reference) or case.submission.bank_reference
        submission = replace(case.submission, state=change.state, bank_reference=bank_reference)
        case = moved(case, after, submission)
        return moved(case, replace(after, next_check_at=self._next_check(case, evidence)), submission)

    async def set_standing(
        self,
        connection: Connection,
        case: Case,
        state: SubmissionState,
        status: PaymentStatus,
        reason: str | None = None,
    ) -> Recorded:
        """A change that no bank's word made: our own transport, the partner, the clock or a suspension did."""
        change = Change(
            state=state,
            status=status,
            finality=Finality.NONE,
            iso_status=case.payment.iso_status,
            raw_status=case.payment.raw_status,
            reason=reason,
        )
        return await self.move(connection, case, change)

    async def look_again(self, connection: Connection, case: Case, at: datetime | None, *, checks: int = 0) -> None:
        """Set when the sweeper takes the payment next; None is never. `checks` are added to those made."""
        ref = case.payment.ref
        await connection.execute(_SQL["look_again"], ref.partner_id, ref.payment_id, at, checks)

    async def note(self, connection: Connection, case: Case, heard: Heard, refused: RefusedMove | None = None) -> UUID:
        """Keep evidence, applied or not."""
        evidence, now = heard.evidence, self._tools.clock.now()
        evidence_id = new_id(now)
        await connection.execute(
            _SQL["insert_evidence"],
            case.payment.tenant.partner_id,
            evidence_id,
            case.payment.id,
            case.submission.id,
            heard.operation_id,
            heard.source.value,
            evidence.verdict.value,
            evidence.raw_code,
            evidence.iso_code,
            evidence.reason.value if evidence.reason else None,
            refused is None,
            refused.why if refused else None,
            evidence.at or now,
            now,
        )
        return evidence_id

    async def call_person(
        self, connection: Connection, case: Case, code: OperatorCode, evidence_id: UUID | None
    ) -> tuple[Job, ...]:
        """Open an exception for a person, unless one of that code is open."""
        now, ref = self._tools.clock.now(), case.payment.ref
        opened = await connection.fetchval(
            _SQL["open_exception"], ref.partner_id, new_id(now), ref.payment_id, evidence_id, code.value, now
        )
        if not opened:
            return ()
        _log.warning("payment.exception_opened", payment_id=str(ref.payment_id), code=code.value)
        evidence = await connection.fetch(_SQL["list_recent_evidence"], ref.partner_id, ref.payment_id)
        return await self._write_event(connection, case, build_waiting(evidence), NEEDS_OPERATOR)

    async def close_exceptions(self, connection: Connection, case: Case) -> None:
        """A person has decided: nothing of this payment waits any more."""
        ref = case.payment.ref
        await connection.execute(_SQL["close_exceptions"], ref.partner_id, ref.payment_id, self._tools.clock.now())

    async def _refuse(self, connection: Connection, case: Case, heard: Heard, refused: RefusedMove) -> Recorded:
        said_before = case.last_poll in {None, heard.evidence.verdict.value}
        if refused.why == "nothing_new" and heard.source is EvidenceSource.POLL and said_before:
            return Recorded(case=case, refused=refused)
        evidence_id = await self.note(connection, case, heard, refused)
        recorded = Recorded(case=case, refused=refused)
        if refused.doubts:
            unknown = SubmissionState.UNKNOWN, PaymentStatus.OUTCOME_UNKNOWN
            recorded = replace(await self.set_standing(connection, case, *unknown), refused=refused)
        if not refused.needs_person:
            return recorded
        jobs = await self.call_person(connection, recorded.case, OperatorCode(refused.why), evidence_id)
        return replace(recorded, jobs=(*recorded.jobs, *jobs))

    async def _write(self, connection: Connection, case: Case) -> None:
        payment, submission = case.payment, case.submission
        version = await connection.fetchval(
            _SQL["write_standing"],
            payment.tenant.partner_id,
            payment.id,
            payment.version - 1,
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
        )
        if version is None:
            raise RuntimeError("a payment changed although it was locked")

    async def _erase_access(self, connection: Connection, case: Case) -> Case:
        """What a payer gave for one payment is not kept when that has ended."""
        row = case.authorisation
        over = case.submission.state in _OVER or case.payment.status in FINAL_STATUSES
        if row is None or not over or row.status is AuthorisationStatus.ENDED:
            return case
        ended = await authorisations.end(connection, self._tools, case.payment.tenant.partner_id, row)
        return replace(case, authorisation=ended)

    def _next_check(self, case: Case, evidence: Evidence | None) -> datetime | None:
        now, payment = self._tools.clock.now(), case.payment
        if case.submission.state is SubmissionState.IN_FLIGHT:
            return lease_until(self._tools, case)
        asked = evidence.retry_after_seconds if evidence else None
        at = next_enquiry_at(case.background.bank.declaration, now, payment.checks, asked)
        if case.submission.state is SubmissionState.UNKNOWN:
            return at
        situation = case.situation(now, self._tools.policy)
        plan = watch(situation)
        if plan.step is Step.ENQUIRE:
            return watch_at(at, now, payment.updated_at, payment.execute_at)
        called = case.submission.state is SubmissionState.ACCEPTED and why_person(situation) is not None
        return now if called else plan.at

    async def tell(self, connection: Connection, case: Case) -> tuple[Job, ...]:
        """Write the event of a new status, where it is news; the jobs to offer after the commit."""
        if not is_news(case.payment.status, case.submission.sequence):
            return ()
        return await self._write_event(connection, case, await self._recovery(connection, case))

    async def tell_once_more(self, connection: Connection, case: Case) -> tuple[Job, ...]:
        """Write the event of a status that it has already, for something else about it is news."""
        return await self._write_event(connection, case, await self._recovery(connection, case))

    async def _write_event(
        self, connection: Connection, case: Case, recovery: RecoveryView | None, type_: str | None = None
    ) -> tuple[Job, ...]:
        background, now = case.background, self._tools.clock.now()
        authorisation = case.authorisation.view if case.authorisation else None
        view = build_view(case.payment, background.facts.terms, background.bank.declaration, recovery, authorisation)
        written = await self._tools.events.write(connection, [news_of(view, case.payment, now, type_=type_)])
        return tuple(job for each in written for job in each.jobs)

    async def _recovery(self, connection: Connection, case: Case) -> RecoveryView | None:
        if case.payment.status is not PaymentStatus.OUTCOME_UNKNOWN:
            return None
        ref = case.payment.ref
        evidence = await connection.fetch(_SQL["list_recent_evidence"], ref.partner_id, ref.payment_id)
        return build_recovery(case.payment, case.submission.state, case.background.bank.declaration, evidence)
