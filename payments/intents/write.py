"""One transaction: request key, payment, submission, operation with its exact bytes, and the event of its creation."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapters.checks import field_errors, schedule_errors
from kernel.errors import FieldError, Invalid
from kernel.ids import new_id
from kernel.sql import beside
from payments.banks import ConfiguredBank
from payments.calls.cases import Background
from payments.calls.news import news_of
from payments.calls.operations import insert_submission
from payments.intents.caps import hold_day_caps, payment_cap_errors
from payments.intents.planning import Facts, PlannedSubmission, plan_submission
from payments.intents.rehearsal import Rehearsal, show_submission
from payments.intents.request_keys import Bound, KeyedRequest, bind
from payments.journeys import authorisations
from payments.journeys.handshakes import new_handshake
from payments.model import PaymentRequest, Requester
from payments.policy import Caps
from payments.reading.build import build_view
from payments.rows import Owner, PaymentRow
from payments.states.names import Finality, PaymentStatus
from payments.terms import Terms, context
from payments.tools import Connection, Tools
from payments.view import PaymentView
from webhooks.queue.port import Job

_SQL = beside(__file__, "write.sql")
# The code of a first answer that was given before the bank's word came.
ACCEPTED_FOR_NOW = 202


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """A new intent. `jobs` are offered now that it is committed."""

    view: PaymentView
    background: Background
    jobs: tuple[Job, ...]


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
    submission = plan_submission(facts, bank, 1, now, new_handshake(redirect_uri) if declared.sends_payers else None)
    if errors := field_errors(declared, submission.instruction) + schedule_errors(declared, request.execute_at):
        raise Invalid(errors)
    return Draft(
        requester=requester,
        facts=facts,
        bank=bank,
        submission=submission,
        execute_at=request.execute_at,
        waits_until=None if declared.schedules else request.execute_at,
        drafted_at=now,
    )


class IntentWriter:
    """Commits drafts."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def write(self, draft: Draft, keyed: KeyedRequest) -> Committed | Bound:
        """Commit the intent, or return what its key is bound to already.

        Raises Invalid for an unknown or suspended merchant or an amount over its cap, Conflict `daily_cap_reached` or
        `idempotency_key_reused`. None of these binds the key.
        """
        facts = draft.facts
        key = await self._tools.vault.data_key(facts.tenant.partner_id, facts.merchant_id)
        owner = Owner(tenant=facts.tenant, payment_id=facts.payment_id, key=key)
        async with self._tools.pool.acquire() as connection, connection.transaction():
            mine = Bound(payment_id=facts.payment_id, status_code=ACCEPTED_FOR_NOW)
            bound = await bind(connection, keyed, mine, draft.drafted_at)
            if bound is not None:
                return bound
            return await self._write(connection, draft, owner)

    async def rehearse(self, draft: Draft) -> Rehearsal:
        """What would be written and sent; nothing is. Raises as `write` does, but for what keys are about."""
        async with self._tools.pool.acquire() as connection, connection.transaction(readonly=True):
            status = await self._admit(connection, draft)
        shown = show_submission(draft.bank, draft.submission.instruction)
        return Rehearsal(bank_id=draft.bank.bank.id, status=status, requests=[shown])

    async def _admit(self, connection: Connection, draft: Draft) -> PaymentStatus:
        """With what status the intent begins, if the parties and the caps let it."""
        suspended = await self._check_parties(connection, draft)
        await hold_day_caps(connection, self._caps(draft.facts), draft.facts, draft.drafted_at)
        return first_status(draft, suspended=suspended)

    async def _write(self, connection: Connection, draft: Draft, owner: Owner) -> Committed:
        facts, now = draft.facts, draft.drafted_at
        status = await self._admit(connection, draft)
        payment = _first_row(draft, status, self._first_check(draft, status))
        await self._insert(connection, payment, facts, owner)
        await insert_submission(connection, self._tools.vault, owner, draft.submission)
        await authorisations.insert(connection, self._tools.vault, owner, draft.submission, facts.terms.return_url)
        view = build_view(payment, facts.terms)
        news = news_of(view, payment, now, type_="payment.created")
        written = await self._tools.events.write(connection, [news])
        background = Background(facts=facts, bank=draft.bank)
        return Committed(view=view, background=background, jobs=tuple(job for each in written for job in each.jobs))

    async def _check_parties(self, connection: Connection, draft: Draft) -> bool:
        """Whether the intent must wait. Read here, so that a suspension is in force from its commit on."""
        facts = draft.facts
        row = await connection.fetchrow(
            _SQL["find_parties"],
            facts.tenant.partner_id,
            facts.tenant.environment.value,
            facts.merchant_id,
            draft.requester.client_id,
            draft.bank.bank.id,
        )
        errors = payment_cap_errors(self._caps(facts), facts.amount.value)
        if row is None or row["merchant"] is None:
            errors.append(FieldError(pointer="/merchant_id", code="not_found", message="there is no such merchant"))
        elif row["merchant"] == "suspended":
            errors.append(FieldError(pointer="/merchant_id", code="suspended", message="this merchant is suspended"))
        if errors:
            raise Invalid(errors)
        return row is not None and bool(row["suspended"])

    async def _insert(self, connection: Connection, payment: PaymentRow, facts: Facts, owner: Owner) -> None:
        sealed = self._tools.vault.seal(owner.key, facts.terms.to_json(), context(payment.id))
        await connection.execute(
            _SQL["insert_payment"],
            payment.tenant.partner_id,
            payment.id,
            payment.tenant.environment.value,
            payment.merchant_id,
            payment.client_id,
            payment.bank_id,
            payment.amount.value,
            payment.amount.currency,
            sealed,
            payment.status.value,
            payment.execute_at,
            payment.next_check_at,
            payment.created_at,
        )

    def _first_check(self, draft: Draft, status: PaymentStatus) -> datetime:
        """When the sweeper takes it: at its time, at once if it waits for others, or when its process did not."""
        if status is PaymentStatus.CREATED:
            return draft.drafted_at + timedelta(seconds=self._tools.policy.planned_grace_seconds)
        return max(draft.drafted_at, draft.waits_until or draft.drafted_at)

    def _caps(self, facts: Facts) -> Caps:
        return self._tools.policy.caps.get(facts.amount.currency, Caps())


def first_status(draft: Draft, *, suspended: bool) -> PaymentStatus:
    """A payment begins as created, unless it is for later or must wait for others."""
    if draft.waits_until is not None and draft.waits_until > draft.drafted_at:
        return PaymentStatus.SCHEDULED
    return PaymentStatus.QUEUED if suspended else PaymentStatus.CREATED


def _first_row(draft: Draft, status: PaymentStatus, next_check_at: datetime) -> PaymentRow:
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
