"""Accounts, balances and transactions on the wire."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from gateway.schemas.pages import PageQuery
from gateway.schemas.types import Id, MoneyOut, Query, Response, whole, wrong

MAX_AGE_DEFAULT = 60
AGE_MAX = 86_400
# A cursor holds the bank's own link and what was shown last.
_CURSOR_MAX = 6_000
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _date(value: Any) -> date:
    try:
        if isinstance(value, str) and _DATE.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise wrong("format", "Expected a day, e.g. 2026-01-31.")


def _cursor(value: str) -> str:
    if re.fullmatch(rf"[A-Za-z0-9_-]{{1,{_CURSOR_MAX}}}", value) is None:
        raise wrong("format", "Send the next_cursor of the page before, as it is.")
    return value


Day = Annotated[date, *whole(_date, "string", format="date", examples=["2026-01-31"])]
Seconds = Annotated[int, Field(ge=0, le=AGE_MAX)]


class AccountFilter(PageQuery):
    """Which accounts. With `consent_id` the list is that of the bank, at most a day old."""

    consent_id: Id | None = None
    merchant_id: Id | None = None


class AccountOut(Response):
    """An account that a consent opens; its number and name are masked, its id is the same as long as the consent is."""

    id: str
    object: Literal["account"]
    environment: Literal["test", "live"]
    consent_id: str
    merchant_id: str
    bank_id: str
    currency: str
    scheme: str | None
    iban: str | None
    sort_code: str | None
    account_number: str | None
    name: str | None
    product: str | None
    read_at: datetime


class SignedMoneyOut(Response):
    """An amount in minor units; negative where the account is overdrawn."""

    currency: str
    value: int


class BalanceOut(Response):
    """One balance. `kind` is ours, `bank_kind` the bank's own word; `at` is when the bank says that it was so."""

    kind: str
    amount: SignedMoneyOut
    at: datetime | None
    bank_kind: str | None


class BalancesQuery(Query):
    """How old the answer may be.

    Balances that were read less than `max_age` seconds ago are answered as they were kept; with 0 none are. Where the
    bank's limit of reads is reached, or it cannot be read now, they may be older by `max_stale`. What is kept goes when
    a payment of the merchant moves money at the bank.
    """

    max_age: Seconds = MAX_AGE_DEFAULT
    max_stale: Seconds = 0


class BalancesOut(Response):
    """An account's balances as of a moment: true then, or since then by what the bank knew."""

    object: Literal["balances"]
    account_id: str
    as_of: datetime
    age_seconds: int
    max_age: int
    from_cache: bool
    data: list[BalanceOut]


class TransactionsQuery(Query):
    """Which days of booking, both included; a cursor holds the days of its first page, so send it alone."""

    booked_from: Day | None = None
    booked_to: Day | None = None
    cursor: Annotated[str, AfterValidator(_cursor)] | None = None


class TransactionOut(Response):
    """One entry of an account. Its id is the same whenever it is read; null where the bank gives it none.

    The counterparty's name is masked.
    """

    id: str | None
    object: Literal["transaction"]
    amount: MoneyOut
    direction: Literal["credit", "debit"]
    status: str
    booked_at: datetime | None
    value_at: datetime | None
    end_to_end_id: str | None
    counterparty: str | None
    text: str | None
    bank_code: str | None


class TransactionsOut(Response):
    """One page of an account's entries as the bank gives them; without next_cursor it is the last one.

    An entry that has an id is not shown again on a later page, also where the bank's pages shift meanwhile.
    """

    data: list[TransactionOut]
    next_cursor: str | None
    as_of: datetime
