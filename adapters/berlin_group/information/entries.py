"""Accounts, balances and transactions as the standard writes them. Raises Unreadable for what is not as documented."""

from datetime import UTC, date, datetime
from typing import Any

from adapters.berlin_group.information.tables import BALANCES, BOOKINGS
from adapters.berlin_group.reading import as_list, signed_money_of
from adapters.contract.accounts import Balance, BalanceKind, BankAccount, BankTransaction, BookingStatus
from adapters.declaration import AccountScheme
from adapters.reading.strict import Unreadable, as_object, code_of, id_of, time_of
from kernel.masked import AccountNumber, Masked, PersonName

_TEXT_LENGTH_MAX = 1000


def is_readable(raw: object) -> bool:
    """Whether an account of the list can be read at all: the bank names those that can."""
    return "resourceId" in as_object(raw)


def account_of(raw: object) -> BankAccount:
    """One account of the list."""
    account = as_object(raw)
    iban, name = _text(account, "iban"), _text(account, "name") or _text(account, "ownerName")
    return BankAccount(
        id=id_of(account.get("resourceId")),
        currency=_needed(account, "currency"),
        scheme=AccountScheme.IBAN if iban else None,
        iban=AccountNumber(iban) if iban else None,
        name=PersonName(name) if name else None,
        product=_text(account, "product"),
    )


def number_of(body: dict[str, Any]) -> AccountNumber | None:
    """The IBAN of the account that an answer says it is of."""
    account = body.get("account")
    iban = _text(account, "iban") if isinstance(account, dict) else None
    return AccountNumber(iban) if iban else None


def balance_of(raw: object) -> Balance:
    """One balance; a type that no table has is told as information, with the bank's word beside it."""
    balance = as_object(raw)
    sign, money = signed_money_of(balance.get("balanceAmount"))
    told = code_of(balance.get("balanceType"))
    return Balance(
        kind=BALANCES.get(told or "", BalanceKind.INFORMATION),
        currency=money.currency,
        value=sign * money.value,
        at=time_of(balance.get("lastChangeDateTime")) or _day(balance.get("referenceDate")),
        raw_kind=told,
    )


def transactions_of(report: dict[str, Any]) -> tuple[BankTransaction, ...]:
    """All entries of a report, list by list, in the bank's order."""
    return tuple(_transaction(each, status) for name, status in BOOKINGS.items() for each in as_list(report.get(name)))


def _transaction(raw: object, status: BookingStatus) -> BankTransaction:
    entry = as_object(raw)
    sign, money = signed_money_of(entry.get("transactionAmount"))
    counterparty = _text(entry, "debtorName" if sign > 0 else "creditorName")
    reference, text = _text(entry, "endToEndId"), _remittance(entry)
    return BankTransaction(
        amount=money,
        is_credit=sign > 0,
        status=status,
        id=_text(entry, "transactionId") or _text(entry, "entryReference"),
        booked_at=_day(entry.get("bookingDate")),
        value_at=_day(entry.get("valueDate")),
        end_to_end_id=Masked(reference) if reference else None,
        counterparty=PersonName(counterparty) if counterparty else None,
        text=Masked(text) if text else None,
        bank_code=code_of(entry.get("bankTransactionCode")) or code_of(entry.get("proprietaryBankTransactionCode")),
    )


def _remittance(entry: dict[str, Any]) -> str | None:
    """The text in whichever of the standard's places the bank put it."""
    plain = _text(entry, "remittanceInformationUnstructured")
    if plain:
        return plain
    lines = [each for each in as_list(entry.get("remittanceInformationUnstructuredArray")) if isinstance(each, str)]
    if lines:
        return " ".join(lines)[:_TEXT_LENGTH_MAX]
    structured = entry.get("remittanceInformationStructured")
    return _text(structured, "reference") if isinstance(structured, dict) else None


def _text(raw: dict[str, Any], name: str) -> str | None:
    value = raw.get(name)
    return value[:_TEXT_LENGTH_MAX] if isinstance(value, str) and value else None


def _needed(raw: dict[str, Any], name: str) -> str:
    value = _text(raw, name)
    if value is None:
        raise Unreadable
    return value


def _day(value: object) -> datetime | None:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if day is not None else None
