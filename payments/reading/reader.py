"""Reads payments for their own partner and environment."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from adapters.declaration import Declaration
from kernel.errors import NotFound
from kernel.ids import Tenant, first_id_at, time_of
from kernel.sealing import KeyDestroyed, SealError
from kernel.sql import beside
from payments.journeys import authorisations, refund_accounts
from payments.model import Page
from payments.reading.build import build_recovery, build_view, build_waiting
from payments.rows import PaymentRow
from payments.states.names import PaymentStatus, SubmissionState
from payments.terms import Terms, context
from payments.tools import Tools
from payments.view import AuthorisationView, PaymentView, RecoveryView

_SQL = beside(__file__, "reader.sql")
PAGE_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which payments to list, newest first; `after` is the last page's cursor.

    Those that need an operator have something open that no machine can end; they come with their evidence.
    """

    limit: int = 20
    after: UUID | None = None
    merchant_id: UUID | None = None
    status: PaymentStatus | None = None
    needs_operator: bool | None = None
    created_from: datetime | None = None


class Reader:
    """Answers with views."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def get(self, tenant: Tenant, payment_id: UUID) -> PaymentView:
        """Raises NotFound for a payment that this partner does not have in this environment."""
        row = await self._tools.pool.fetchrow(
            _SQL["find_payment"], tenant.partner_id, tenant.environment.value, payment_id
        )
        if row is None:
            raise NotFound
        return (await self._whole(tenant, [row]))[0]

    async def page(self, tenant: Tenant, wanted: Filter) -> Page:
        """One page, newest first. The cursor is the last payment's id, so pages stay right while payments are added."""
        limit = max(1, min(wanted.limit, PAGE_MAX))
        rows = await self._tools.pool.fetch(
            _SQL["list_payments"],
            tenant.partner_id,
            tenant.environment.value,
            wanted.after,
            wanted.merchant_id,
            wanted.status.value if wanted.status else None,
            wanted.created_from,
            limit + 1,
            wanted.needs_operator,
        )
        page = rows[:limit]
        more = len(rows) > limit
        views = await self._whole(tenant, page, with_evidence=bool(wanted.needs_operator))
        return Page(data=tuple(views), next_cursor=page[-1]["id"] if more else None)

    async def _whole(
        self, tenant: Tenant, rows: Sequence[asyncpg.Record], *, with_evidence: bool = False
    ) -> list[PaymentView]:
        """As `views`, with what is for the partner alone."""
        views = await self.views(tenant, rows, with_evidence=with_evidence)
        accounts = await refund_accounts.opened(self._tools, rows)
        return [replace(view, refund_account=accounts.get(view.id)) for view in views] if accounts else views

    async def views(
        self, tenant: Tenant, rows: Sequence[asyncpg.Record], *, with_evidence: bool = False
    ) -> list[PaymentView]:
        """Rows of find_payment or list_payments as partners see them; unknown ones always have their evidence."""
        sealed = [(tenant.partner_id, row["sealed_terms"], context(row["id"])) for row in rows]
        opened = await self._tools.vault.open_each(sealed)
        awaiting = PaymentStatus.AWAITING_AUTHORISATION
        waiting = [row["id"] for row in rows if row["status"] == awaiting or row["cancel_requested"]]
        invited = await authorisations.views(self._tools, tenant.partner_id, waiting)
        views = [await self._view(row, terms, invited.get(row["id"])) for row, terms in zip(rows, opened, strict=True)]
        if not with_evidence:
            return views
        told = [await self._evidence(tenant, row) for row in rows]
        return [replace(view, recovery=view.recovery or each) for view, each in zip(views, told, strict=True)]

    async def _view(
        self, row: asyncpg.Record, opened: bytes | SealError, authorisation: AuthorisationView | None
    ) -> PaymentView:
        if isinstance(opened, SealError) and not isinstance(opened, KeyDestroyed):
            raise opened
        terms = None if isinstance(opened, SealError) else Terms.from_json(opened)
        payment, declaration = PaymentRow.from_row(row), await self._declaration(row["bank_id"])
        recovery = await self._recovery(payment, row["state"], declaration)
        return build_view(payment, terms, declaration, recovery, authorisation)

    async def _evidence(self, tenant: Tenant, row: asyncpg.Record) -> RecoveryView:
        rows = await self._tools.pool.fetch(_SQL["list_recent_evidence"], tenant.partner_id, row["id"])
        return build_waiting(rows)

    async def _declaration(self, bank_id: str) -> Declaration | None:
        """What its bank declares; None for one that is not configured any more."""
        try:
            return (await self._tools.banks.get(bank_id)).declaration
        except NotFound:
            return None

    async def _recovery(self, payment: PaymentRow, state: str, declaration: Declaration | None) -> RecoveryView | None:
        if payment.status is not PaymentStatus.OUTCOME_UNKNOWN:
            return None
        ref = payment.ref
        evidence = await self._tools.pool.fetch(_SQL["list_recent_evidence"], ref.partner_id, ref.payment_id)
        return build_recovery(payment, SubmissionState(state), declaration, evidence)


async def timeline(tools: Tools, tenant: Tenant, payment_id: UUID) -> list[dict[str, Any]]:
    """All that happened to a payment, oldest first, as `{"at": datetime, "kind", "what", …}`.

    Kinds: `payment` (created), `operation` (planned, sent, ended), `evidence`, `event`, `exception`. An operation of
    which no byte left is planned and `never_left`, not sent. Raises NotFound.
    """
    found = await tools.pool.fetchval(_SQL["payment_exists"], tenant.partner_id, tenant.environment.value, payment_id)
    if not found:
        raise NotFound
    rows = await tools.pool.fetch(
        _SQL["list_timeline"],
        tenant.partner_id,
        tenant.environment.value,
        payment_id,
        first_id_at(time_of(payment_id)),
    )
    return [_entry(row) for row in rows]


def _entry(row: asyncpg.Record) -> dict[str, Any]:
    names = ("kind", "what", "source", "raw_code", "iso_code", "reason", "applied", "refused_why")
    return {"at": row["at"], **{name: row[name] for name in names if row[name] is not None}}
