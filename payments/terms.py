"""The terms of a payment that are somebody's own words or account: sealed at rest, masked by type, digested."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID

import orjson

from adapters.contract import Account, Creditor
from kernel.masked import AccountNumber, Masked, PersonName
from payments.model import PaymentRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Creditor, references and metadata of one payment."""

    creditor: Creditor
    reference: Masked
    end_to_end_id: Masked | None = None
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, request: PaymentRequest) -> Self:
        """The terms of a request."""
        return cls(
            creditor=request.creditor,
            reference=request.reference,
            end_to_end_id=request.end_to_end_id,
            metadata=dict(request.metadata),
        )

    def to_json(self) -> bytes:
        """The terms as bytes to seal: this is the one place where they leave their types."""
        account = self.creditor.account
        terms: dict[str, Any] = {
            "name": self.creditor.name.reveal(),
            "iban": _reveal(account.iban),
            "sort_code": account.sort_code,
            "account_number": _reveal(account.account_number),
            "reference": self.reference.reveal(),
            "end_to_end_id": _reveal(self.end_to_end_id),
            "metadata": dict(self.metadata),
        }
        # Only where there is one: the fingerprints of older requests are made of what stands here.
        if account.routing_number is not None:
            terms["routing_number"] = account.routing_number
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
        )


def context(payment_id: UUID) -> bytes:
    """What binds sealed terms to their row of payments."""
    return b"payments.terms:" + payment_id.bytes


def fingerprint(request: PaymentRequest) -> bytes:
    """SHA-256 over the parsed request, so that spaces and the order of fields in its JSON do not matter."""
    plain = {
        "merchant_id": request.merchant_id.hex,
        "bank_id": request.bank_id,
        "currency": request.amount.currency,
        "value": request.amount.value,
        "execute_at": None if request.execute_at is None else request.execute_at.timestamp(),
    }
    head = orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(head + b"\n" + Terms.of(request).to_json()).digest()


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
