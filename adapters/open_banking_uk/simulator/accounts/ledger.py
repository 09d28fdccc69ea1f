"""What stands on the accounts: transactions, newest first, and the balances that follow from them."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.open_banking_uk.simulator.answers import V4
from adapters.open_banking_uk.simulator.holders import ACCOUNTS, BY_ID

_AT_FIRST = 60
_OPENING = 250_000
_SHOPS = ("Example Grocer", "Example Railway", "Example Books Ltd", "Example Power")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One transaction in pence; positive is a credit. Every fifth has no id, which the standard allows."""

    id: str | None
    value: int
    booked_at: datetime
    other: str
    pending: bool = False


class Ledger:
    """The entries of every account."""

    def __init__(self) -> None:
        now = datetime.now(UTC)
        self._entries = {
            each.id: [_entry(number, now) for number in range(_AT_FIRST)] if each.has_money else [] for each in ACCOUNTS
        }

    def arrive(self, account_id: str) -> None:
        """Something is booked while the account is read."""
        self._entries[account_id].insert(0, _entry(len(self._entries[account_id]), datetime.now(UTC)))

    def entries(self, account_id: str, begins: datetime | None, ends: datetime | None) -> list[Entry]:
        """Those booked between two times, newest first."""
        return [
            each
            for each in self._entries[account_id]
            if (begins is None or each.booked_at >= begins) and (ends is None or each.booked_at <= ends)
        ]

    def balance(self, account_id: str, *, booked: bool) -> int:
        """The sum of the booked entries, or of all."""
        opening = _OPENING if BY_ID[account_id].has_money else 0
        return opening + sum(each.value for each in self._entries[account_id] if not (booked and each.pending))


def entry_told(version: str, account_id: str, entry: Entry) -> dict[str, Any]:
    """An entry as the version says it."""
    booked, pending = ("BOOK", "PDNG") if version == V4 else ("Booked", "Pending")
    told: dict[str, Any] = {
        "AccountId": account_id,
        "CreditDebitIndicator": "Credit" if entry.value >= 0 else "Debit",
        "Status": pending if entry.pending else booked,
        "BookingDateTime": entry.booked_at.isoformat(timespec="seconds"),
        "ValueDateTime": entry.booked_at.isoformat(timespec="seconds"),
        "Amount": amount_told(entry.value),
        "TransactionInformation": f"Card payment to {entry.other}" if entry.value < 0 else f"From {entry.other}",
        "ProprietaryBankTransactionCode": {"Code": "Transfer", "Issuer": "Example Bank"},
        "DebtorAccount" if entry.value >= 0 else "CreditorAccount": {"Name": entry.other},
    }
    return told if entry.id is None else {**told, "TransactionId": entry.id}


def balance_told(version: str, account_id: str, value: int, *, booked: bool) -> dict[str, Any]:
    """A balance as the version says it."""
    codes = ("ITBD", "ITAV") if version == V4 else ("InterimBooked", "InterimAvailable")
    return {
        "AccountId": account_id,
        "CreditDebitIndicator": "Credit" if value >= 0 else "Debit",
        "Type": codes[0] if booked else codes[1],
        "DateTime": datetime.now(UTC).isoformat(timespec="seconds"),
        "Amount": amount_told(value),
    }


def amount_told(value: int) -> dict[str, str]:
    """Pence as an amount; its sign is told beside it."""
    return {"Amount": f"{abs(value) // 100}.{abs(value) % 100:02}", "Currency": "GBP"}


def _entry(number: int, now: datetime) -> Entry:
    value = 120_000 if number % 10 == 9 else -(500 + 37 * number)
    return Entry(
        id=None if number % 5 == 4 else f"txn-{secrets.token_hex(8)}",
        value=value,
        booked_at=now - timedelta(hours=7 * (number if number < _AT_FIRST else 0)),
        other=_SHOPS[number % len(_SHOPS)],
        pending=number == 0,
    )
