"""Payments and banks on the wire."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from gateway.schemas.pages import PageQuery
from gateway.schemas.payments.banks import BankId, RoutingIn
from gateway.schemas.payments.parties import CreditorIn, DebtorIn, PayerIn, ReturnUrl
from gateway.schemas.types import (
    Flag,
    Id,
    Metadata,
    MoneyIn,
    MoneyOut,
    Query,
    Reference,
    Request,
    Response,
    Time,
    wrong,
)
from payments.states.names import PaymentStatus


def _status(value: str) -> str:
    if value not in {status.value for status in PaymentStatus}:
        raise wrong("unknown_value", f"Expected one of: {', '.join(PaymentStatus)}.")
    return value


class PaymentIn(Request):
    """A payment to make.

    Some banks send the payer to their own pages: then `return_url` is where they come back to you. Without `bank_id`
    the bank is chosen, by `routing` if you send it.
    """

    merchant_id: Id
    bank_id: BankId | None = None
    amount: MoneyIn
    creditor: CreditorIn
    reference: Reference
    end_to_end_id: Reference | None = None
    execute_at: Time | None = None
    debtor: DebtorIn | None = None
    payer: PayerIn | None = None
    return_url: ReturnUrl | None = None
    routing: RoutingIn | None = None
    metadata: Metadata = Field(default_factory=dict)


class ConsideredOut(Response):
    """One bank that was considered; some of its reasons exclude it, others put it in order.

    `fields` are JSON Pointers of what it does not accept, where that is a reason.
    """

    bank_id: str
    eligible: bool
    reasons: list[str]
    fields: list[str] | None = None


class RoutingOut(Response):
    """Why this bank, and why not the others. Tolerate reasons that you do not know."""

    bank_id: str
    considered: list[ConsideredOut]


class PaymentQuery(Query):
    """`dry_run=true` checks everything and shows what the bank would get, without making the payment."""

    dry_run: Flag = False


class AccountOut(Response):
    """An account, masked."""

    iban: str | None = None
    sort_code: str | None = None
    routing_number: str | None = None
    account_number: str | None = None


class CreditorOut(Response):
    """Who is paid, masked."""

    name: str
    account: AccountOut


class DebtorOut(Response):
    """The account to pay from, masked."""

    account: AccountOut


class RefundAccountOut(Response):
    """Where a refund would go: the payer's account in full, as their bank told it. It is null in events."""

    iban: str | None = None
    sort_code: str | None = None
    routing_number: str | None = None
    account_number: str | None = None


class AuthorisationOut(Response):
    """How the payer authorises the payment at the bank, or that it is cancelled (`purpose`), and until when.

    With `redirect`, open `url` in the payer's browser; with `decoupled` they are asked in the bank's own app and there
    is nothing to open. The url is a secret of the payer: it is in answers to you, and null in events.
    """

    url: str | None
    method: str
    purpose: Literal["payment", "cancellation"]
    expires_at: datetime | None


class EvidenceOut(Response):
    """One thing that a bank said."""

    source: str
    verdict: str
    raw_code: str | None
    iso_code: str | None
    reason: str | None
    applied: bool
    refused_why: str | None
    at: datetime


class RecoveryOut(Response):
    """How an unknown outcome is being cleared."""

    strategy: str
    next_check_at: datetime | None
    evidence: list[EvidenceOut]


class PaymentOut(Response):
    """A payment. Tolerate values of `status` that you do not know.

    Without creditor and reference, they were erased with the merchant's data. While it is `awaiting_authorisation` and
    the payer has not come back, `authorisation` says where they are expected; so it does while they are to approve a
    cancellation that you asked for. `routing` is there where its bank was chosen and not named. With
    `reports_expected_until` the bank has said what it has to say: after that time it is not asked any more.
    """

    id: str
    object: Literal["payment"]
    environment: Literal["test", "live"]
    merchant_id: str
    bank_id: str
    routing: RoutingOut | None = None
    amount: MoneyOut
    creditor: CreditorOut | None
    debtor: DebtorOut | None
    reference: str | None
    end_to_end_id: str | None
    metadata: dict[str, str]
    status: str
    status_final: bool
    reports_expected_until: datetime | None
    iso_status: str | None
    raw_status: str | None
    reason: str | None
    finality: str
    recovery: RecoveryOut | None
    authorisation: AuthorisationOut | None
    refund_account: RefundAccountOut | None
    execute_at: datetime | None
    created_at: datetime
    updated_at: datetime


class ShownRequestOut(Response):
    """One request as the bank would get it; names, account numbers and credentials are masked."""

    kind: str
    method: str
    path: str
    headers: dict[str, str]
    body: str | None


class RehearsalOut(Response):
    """What would become of a payment. Its references are made anew for the payment itself."""

    object: Literal["payment_dry_run"]
    bank_id: str
    status: str
    requests: list[ShownRequestOut]
    routing: RoutingOut | None = None


class PaymentFilter(PageQuery):
    """Which payments. With `needs_operator=true` those that no machine can end, with what their banks said."""

    merchant_id: Id | None = None
    status: Annotated[str, AfterValidator(_status), WithJsonSchema({"enum": [*PaymentStatus]})] | None = None
    needs_operator: Flag | None = None
    created_from: Time | None = None


class TimelineEntry(Response):
    """One thing that happened to a payment; members that say nothing are left out."""

    at: datetime
    kind: str
    what: str | None = None
    source: str | None = None
    raw_code: str | None = None
    iso_code: str | None = None
    reason: str | None = None
    applied: bool | None = None
    refused_why: str | None = None


class TimelineOut(Response):
    """What happened to a payment, first to last."""

    data: list[TimelineEntry]
