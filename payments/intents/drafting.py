"""A checked request with its submission planned, and how its rows may begin. Pure."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from adapters.checks import field_errors, schedule_errors
from kernel.errors import Invalid
from kernel.ids import new_id
from payments.banks import ConfiguredBank
from payments.intents.planning import Facts, PlannedSubmission, outline, plan_submission
from payments.journeys.handshakes import new_handshake
from payments.model import PaymentRequest, Requester
from payments.rows import PaymentRow
from payments.states.names import Finality, PaymentStatus
from payments.terms import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A checked request with its submission planned; nothing of it is committed.

    `waits_until` is its time where the bank does not keep it until then.
    """

    requester: Requester
    facts: Facts
    bank: ConfiguredBank
    submission: PlannedSubmission = field(repr=False)
    execute_at: datetime | None
    waits_until: datetime | None
    drafted_at: datetime

    @property
    def is_for_later(self) -> bool:
        """Whether its time has not come."""
        return self.waits_until is not None and self.waits_until > self.drafted_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to make one call, from the intent's commit on."""

    owner: UUID
    began_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """How the rows of an intent begin; `while_suspended` says that it may begin so where somebody is suspended."""

    payment: PaymentRow
    while_suspended: bool
    lease: Lease | None = None


def draft(
    requester: Requester, request: PaymentRequest, bank: ConfiguredBank, now: datetime, redirect_uri: str
) -> Draft:
    """Plan the intent of a request. Raises Invalid with every field that this bank would not take.

    `redirect_uri` is where its payers come back, should it send them out.
    """
    facts = Facts(
        tenant=requester.tenant,
        payment_id=new_id(now),
        merchant_id=request.merchant_id,
        amount=request.amount,
        terms=Terms.of(request),
        execute_at=request.execute_at,
    )
    declared = bank.declaration
    outlined = outline(facts, bank, now, new_handshake(redirect_uri) if declared.sends_payers else None)
    if errors := field_errors(declared, outlined.instruction) + schedule_errors(declared, request.execute_at):
        raise Invalid(errors)
    return Draft(
        requester=requester,
        facts=facts,
        bank=bank,
        submission=plan_submission(outlined, bank, 1),
        execute_at=request.execute_at,
        waits_until=None if declared.schedules else request.execute_at,
        drafted_at=now,
    )


def first_status(draft: Draft, *, suspended: bool) -> PaymentStatus:
    """A payment begins as created, unless it is for later or must wait for others."""
    if draft.is_for_later:
        return PaymentStatus.SCHEDULED
    return PaymentStatus.QUEUED if suspended else PaymentStatus.CREATED


def beginnings(draft: Draft, grace_seconds: float, lease: Lease | None) -> tuple[Beginning, ...]:
    """How it may begin, the first that is allowed counts: leased or planned, or queued where somebody is suspended.

    The sweeper takes it when its lease has ended, when its own process did not begin within the grace, at its time, or
    at once if it waits for others.
    """
    scheduled = max(draft.drafted_at, draft.waits_until or draft.drafted_at)
    waiting = Beginning(payment=_row(draft, first_status(draft, suspended=True), scheduled), while_suspended=True)
    if draft.is_for_later:
        return (waiting,)
    planned = _row(draft, PaymentStatus.CREATED, draft.drafted_at + timedelta(seconds=grace_seconds))
    if lease is not None:
        planned = replace(planned, status=PaymentStatus.SUBMITTING, next_check_at=lease.until)
    return (Beginning(payment=planned, while_suspended=False, lease=lease), waiting)


def _row(draft: Draft, status: PaymentStatus, next_check_at: datetime) -> PaymentRow:
    now = draft.drafted_at
    return PaymentRow(
        tenant=draft.facts.tenant,
        id=draft.facts.payment_id,
        merchant_id=draft.facts.merchant_id,
        client_id=draft.requester.client_id,
        bank_id=draft.bank.bank.id,
        amount=draft.facts.amount,
        status=status,
        iso_status=None,
        raw_status=None,
        reason=None,
        finality=Finality.NONE,
        execute_at=draft.execute_at,
        next_check_at=next_check_at,
        checks=0,
        version=1,
        created_at=now,
        updated_at=now,
    )
