"""Accounts, balances and transactions as partners see them: numbers and names masked by their types."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from accounts.view import maybe_rfc3339, rfc3339
from adapters.contract.accounts import Balance, BalanceKind, BankAccount, BankTransaction
from adapters.declaration import AccountScheme
from kernel.ids import Environment, Kind, Tenant, to_text
from kernel.masked import AccountNumber, Masked, PersonName


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """A row of consent_accounts; `balances_token` is there while balances are read or kept."""

    tenant: Tenant
    id: UUID
    consent_id: UUID
    merchant_id: UUID
    bank_id: str
    sealed_account: bytes
    balances_token: UUID | None
    sealed_balances: bytes | None
    balances_at: datetime | None
    updated_at: datetime

    @classmethod
    def from_row(cls, row: Any) -> "AccountRow":
        """From a row of consent_accounts."""
        names = ("id", "consent_id", "merchant_id", "bank_id", "sealed_account", "balances_token", "sealed_balances")
        plain = {name: row[name] for name in (*names, "balances_at", "updated_at")}
        return cls(tenant=Tenant(row["partner_id"], Environment(row["environment"])), **plain)


def account_context(account_id: UUID) -> bytes:
    """What binds a sealed account to its row."""
    return b"consent_accounts.account:" + account_id.bytes


def balances_context(account_id: UUID) -> bytes:
    """What binds sealed balances to their row."""
    return b"consent_accounts.balances:" + account_id.bytes


def account_to_json(account: BankAccount) -> bytes:
    """An account as bytes to seal: this is the one place where its numbers leave their types."""
    return orjson.dumps(
        {
            "id": account.id,
            "currency": account.currency,
            "scheme": account.scheme,
            "iban": _reveal(account.iban),
            "sort_code": account.sort_code,
            "account_number": _reveal(account.account_number),
            "name": _reveal(account.name),
            "product": account.product,
        }
    )


def account_from_json(opened: bytes) -> BankAccount:
    """The account that `account_to_json` wrote."""
    raw: dict[str, Any] = orjson.loads(opened)
    return BankAccount(
        id=raw["id"],
        currency=raw["currency"],
        scheme=None if raw["scheme"] is None else AccountScheme(raw["scheme"]),
        iban=None if raw["iban"] is None else AccountNumber(raw["iban"]),
        sort_code=raw["sort_code"],
        account_number=None if raw["account_number"] is None else AccountNumber(raw["account_number"]),
        name=None if raw["name"] is None else PersonName(raw["name"]),
        product=raw["product"],
    )


def balances_to_json(balances: tuple[Balance, ...]) -> bytes:
    """Balances as bytes to seal."""
    return orjson.dumps(
        [
            {
                "kind": each.kind,
                "currency": each.currency,
                "value": each.value,
                "at": None if each.at is None else each.at.isoformat(),
                "raw_kind": each.raw_kind,
            }
            for each in balances
        ]
    )


def balances_from_json(opened: bytes) -> tuple[Balance, ...]:
    """The balances that `balances_to_json` wrote."""
    return tuple(
        Balance(
            kind=BalanceKind(raw["kind"]),
            currency=raw["currency"],
            value=raw["value"],
            at=None if raw["at"] is None else datetime.fromisoformat(raw["at"]),
            raw_kind=raw["raw_kind"],
        )
        for raw in orjson.loads(opened)
    )


def show_account(row: AccountRow, account: BankAccount) -> dict[str, Any]:
    """The account JSON of the API."""
    environment = row.tenant.environment
    return {
        "id": to_text(Kind.ACCOUNT, row.id, environment),
        "object": "account",
        "environment": environment.value,
        "consent_id": to_text(Kind.CONSENT, row.consent_id, environment),
        "merchant_id": to_text(Kind.MERCHANT, row.merchant_id, environment),
        "bank_id": row.bank_id,
        "currency": account.currency,
        "scheme": None if account.scheme is None else account.scheme.value,
        "iban": _mask(account.iban),
        "sort_code": account.sort_code,
        "account_number": _mask(account.account_number),
        "name": _mask(account.name),
        "product": account.product,
        "read_at": rfc3339(row.updated_at),
    }


def show_balance(balance: Balance) -> dict[str, Any]:
    """One balance; its value is negative where the account is overdrawn."""
    return {
        "kind": balance.kind.value,
        "amount": {"currency": balance.currency, "value": balance.value},
        "at": maybe_rfc3339(balance.at),
        "bank_kind": balance.raw_kind,
    }


def show_transaction(row: AccountRow, transaction: BankTransaction, transaction_id: UUID | None) -> dict[str, Any]:
    """One entry. Its text is what its holder lets be read; names are masked."""
    end_to_end_id, text = transaction.end_to_end_id, transaction.text
    environment = row.tenant.environment
    return {
        "id": None if transaction_id is None else to_text(Kind.TRANSACTION, transaction_id, environment),
        "object": "transaction",
        "amount": {"currency": transaction.amount.currency, "value": transaction.amount.value},
        "direction": "credit" if transaction.is_credit else "debit",
        "status": transaction.status.value,
        "booked_at": maybe_rfc3339(transaction.booked_at),
        "value_at": maybe_rfc3339(transaction.value_at),
        "end_to_end_id": _reveal(end_to_end_id),
        "counterparty": _mask(transaction.counterparty),
        "text": _reveal(text),
        "bank_code": transaction.bank_code,
    }


def _reveal(value: Masked | None) -> str | None:
    return None if value is None else value.reveal()


def _mask(value: Masked | None) -> str | None:
    return None if value is None else value.masked()
