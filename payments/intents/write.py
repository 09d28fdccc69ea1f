"""One transaction: request key, payment, submission, operation with its exact bytes, and the event of its creation.

Where the process that asks makes the call right afterwards, the operation's lease is committed with them: what begins
before the first byte leaves, begins in one commit. Whoever finds such a lease ended asks the bank.
"""

from dataclasses import dataclass, replace
from uuid import uuid4

import asyncpg

from kernel.errors import FieldError, Invalid, Unavailable
from kernel.sealing import DataKey
from kernel.sql import beside
from payments.calls.cases import Background
from payments.calls.news import news_of
from payments.calls.operations import lease_length
from payments.carrying.carried import Carried, carried_from
from payments.intents.caps import hold_day_caps, payment_cap_errors
from payments.intents.drafting import Beginning, Draft, Lease, beginnings, first_status
from payments.intents.planning import request_context
from payments.intents.rehearsal import Rehearsal, show_requests
from payments.intents.request_keys import ACCEPTED_FOR_NOW, Bound, KeyedRequest, find
from payments.journeys import authorisations
from payments.policy import Caps
from payments.reading.build import build_view
from payments.rows import Owner
from payments.states.names import OperationState, PaymentStatus, SubmissionState
from payments.terms import context
from payments.tools import Connection, Tools
from payments.view import PaymentView
from webhooks.queue.port import Job

