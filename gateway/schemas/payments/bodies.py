"""Payments and banks on the wire."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from adapters.contract import Account, Creditor
from gateway.schemas.pages import PageQuery
from gateway.schemas.types import (
    DomesticNumber,
    Flag,
    Iban,
    Id,
    Metadata,
    MoneyIn,
    MoneyOut,
    Name,
    Query,
    Reference,
    Request,
    Response,
    RoutingNumber,
    SortCode,
    Time,
    is_uk_number,
    wrong,
)
from payments.states.names import PaymentStatus


def _status(value: str) -> str:
    if value not in {status.value for status in PaymentStatus}:
        raise wrong("unknown_value", "Expected a payment's status.")
    return value


BankId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")]


class AccountIn(Request):
    """An IBAN, or an account number with a sort code (United Kingdom) or a routing number (United States)."""

    iban: Iban | None = None
    sort_code: SortCode | None = None
    routing_number: RoutingNumber | None = None
    account_number: DomesticNumber | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        forms = [self.iban, self.sort_code, self.routing_number]
        if sum(form is not None for form in forms) != 1 or (self.iban is None) == (self.account_number is None):
            raise wrong("account", "Send iban, or account_number with either sort_code or routing_number.")
        if self.sort_code is not None and not is_uk_number(self.account_number):
            raise wrong("account", "An account_number beside a sort_code has 6 to 8 digits.")
        return self

    def to_account(self) -> Account:
        """As the payments room wants it."""
        return Account(
            iban=self.iban,
            sort_code=self.sort_code,
            routing_number=self.routing_number,
            account_number=self.account_number,
        )


class CreditorIn(Request):
    """Who is paid."""

    name: Name
    account: AccountIn

    def to_creditor(self) -> Creditor:
        """As the payments room wants it."""
        return Creditor(name=self.name, account=self.account.to_account())


class PaymentIn(Request):
    """A payment to make."""

    merchant_id: Id
    bank_id: BankId
    amount: MoneyIn
    creditor: CreditorIn
    reference: Reference
    end_to_end_id: Reference | None = None
    execute_at: Time | None = None
    metadata: Metadata = Field(default_factory=dict)


class PaymentQuery(Query):
    """`dry_run=true` checks everything and shows what the bank would get, without making the payment."""

    dry_run: Flag = False


class AccountOut(Response):
    """A creditor's account, masked."""

    iban: str | None = None
    sort_code: str | None = None
    routing_number: str | None = None
    account_number: str | None = None


class CreditorOut(Response):
    """Who is paid, masked."""

    name: str
    account: AccountOut


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

    Without creditor and reference, they were erased with the merchant's data.
    """

    id: str
    object: Literal["payment"]
    environment: Literal["test", "live"]
    merchant_id: str
    bank_id: str
    amount: MoneyOut
    creditor: CreditorOut | None
    reference: str | None
    end_to_end_id: str | None
    metadata: dict[str, str]
    status: str
    iso_status: str | None
    raw_status: str | None
    reason: str | None
    finality: str
    recovery: RecoveryOut | None
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


class PaymentFilter(PageQuery):
    """Which payments."""

    merchant_id: Id | None = None
    status: Annotated[str, AfterValidator(_status), WithJsonSchema({"enum": [*PaymentStatus]})] | None = None
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
