"""What the next step of a payment depends on, and what it can be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from adapters.declaration import Declaration, OperationKind
from payments.policy import PaymentsPolicy
from payments.states.names import AuthorisationStatus, OperationState, PaymentStatus, SubmissionState


class Step(StrEnum):
    """What can be done next."""

    SEND = "send"  # The planned operation goes out for the first time.
    RESEND = "resend"  # The same sealed bytes go out again under the same key.
    AGAIN = "again"  # A new operation of a kind that can move no money goes out.
    ONWARD = "onward"  # What was only asked is not asked again: the next operation of the journey goes out.
    ENQUIRE = "enquire"  # The bank is asked.
    TAKE_OVER = "take_over"  # The process that was sending is gone: from now on the outcome is unknown.
    QUEUE = "queue"  # It waits for what is suspended.
    HOLD = "hold"  # No machine can learn more.
    EXPIRE = "expire"  # Its time ended before anything was sent that can move money.
    REST = "rest"  # Nothing until `at`, or until evidence comes.


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The next step.

    `at` is when to look again, where the step is to rest; `kind` what is asked of the bank, where it is another than
    the operation that there is; `reason` why the payment ends.
    """

    step: Step
    at: datetime | None = None
    kind: OperationKind | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorising:
    """How it stands with the payer (payments/journeys/authorisations.py)."""

    status: AuthorisationStatus
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """How often a submission's operations of one kind were sent, and how many of these sends may have left us."""

    calls: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that the next step depends on.

    `absence_told`: an enquiry after the last send found nothing. `pending_told`: it found the payment pending. `tries`
    are counted by kind, so that what is lost of one kind takes nothing from another. `authorisation` is there where a
    payer authorises it.
    """

    now: datetime
    status: PaymentStatus
    state: SubmissionState
    operation_state: OperationState
    operation_kind: OperationKind
    lease_until: datetime | None
    first_sent_at: datetime | None
    last_sent_at: datetime | None
    created_at: datetime
    updated_at: datetime
    execute_at: datetime | None
    blocked: bool
    absence_told: bool
    has_bank_reference: bool
    declaration: Declaration
    policy: PaymentsPolicy
    pending_told: bool = False
    has_consent: bool = False
    tries: Mapping[OperationKind, Tries] = field(default_factory=dict)
    authorisation: Authorising | None = None

    def tries_of(self, kind: OperationKind) -> Tries:
        """What was tried of this kind."""
        return self.tries.get(kind, Tries())

    def seconds_since(self, earlier: datetime) -> float:
        """How long ago that was."""
        return (self.now - earlier).total_seconds()