_SQL = beside(__file__, "write.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """A new intent. `jobs` are offered now that it is committed; `carried` is the call to make, where it is leased."""

    view: PaymentView
    background: Background
    jobs: tuple[Job, ...]
    carried: Carried | None


class IntentWriter:
    """Commits drafts."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def write(self, draft: Draft, keyed: KeyedRequest, *, leased: bool = False) -> Committed | Bound:
        """Commit the intent, or return what its key is bound to already; `leased`: the caller makes the call at once.

        Raises Invalid for an unknown or suspended merchant or an amount over its cap, Conflict `daily_cap_reached` or
        `idempotency_key_reused`. None of these binds the key.
        """
        facts = draft.facts
        key = await self._tools.vault.data_key(facts.tenant.partner_id, facts.merchant_id)
        async with self._tools.pool.acquire() as connection, connection.transaction():
            errors = payment_cap_errors(self._caps(draft), facts.amount.value)
            beginning = None if errors else await self._insert(connection, draft, keyed, key, leased=leased)
            if beginning is not None:
                owner = Owner(tenant=facts.tenant, payment_id=facts.payment_id, key=key)
                planned, return_url = draft.submission, facts.terms.return_url
                await authorisations.insert(connection, self._tools.vault, owner, planned, return_url)
                return await self._complete(connection, draft, beginning)
            bound = await find(connection, keyed)
            if bound is None:
                raise await self._refusal(connection, draft, errors)
            return bound

    async def rehearse(self, draft: Draft) -> Rehearsal:
        """What would be written and sent; nothing is. Raises as `write` does, but for what keys are about."""
        async with self._tools.pool.acquire() as connection, connection.transaction(readonly=True):
            parties = await self._parties(connection, draft)
            errors = payment_cap_errors(self._caps(draft), draft.facts.amount.value) + _party_errors(parties)
            if errors:
                raise Invalid(errors)
            await hold_day_caps(connection, self._caps(draft), draft.facts, draft.drafted_at)
        status = first_status(draft, suspended=parties is not None and parties["suspended"])
        shown = show_requests(draft.bank, draft.submission.instruction)
        routing = draft.facts.terms.routing
        return Rehearsal(bank_id=draft.bank.bank.id, status=status, requests=shown, routing=routing)

    async def _insert(
        self, connection: Connection, draft: Draft, keyed: KeyedRequest, key: DataKey, *, leased: bool
    ) -> Beginning | None:
        """How it began; None where its key is bound already or its merchant cannot be paid for.

        Suspensions are read by the statement itself, so that one is in force from its commit on.
        """
        sealed = self._sealed(draft, key)
        lease = self._lease(draft) if leased else None
        for beginning in beginnings(draft, self._tools.policy.planned_grace_seconds, lease):
            row = (*_first_values(draft, keyed, beginning), *_payment_values(beginning, sealed[0]))
            told = await connection.fetchrow(
                _SQL["write_intent"], *row, *_submission_values(draft, beginning.lease, sealed[1])
            )
            if told is not None and told["is_bound"]:
                return beginning
            if told is None or not told["suspended"]:
                return None
        return None

    async def _complete(self, connection: Connection, draft: Draft, beginning: Beginning) -> Committed:
        facts, payment = draft.facts, beginning.payment
        await hold_day_caps(connection, self._caps(draft), facts, draft.drafted_at)
        created = replace(payment, status=PaymentStatus.CREATED) if beginning.lease else payment
        news = news_of(
            build_view(created, facts.terms, draft.bank.declaration), payment, draft.drafted_at, type_="payment.created"
        )
        written = await self._tools.events.write(connection, [news])
        background = Background(facts=facts, bank=draft.bank)
        return Committed(
            view=build_view(payment, facts.terms, draft.bank.declaration),
            background=background,
            jobs=tuple(job for each in written for job in each.jobs),
            carried=carried_from(background, draft.submission, beginning) if beginning.lease else None,
        )

    async def _refusal(self, connection: Connection, draft: Draft, errors: list[FieldError]) -> Exception:
        errors = errors + _party_errors(await self._parties(connection, draft))
        # A key that was there a moment ago and is forgotten now: too old to be repeated, and free again.
        return Invalid(errors) if errors else Unavailable("the request cannot be taken now", retry_after_seconds=1)

    async def _parties(self, connection: Connection, draft: Draft) -> asyncpg.Record | None:
        facts = draft.facts
        return await connection.fetchrow(
            _SQL["find_parties"],
            facts.tenant.partner_id,
            facts.tenant.environment.value,
            facts.merchant_id,
            draft.requester.client_id,
            draft.bank.bank.id,
        )

    def _sealed(self, draft: Draft, key: DataKey) -> tuple[bytes, bytes]:
        """The payment's terms and its first operation's bytes."""
        facts, operation = draft.facts, draft.submission.operation
        terms = self._tools.vault.seal(key, facts.terms.to_json(), context(facts.payment_id))
        return terms, self._tools.vault.seal(key, operation.request, request_context(operation.id))

    def _lease(self, draft: Draft) -> Lease:
        now = self._tools.clock.now()
        return Lease(owner=uuid4(), began_at=now, until=now + lease_length(draft.bank.declaration))

    def _caps(self, draft: Draft) -> Caps:
        return self._tools.policy.caps.get(draft.facts.amount.currency, Caps())


def _party_errors(parties: asyncpg.Record | None) -> list[FieldError]:
    if parties is None or parties["merchant"] is None:
        return [FieldError(pointer="/merchant_id", code="not_found", message="there is no such merchant")]
    if parties["merchant"] == "suspended":
        return [FieldError(pointer="/merchant_id", code="suspended", message="this merchant is suspended")]
    return []


def _first_values(draft: Draft, keyed: KeyedRequest, beginning: Beginning) -> tuple[object, ...]:
    """$1 to $11: whose it is, at which bank, and the request's key."""
    payment = beginning.payment
    return (
        payment.tenant.partner_id,
        payment.tenant.environment.value,
        payment.id,
        payment.merchant_id,
        payment.client_id,
        payment.bank_id,
        beginning.while_suspended,
        keyed.key_digest,
        keyed.fingerprint,
        ACCEPTED_FOR_NOW,
        draft.drafted_at,
    )


def _payment_values(beginning: Beginning, sealed_terms: bytes) -> tuple[object, ...]:
    """$12 to $17."""
    payment = beginning.payment
    return (
        payment.amount.value,
        payment.amount.currency,
        sealed_terms,
        payment.status.value,
        payment.execute_at,
        payment.next_check_at,
    )


def _submission_values(draft: Draft, lease: Lease | None, sealed_request: bytes) -> tuple[object, ...]:
    """$18 to $31: the submission, its operation, and the lease."""
    planned, operation = draft.submission, draft.submission.operation
    state = SubmissionState.IN_FLIGHT if lease else SubmissionState.PLANNED
    operation_state = OperationState.IN_FLIGHT if lease else OperationState.PLANNED
    return (
        planned.id,
        planned.sequence,
        state.value,
        planned.end_to_end_id,
        operation.id,
        operation.sequence,
        operation.kind.value,
        operation_state.value,
        operation.idempotency_key,
        operation.digest,
        sealed_request,
        *((lease.owner, lease.until, lease.began_at) if lease else (None, None, None)),
    )
