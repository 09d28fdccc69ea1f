"""The bank's two accounts: a past that is the same at every start, and what was paid since."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from adapters.berlin_group.simulator.payments.books import MOVED, Books

DEBTOR_IBAN = "DE89370400440532013000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One booked entry; minor units, negative for a debit."""

    id: str
    day: dt.date
    value: int
    counterparty: str
    text: str

    def to_json(self, currency: str) -> dict[str, Any]:
        """The entry as the standard writes it."""
        return {
            "transactionId": self.id,
            "bookingDate": self.day.isoformat(),
            "valueDate": self.day.isoformat(),
            "transactionAmount": money(currency, self.value),
            "debtorName" if self.value > 0 else "creditorName": self.counterparty,
            "remittanceInformationUnstructured": self.text,
            "bankTransactionCode": "PMNT-RCDT-ESCT" if self.value > 0 else "PMNT-ICDT-ESCT",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account; `opening` is what was there before its entries."""

    id: str
    iban: str
    name: str
    opening: int
    entries: tuple[Entry, ...] = field(default=())
    currency: str = "EUR"

    def to_json(self) -> dict[str, Any]:
        """The account as the list of accounts has it."""
        path = f"/v1/accounts/{self.id}"
        return {
            "resourceId": self.id,
            "iban": self.iban,
            "currency": self.currency,
            "name": self.name,
            "product": "Current account",
            "cashAccountType": "CACC",
            "_links": {name: {"href": f"{path}/{name}"} for name in ("balances", "transactions")},
        }


class Holdings:
    """The accounts with the payments of the books."""

    def __init__(self, books: Books, today: dt.date) -> None:
        self._books = books
        self._today = today
        first = Account(
            id="3dc3d5b3-7023-4848-9853-f5400a64e80f",
            iban=DEBTOR_IBAN,
            name="Household",
            opening=250_000,
            entries=tuple(_past("h", today, (-4_250, 310_000, -79_900, -1_299, -5_600, -12_000, 2_500))),
        )
        second = Account(
            id="3dc3d5b3-7023-4848-9853-f5400a64e81g",
            iban="DE02120300000000202051",
            name="Savings",
            opening=1_000_000,
            entries=tuple(_past("s", today, (50_000, -1))),
        )
        self.accounts = {each.id: each for each in (first, second)}

    def entries(self, account: Account) -> list[Entry]:
        """The account's entries, newest first."""
        paid = self._paid() if account.iban == DEBTOR_IBAN else ()
        return sorted((*account.entries, *paid), key=lambda entry: (entry.day, entry.id), reverse=True)

    def balances(self, account: Account) -> list[dict[str, Any]]:
        """What is booked, and what can be spent, which also lacks what is under way."""
        booked = account.opening + sum(entry.value for entry in self.entries(account))
        kinds = {"closingBooked": booked, "interimAvailable": booked}
        return [
            {"balanceType": kind, "balanceAmount": money(account.currency, value), "referenceDate": str(self._today)}
            for kind, value in kinds.items()
        ]

    def _paid(self) -> Iterator[Entry]:
        for payment in self._books.payments.values():
            if payment.status in MOVED and payment.order.told["debtorAccount"]["iban"] == DEBTOR_IBAN:
                order = payment.order
                text = order.told.get("remittanceInformationUnstructured", order.end_to_end_id)
                yield Entry(
                    id=payment.id,
                    day=self._today,
                    value=-order.amount.value,
                    counterparty=order.creditor_name,
                    text=text,
                )


def money(currency: str, value: int) -> dict[str, str]:
    """Minor units of euros as the standard writes them."""
    sign = "-" if value < 0 else ""
    return {"currency": currency, "amount": f"{sign}{abs(value) // 100}.{abs(value) % 100:02d}"}


def _past(letter: str, today: dt.date, values: tuple[int, ...]) -> Iterator[Entry]:
    for number, value in enumerate(values, start=1):
        day = today - dt.timedelta(days=3 * number)
        name = "Example Works Ltd" if value > 0 else "Example Grocer"
        yield Entry(id=f"{letter}{number:04d}", day=day, value=value, counterparty=name, text=f"Example entry {number}")
