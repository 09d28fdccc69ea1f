"""The port between payments and banks: what goes in, what comes back, and what an adapter is. No I/O here.

An adapter is a Declaration and pure functions: `build` makes the exact bytes of a call, `parse` reads an answer as
evidence. The engine (adapters/engine) does the I/O and says only what our own transport can prove. What is declared
stands in adapters/declaration.py, the wire's values in adapters/wire.py, checks of instructions and settings in
adapters/checks.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Protocol, Self
from uuid import UUID

import orjson

from adapters.declaration import AccountScheme, Declaration, OperationKind
from adapters.wire import WireReply, WireRequest
from kernel.ids import Environment, Tenant
from kernel.masked import AccountNumber, Masked, PersonName, Secret
from kernel.money import Money


class Verdict(StrEnum):
    """What one piece of evidence says about a payment. Anything that is not understood is UNKNOWN, never REJECTED."""

    ACCEPTED = "accepted"  # The bank accepted it for execution.
    PENDING = "pending"  # The bank has it and has promised nothing yet.
    NEEDS_AUTHORISATION = "needs_authorisation"  # The bank waits for the payer.
    REJECTED = "rejected"  # The bank refused it explicitly: no money moved or will move.
    SETTLED = "settled"  # The debtor's side is settled.
    COMPLETED = "completed"  # The creditor was credited.
    RETURNED = "returned"  # The money came back after it was settled.
    CANCELLED = "cancelled"  # The bank withdrew it before money moved.
    NOT_FOUND = "not_found"  # The bank does not know it at this moment, which proves nothing by itself.
    UNKNOWN = "unknown"  # The answer says nothing that can be believed.


class Reason(StrEnum):
    """Why, in one closed list for all banks; the bank's raw code stands beside it."""

    INSUFFICIENT_FUNDS = "insufficient_funds"
    ACCOUNT_CLOSED = "account_closed"
    ACCOUNT_NOT_FOUND = "account_not_found"
    ACCOUNT_BLOCKED = "account_blocked"
    UNAUTHORISED = "unauthorised"
    BANK_NOT_FOUND = "bank_not_found"
    DUPLICATE = "duplicate"
    AMOUNT_NOT_ALLOWED = "amount_not_allowed"
    AFTER_CUTOFF = "after_cutoff"
    FORMAT = "format"
    REGULATORY = "regulatory"
    TOO_LATE = "too_late"
    RATE_LIMITED = "rate_limited"
    TECHNICAL = "technical"
    UNSPECIFIED = "unspecified"


