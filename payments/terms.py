"""The terms of a payment that are somebody's own words or account: sealed at rest, masked by type, digested."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID

import orjson

from adapters.contract import Account, Creditor, Payer
from kernel.masked import AccountNumber, Masked, PersonName
from payments.model import PaymentRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Creditor, references and metadata of one payment, and what is known of who pays.

    `routing` is why its bank was chosen, where the partner named none (payments/routing).
    """

    creditor: Creditor
    reference: Masked
    end_to_end_id: Masked | None = None
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)
    debtor: Account | None = None
    payer: Payer | None = None
    return_url: str | None = field(default=None, repr=False)
    routing: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, request: PaymentRequest) -> Self:
        """The terms of a request."""
        return cls(
            creditor=request.creditor,
            reference=request.reference,
            end_to_end_id=request.end_to_end_id,
            metadata=dict(request.metadata),
            debtor=request.debtor,
            payer=request.payer,
            return_url=request.return_url,
        )

    @property
    def persons(self) -> tuple[Masked, ...]:
        """The names and account numbers of who pays and who is paid."""
        accounts = (self.creditor.account, self.debtor)
        numbers = [number for each in accounts if each for number in (each.iban, each.account_number)]
        return (self.creditor.name, *(number for number in numbers if number is not None))

    def to_json(self) -> bytes:
        """The terms as bytes to seal: this is the one place where they leave their types."""
        terms: dict[str, Any] = {
            "name": self.creditor.name.reveal(),
            **_plain(self.creditor.account),
            "reference": self.reference.reveal(),
            "end_to_end_id": _reveal(self.end_to_end_id),
            "metadata": dict(self.metadata),
            **self._of_who_pays(),
            **({} if self.routing is None else {"routing": self.routing}),
        }
        return orjson.dumps(terms, option=orjson.OPT_SORT_KEYS)

    @classmethod
    def from_json(cls, opened: bytes) -> Self:
        """The terms that `to_json` wrote."""
        raw: dict[str, Any] = orjson.loads(opened)
        return cls(
            creditor=Creditor(name=PersonName(raw["name"]), account=_account(raw)),
            reference=Masked(raw["reference"]),
            end_to_end_id=None if raw["end_to_end_id"] is None else Masked(raw["end_to_end_id"]),
            metadata=raw["metadata"],
            debtor=_account(raw["debtor"]) if "debtor" in raw else None,
            payer=_payer(raw["payer"]) if "payer" in raw else None,
            return_url=raw.get("return_url"),
            routing=raw.get("routing"),
        )

    def _of_who_pays(self) -> dict[str, Any]:
        """Only what there is: the fingerprints of older requests are made without these."""
        payer = self.payer
        told = {
            "debtor": None if self.debtor is None else _plain(self.debtor),
            "payer": payer and {"ip_address": _reveal(payer.ip_address), "user_agent": _reveal(payer.user_agent)},
            "return_url": self.return_url,
        }
        return {name: value for name, value in told.items() if value is not None}


def context(payment_id: UUID) -> bytes:
    """What binds sealed terms to their row of payments."""
    return b"payments.terms:" + payment_id.bytes


def fingerprint(request: PaymentRequest) -> bytes:
    """SHA-256 over the parsed request, so that spaces and the order of fields in its JSON do not matter.

    Of a payment whose bank is chosen the rule counts and not the choice, which may be another one a moment later.
    """
    plain = {
        "merchant_id": request.merchant_id.hex,
        "bank_id": request.bank_id,
        "currency": request.amount.currency,
        "value": request.amount.value,
        "execute_at": None if request.execute_at is None else request.execute_at.timestamp(),
        **({} if request.routing is None else {"routing": request.routing.to_json()}),
    }
    head = orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(head + b"\n" + Terms.of(request).to_json()).digest()


def _plain(account: Account) -> dict[str, Any]:
    """A routing number only where there is one, for the same reason."""
    plain = {
        "iban": _reveal(account.iban),
        "sort_code": account.sort_code,
        "account_number": _reveal(account.account_number),
    }
    routing = {} if account.routing_number is None else {"routing_number": account.routing_number}
    return {**plain, **routing}


def _payer(raw: Mapping[str, str | None]) -> Payer:
    address, agent = raw["ip_address"], raw["user_agent"]
    return Payer(
        ip_address=None if address is None else Masked(address), user_agent=None if agent is None else Masked(agent)
    )


def _account(raw: Mapping[str, Any]) -> Account:
    if raw["iban"] is not None:
        return Account(iban=AccountNumber(raw["iban"]))
    return Account(
        sort_code=raw["sort_code"],
        routing_number=raw.get("routing_number"),
        account_number=AccountNumber(raw["account_number"]),
    )


def _reveal(value: Masked | None) -> str | None:
    return None if value is None else value.reveal()
