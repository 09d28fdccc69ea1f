"""What a bank said, in one vocabulary for all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from adapters.contract.authorisation import Authorisation, Grant
from adapters.contract.parties import Account
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
    AUTHORISATION_REFUSED = "authorisation_refused"
    RATE_LIMITED = "rate_limited"
    TECHNICAL = "technical"
    UNSPECIFIED = "unspecified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One thing that a bank said. `amount` and `reference` are its echo of our amount and of our end_to_end_id.

    `at` is the bank's own time of the fact if it said one. `retry_after_seconds` is how long the bank asked us to wait.
    `consent_id`, `authorisation` and `grant` belong to the payer's consent: a consent answered with
    NEEDS_AUTHORISATION brings the first two, an exchanged code the third, with ACCEPTED, and the first where the bank
    says for which consent the access is. `refund_account` is where a
    refund would go: the payer's account, where the payer's consent lets the bank tell it. `authorisation_ids` are the
    authorisations that were begun for a payment, oldest first; () where none was.

    Asked to cancel, the bank says by `authorisation` that the payer has to approve that; without a way to them it is
    to be begun by AUTHORISE_CANCEL.

    Of one authorisation (the operation ENQUIRE_AUTHORISATION) the bank says NEEDS_AUTHORISATION while it waits for the
    payer, PENDING once they approved or need not, and UNKNOWN with AUTHORISATION_REFUSED where it failed: that is a
    word about the payer, which rejects no payment.
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
    consent_id: str | None = None
    authorisation: Authorisation | None = None
    grant: Grant | None = field(default=None, repr=False)
    refund_account: Account | None = field(default=None, repr=False)
    authorisation_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What can be said of a notification at the door: whether the bank sent it, and how to recognise it again.

    `headers` are those that the protocol wants in the answer.
    """

    verified: bool
    dedupe_key: bytes
    refused_why: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Subject(StrEnum):
    """What a hint can be about; the id beside it is the bank's own."""

    PAYMENT = "payment"
    ACCOUNT_CONSENT = "account_consent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """That something has changed at the bank, but not what it has become: a reason to ask, and evidence of nothing.

    `ended`: the bank says that its customer took back what they had authorised, which is all there is to say.
    """

    about: Subject
    id: str
    ended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Notified:
    """A notification's content. Without a reference of either kind it cannot be matched to a submission.

    A bank that tells only that something changed gives `hints` instead of evidence.
    """

    evidence: Evidence
    end_to_end_id: str | None = None
    bank_reference: str | None = None
    hints: tuple[Hint, ...] = ()
