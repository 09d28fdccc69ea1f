"""A payment with all that a decision needs: what never changes is opened before, the rest is read under the lock.

Every transaction that changes a payment locks its row first. So there is one order, and no two processes decide at
once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from adapters.declaration import OperationKind
from kernel.errors import NotFound
from kernel.ids import Environment, Tenant
from kernel.money import Money
from kernel.sql import beside
from payments.banks import ConfiguredBank
from payments.intents.planning import Facts, Reference
from payments.journeys import authorisations
from payments.journeys.authorisations import AuthorisationRow
from payments.policy import PaymentsPolicy
from payments.recovery.situation import Situation, Tries
from payments.rows import OperationRow, PaymentRef, PaymentRow, SubmissionRow
from payments.states.decide import Standing
from payments.terms import Terms, context
from payments.tools import Connection, Tools

_SQL = beside(__file__, "cases.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """What never changes of a payment, and the bank that it goes to. Read outside of transactions."""

    facts: Facts
    bank: ConfiguredBank

    @property
    def ref(self) -> PaymentRef:
        """The payment's name."""
        return PaymentRef(partner_id=self.facts.tenant.partner_id, payment_id=self.facts.payment_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A locked payment with one submission (the newest, unless another was asked for) and its newest operation.

    `suspended`: its bank, partner or client is. `disputed`: the bank contradicted an earlier end, a person looks.
    `contradicted`: it spoke of other terms, a person looks.
    `authorisation` is there where a payer authorises it. `tries` are those of the submission.
    """

    background: Background
    payment: PaymentRow
    submission: SubmissionRow
    operation: OperationRow
    suspended: bool
    disputed: bool
    last_poll: str | None
    contradicted: bool = False
    authorisation: AuthorisationRow | None = None
    tries: Mapping[OperationKind, Tries] = field(default_factory=dict)

    def calls_of(self, kind: OperationKind) -> int:
        """How often operations of this kind were sent."""
        return self.tries.get(kind, Tries()).calls

    @property
    def reference(self) -> Reference:
        """By what the bank knows the submission."""
        return Reference(
            end_to_end_id=self.submission.end_to_end_id,
            idempotency_key=self.operation.idempotency_key,
            requested_at=self.submission.created_at,
            bank_reference=self.submission.bank_reference,
            consent_id=self.authorisation.consent_id if self.authorisation else None,
        )

    @property
    def standing(self) -> Standing:
        """What evidence is decided against."""
        return Standing(
            status=self.payment.status,
            state=self.submission.state,
            amount=self.payment.amount,
            end_to_end_id=self.submission.end_to_end_id,
            consent_id=self.authorisation.consent_id if self.authorisation else None,
            iso_status=self.payment.iso_status,
            raw_status=self.payment.raw_status,
        )

    def situation(self, now: datetime, policy: PaymentsPolicy) -> Situation:
        """What the next step depends on."""
        return Situation(
            now=now,
            status=self.payment.status,
            state=self.submission.state,
            operation_state=self.operation.state,
            operation_kind=self.operation.kind,
            lease_until=self.operation.lease_until,
            first_sent_at=self.operation.first_sent_at,
            last_sent_at=self.operation.last_sent_at,
            created_at=self.payment.created_at,
            updated_at=self.payment.updated_at,
            execute_at=self.payment.execute_at,
            blocked=self.suspended or self.disputed,
            absence_told=self.last_poll == "not_found",
            pending_told=self.last_poll == "pending",
            has_bank_reference=self.submission.bank_reference is not None,
            has_consent=self.reference.consent_id is not None,
            tries=self.tries,
            authorisation=None if self.authorisation is None else self.authorisation.standing,
            declaration=self.background.bank.declaration,
            policy=policy,
        )


class Cases:
    """Opens the background of payments and locks them."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def background(self, ref: PaymentRef) -> Background:
        """Raises NotFound for an unknown payment or a bank that is no longer configured."""
        row = await self._tools.pool.fetchrow(_SQL["find_facts"], ref.partner_id, ref.payment_id)
        if row is None:
            raise NotFound
        opened = await self._tools.vault.open(ref.partner_id, row["sealed_terms"], context(ref.payment_id))
        facts = Facts(
            tenant=Tenant(ref.partner_id, Environment(row["environment"])),
            payment_id=ref.payment_id,
            merchant_id=row["merchant_id"],
            amount=Money(row["amount_currency"], row["amount_value"]),
            terms=Terms.from_json(opened),
            execute_at=row["execute_at"],
        )
        return Background(facts=facts, bank=await self._tools.banks.get(row["bank_id"]))

    async def lock(self, connection: Connection, background: Background, submission_id: UUID | None = None) -> Case:
        """Lock the payment until the transaction ends, then read the rest, so that nothing read is older.

        The case has the bank of its submission, also where the payment has moved there since its background was read.
        """
        ref = background.ref
        payment = await connection.fetchrow(_SQL["lock_payment"], ref.partner_id, ref.payment_id)
        work = await connection.fetchrow(_SQL["find_work"], ref.partner_id, ref.payment_id, submission_id)
        if payment is None or work is None:
            raise NotFound
        if work["at_bank_id"] != background.bank.bank.id:
            background = replace(background, bank=await self._tools.banks.get(work["at_bank_id"]))
        return Case(
            background=background,
            payment=PaymentRow.from_row(payment),
            submission=SubmissionRow.from_row(part_of(work, "s_")),
            operation=OperationRow.from_row(part_of(work, "o_")),
            suspended=work["suspended"],
            disputed=work["disputed"],
            last_poll=work["last_poll"],
            contradicted=work["contradicted"],
            authorisation=await self._authorisation(connection, background, work["s_id"]),
            tries=_tries(work["tries"]),
        )

    async def _authorisation(
        self, connection: Connection, background: Background, submission_id: UUID
    ) -> AuthorisationRow | None:
        if not background.bank.declaration.sends_payers:
            return None
        return await authorisations.find(connection, background.ref.partner_id, submission_id)


def moved(case: Case, payment: PaymentRow, submission: SubmissionRow) -> Case:
    """The case after a change."""
    return replace(case, payment=payment, submission=submission)


def _tries(counted: str) -> Mapping[OperationKind, Tries]:
    counts: dict[str, tuple[int, int]] = orjson.loads(counted)
    return {OperationKind(kind): Tries(calls=calls, left=left) for kind, (calls, left) in counts.items()}


def part_of(row: asyncpg.Record, prefix: str) -> dict[str, Any]:
    """The columns of one table in a joined row, without their prefix."""
    return {name.removeprefix(prefix): value for name, value in row.items() if name.startswith(prefix)}