@dataclass(frozen=True, slots=True, kw_only=True)
class BankSettings:
    """An admin's settings of one bank.

    Every bank may have a TLS client certificate (secrets `tls_certificate` and `tls_key`, PEM) and a certificate
    authority of its own (option `tls_ca`, PEM); the adapter declares the others.
    """

    base_url: str
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """The settings as bytes to seal: this is the one place where the secrets leave their type."""
        secrets = {name: secret.reveal() for name, secret in self.secrets.items()}
        return orjson.dumps(
            {"base_url": self.base_url, "secrets": secrets, "options": dict(self.options)},
            option=orjson.OPT_SORT_KEYS,
        )

    @classmethod
    def from_json(cls, sealed: bytes) -> Self:
        """The settings that `to_json` wrote. Raises ValueError or KeyError for anything else."""
        raw = orjson.loads(sealed)
        secrets = {name: Secret(value) for name, value in raw["secrets"].items()}
        return cls(base_url=raw["base_url"], secrets=secrets, options=dict(raw["options"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """One configured instance of an adapter; a new `version` gets new sessions and tokens."""

    id: str
    adapter: str
    environment: Environment
    settings: BankSettings
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A creditor's account: an IBAN, or an account number with a sort code (UK) or a routing number (US, ABA).

    Raises ValueError for none of the three forms, or more than one.
    """

    iban: AccountNumber | None = None
    sort_code: str | None = None
    routing_number: str | None = None
    account_number: AccountNumber | None = None

    def __post_init__(self) -> None:
        forms = sum(form is not None for form in (self.iban, self.sort_code, self.routing_number))
        if forms != 1 or (self.iban is None) == (self.account_number is None):
            raise ValueError("an account is an IBAN, or an account number with a sort code or a routing number")

    @property
    def scheme(self) -> AccountScheme:
        """Which form it has."""
        if self.iban is not None:
            return AccountScheme.IBAN
        return AccountScheme.SORT_CODE if self.sort_code is not None else AccountScheme.ROUTING_NUMBER


@dataclass(frozen=True, slots=True, kw_only=True)
class Creditor:
    """Who is paid."""

    name: PersonName
    account: Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One payment as one bank is to be told it; the same for every operation of a submission.

    `end_to_end_id` is the submission's own reference: at most 35 characters of [A-Za-z0-9-]. `idempotency_key` is the
    operation's. `bank_reference` is the bank's id once an answer brought it. `requested_at` is the time for the bank's
    date fields: it was fixed with the intent, so that building twice gives the same bytes.
    """

    tenant: Tenant
    payment_id: UUID
    merchant_id: UUID
    end_to_end_id: str
    idempotency_key: str
    amount: Money
    creditor: Creditor
    reference: Masked
    settings: BankSettings
    requested_at: datetime
    bank_reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One thing that a bank said. `amount` and `reference` are its echo of our amount and of our end_to_end_id.

    `at` is the bank's own time of the fact if it said one. `retry_after_seconds` is how long the bank asked us to wait.
    """

    verdict: Verdict
    raw_code: str | None = None
    iso_code: str | None = None
    reason: Reason | None = None
    bank_reference: str | None = None
    amount: Money | None = None
    reference: str | None = None
    at: datetime | None = None
    retry_after_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What can be said of a notification at the door: whether the bank sent it, and how to recognise it again."""

    verified: bool
    dedupe_key: bytes
    refused_why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notified:
    """A notification's content. Without a reference of either kind it cannot be matched to a submission."""

    evidence: Evidence
    end_to_end_id: str | None = None
    bank_reference: str | None = None


class Adapter(Protocol):
    """One bank protocol. All methods are pure; the parsing ones never raise, whatever the bank sent."""

    declaration: Declaration

    def build(self, kind: OperationKind, instruction: Instruction) -> WireRequest:
        """The exact request of this operation. Raises ValueError for a kind that is not declared."""
        ...

    def parse(self, kind: OperationKind, reply: WireReply) -> Evidence:
        """What the answer proves; what is not understood is Verdict.UNKNOWN."""
        ...

    def verify_notification(
        self, raw: bytes, headers: Mapping[str, str], settings: BankSettings, now: datetime
    ) -> Receipt:
        """Whether the bank sent these bytes. Header names are in lower case."""
        ...

    def parse_notification(self, raw: bytes) -> Notified:
        """What a verified notification says; what is not understood is Verdict.UNKNOWN."""
        ...


class NoNotifications:
    """For the adapters of banks that send no notifications: whatever comes is not theirs."""

    def verify_notification(
        self,
        raw: bytes,
        headers: Mapping[str, str],  # noqa: ARG002 - the port's
        settings: BankSettings,  # noqa: ARG002 - the port's
        now: datetime,  # noqa: ARG002 - the port's
    ) -> Receipt:
        """Never verified."""
        return Receipt(verified=False, dedupe_key=sha256(raw).digest(), refused_why="no_notifications")

    def parse_notification(self, raw: bytes) -> Notified:  # noqa: ARG002 - the port's
        """Says nothing."""
        return Notified(evidence=Evidence(verdict=Verdict.UNKNOWN))


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One call as it is recorded: credentials masked, bodies whole.

    `to_bytes` is to be sealed; `at`, `outcome`, `duration_us` and `status_code` may stand in plain columns.
    """

    at: datetime
    outcome: str
    duration_us: int
    status_code: int | None
    head: Mapping[str, object] = field(repr=False)
    request_body: bytes = field(repr=False)
    reply_body: bytes = field(repr=False)

    def to_bytes(self) -> bytes:
        """One JSON line with both heads and the bodies' lengths, then the two bodies."""
        lengths = {"request_bytes": len(self.request_body), "reply_bytes": len(self.reply_body)}
        return orjson.dumps({**self.head, **lengths}) + b"\n" + self.request_body + self.reply_body


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A whole HTTP answer was read; what it means is the adapter's `parse`."""

    reply: WireReply
    exchange: Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverLeft:
    """Our own transport proves that no byte of the request was written; the call may be made again."""

    why: str
    exchange: Exchange
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A byte may have left and no whole answer was read; only evidence will tell."""

    why: str
    bytes_seen: int
    exchange: Exchange


Outcome = Answered | NeverLeft | Unknown
