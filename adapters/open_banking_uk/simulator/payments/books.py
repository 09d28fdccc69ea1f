"""The bank's books, in memory: consents, the payments made under them, and the idempotency keys of both.

The bank does not notice two payments with the same EndToEndIdentification under two consents, so that a checker can.
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from adapters.open_banking_uk.simulator.answers import V4, Refused, now_text
from adapters.open_banking_uk.simulator.holders import WITHOUT_MONEY
from adapters.simulation.faults import Fault
from adapters.simulation.simulator import Booked
from kernel.money import Money


class ConsentStatus(StrEnum):
    """The states of a consent; the value is version 4.0's code."""

    AWAITING = "AWAU"
    AUTHORISED = "AUTH"
    CONSUMED = "COND"
    REJECTED = "RJCT"


class Status(StrEnum):
    """The states of a payment; the value is version 4.0's code."""

    RECEIVED = "RCVD"
    ACCEPTED = "ACSP"
    SETTLED = "ACSC"
    COMPLETED = "ACCC"
    REJECTED = "RJCT"


CONSENT_WORDS = {
    ConsentStatus.AWAITING: "AwaitingAuthorisation",
    ConsentStatus.AUTHORISED: "Authorised",
    ConsentStatus.CONSUMED: "Consumed",
    ConsentStatus.REJECTED: "Rejected",
}
PAYMENT_WORDS = {
    Status.RECEIVED: "Pending",
    Status.ACCEPTED: "AcceptedSettlementInProcess",
    Status.SETTLED: "AcceptedSettlementCompleted",
    Status.COMPLETED: "AcceptedCreditSettlementCompleted",
    Status.REJECTED: "Rejected",
}
# What a payment's resource is called, by whether it is for later.
RESOURCES = {"domestic-payment": False, "domestic-scheduled-payment": True}
_MOVED = frozenset({Status.SETTLED, Status.COMPLETED})


@dataclass(slots=True, kw_only=True)
class Consent:
    """A payer's consent to one payment. `request` is what was asked for; `account` the one the payer chose.

    `scheduled`: the payment is kept until the time that its request names.
    """

    id: str
    version: str
    request: dict[str, Any]
    amount: Money
    scheduled: bool = False
    status: ConsentStatus = ConsentStatus.AWAITING
    account: dict[str, str] | None = None
    created_at: str = field(default_factory=now_text)
    updated_at: str = field(default_factory=now_text)

    @property
    def is_funded(self) -> bool:
        """Whether the account that the payer chose has the amount: one that has money always does."""
        return self.account not in WITHOUT_MONEY

    def become(self, status: ConsentStatus) -> None:
        """Move to another state."""
        self.status, self.updated_at = status, now_text()


@dataclass(slots=True, kw_only=True)
class Payment:
    """A payment in the books; `visible_at` is when a stale replica hears of it, on the monotonic clock."""

    id: str
    consent: Consent
    fault: Fault | None
    status: Status
    reason_code: str | None = None
    created_at: str = field(default_factory=now_text)
    updated_at: str = field(default_factory=now_text)
    visible_at: float = 0.0

    def become(self, status: Status, reason_code: str | None = None) -> None:
        """Move to another state."""
        self.status, self.reason_code, self.updated_at = status, reason_code, now_text()

    def booked(self) -> Booked:
        """The payment as the checker counts it."""
        return Booked(
            bank_reference=self.id,
            end_to_end_id=self.consent.request["Data"]["Initiation"]["EndToEndIdentification"],
            amount=self.consent.amount,
            status=self.status.name.lower(),
            moved_money=self.status in _MOVED,
        )


@dataclass(slots=True, kw_only=True)
class _Key:
    body_digest: bytes
    made: Consent | Payment | None = None


class Books:
    """All consents, payments and keys."""

    def __init__(self) -> None:
        self.consents: dict[str, Consent] = {}
        self.payments: dict[str, Payment] = {}
        self._keys: dict[tuple[str, str], _Key] = {}

    def claim(self, place: str, key: str, body: bytes) -> Consent | Payment | None:
        """Take the key for a new resource, or give the one that it made.

        Raises Refused for a key whose body was another, or whose first request is not decided yet.
        """
        digest = hashlib.sha256(body).digest()
        known = self._keys.get((place, key))
        if known is None:
            self._keys[place, key] = _Key(body_digest=digest)
            return None
        if known.body_digest != digest:
            raise Refused(400, "U006", "x-idempotency-key")
        if known.made is None:
            raise Refused(429)
        return known.made

    def release(self, place: str, key: str) -> None:
        """The key's request made nothing; the key is free."""
        self._keys.pop((place, key), None)

    def make_consent(self, key: str, consent: Consent) -> Consent:
        """Write a consent into the books."""
        self.consents[consent.id] = consent
        self._keys["consent", key].made = consent
        return consent

    def make_payment(self, key: str, consent: Consent, fault: Fault | None) -> Payment:
        """Write a payment into the books; its consent is used up."""
        waits = consent.scheduled or fault is Fault.STAY_PENDING
        status = Status.RECEIVED if waits else Status.ACCEPTED
        payment = Payment(id=f"pmt-{secrets.token_hex(12)}", consent=consent, fault=fault, status=status)
        if fault is Fault.REFUSE or not consent.is_funded:
            payment.become(Status.REJECTED, "AM04")
        consent.become(ConsentStatus.CONSUMED)
        self.payments[payment.id] = payment
        self._keys["payment", key].made = payment
        return payment

    def payment_of(self, consent: Consent) -> Payment | None:
        """The payment made under this consent."""
        return next((each for each in self.payments.values() if each.consent is consent), None)


def word(version: str, status: ConsentStatus | Status, *, scheduled: bool = False) -> str:
    """A status in the version's word. Of a scheduled payment the older version tells only how it was set up."""
    if scheduled and version != V4 and isinstance(status, Status):
        return {Status.RECEIVED: "InitiationPending", Status.REJECTED: "InitiationFailed"}.get(
            status, "InitiationCompleted"
        )
    if scheduled and status is Status.COMPLETED:
        return Status.SETTLED.value
    if version == V4:
        return status.value
    return CONSENT_WORDS[status] if isinstance(status, ConsentStatus) else PAYMENT_WORDS[status]
