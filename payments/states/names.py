"""The enums of payments, equal to the SQL enums; those that are shown have one sentence per value."""

from enum import StrEnum


class PaymentStatus(StrEnum):
    """What partners see. It is derived from the submission's state in the transaction that changes that."""

    CREATED = "created"
    QUEUED = "queued"
    SCHEDULED = "scheduled"
    SUBMITTING = "submitting"
    AWAITING_AUTHORISATION = "awaiting_authorisation"
    OUTCOME_UNKNOWN = "outcome_unknown"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    SETTLED = "settled"
    COMPLETED = "completed"
    RETURNED = "returned"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class SubmissionState(StrEnum):
    """One try of one payment at one bank."""

    PLANNED = "planned"
    IN_FLIGHT = "in_flight"
    UNKNOWN = "unknown"
    HELD = "held"
    ACCEPTED = "accepted"
    SETTLED = "settled"
    REJECTED = "rejected"
    NEVER_LEFT = "never_left"


class OperationState(StrEnum):
    """One call to a bank that can change something."""

    PLANNED = "planned"
    IN_FLIGHT = "in_flight"
    UNKNOWN = "unknown"
    ANSWERED = "answered"
    NEVER_LEFT = "never_left"


class AuthorisationStatus(StrEnum):
    """How it stands with the payer who is to authorise a submission."""

    PLANNED = "planned"
    AWAITING = "awaiting"
    RETURNED = "returned"
    GRANTED = "granted"
    ENDED = "ended"
    REFUSED = "refused"


class AuthorisationPurpose(StrEnum):
    """What a payer is to authorise at the bank."""

    PAYMENT = "payment"
    CANCELLATION = "cancellation"


class Finality(StrEnum):
    """How far the money's way can no longer be undone."""

    NONE = "none"
    DEBTOR_SETTLED = "debtor_settled"
    CREDITOR_CREDITED = "creditor_credited"
    IRREVOCABLE = "irrevocable"


class EvidenceSource(StrEnum):
    """Where a bank's word came from."""

    RESPONSE = "response"
    POLL = "poll"
    CALLBACK = "callback"
    FILE = "file"
    STATEMENT = "statement"
    OPERATOR = "operator"


class OperatorCode(StrEnum):
    """Why a payment waits for two persons; docs/operations.md says of each what to look at and what closes it."""

    OUTCOME_UNKNOWN = "outcome_unknown"
    CANNOT_BE_ASKED = "cannot_be_asked"
    REQUEST_NOT_BUILT = "request_not_built"
    FORGOTTEN_BY_BANK = "forgotten_by_bank"
    NO_END_TOLD = "no_end_told"
    TAKEN_UNASKED = "taken_unasked"
    AMOUNT_MISMATCH = "amount_mismatch"
    CURRENCY_MISMATCH = "currency_mismatch"
    REFERENCE_MISMATCH = "reference_mismatch"
    CONSENT_MISMATCH = "consent_mismatch"
    LATE_ACCEPTANCE = "late_acceptance"
    REFUSED_AFTER_SETTLEMENT = "refused_after_settlement"
    EVIDENCE_BEFORE_SENDING = "evidence_before_sending"
    MOVE_NOT_ALLOWED = "move_not_allowed"
    CONTRADICTION = "contradiction"


STATUS_SENTENCES: dict[PaymentStatus, str] = {
    PaymentStatus.CREATED: "The intent is committed; nothing was sent yet that can move money.",
    PaymentStatus.QUEUED: "It waits for a bank, partner or client that is suspended or not available.",
    PaymentStatus.SCHEDULED: "It waits for its requested execution time.",
    PaymentStatus.SUBMITTING: "A call that carries it to the bank is in flight.",
    PaymentStatus.AWAITING_AUTHORISATION: "The bank waits for the payer to authorise it.",
    PaymentStatus.OUTCOME_UNKNOWN: "It may or may not have reached the bank; only evidence will tell.",
    PaymentStatus.SUBMITTED: "The bank has it and has promised nothing yet.",
    PaymentStatus.ACCEPTED: "The bank accepted it for execution.",
    PaymentStatus.SETTLED: "The debtor's side is settled.",
    PaymentStatus.COMPLETED: "The creditor was credited.",
    PaymentStatus.RETURNED: "The money came back after it was settled.",
    PaymentStatus.REJECTED: "No money moved, and no further submission will be made.",
    PaymentStatus.CANCELLED: "It was withdrawn before money moved.",
    PaymentStatus.EXPIRED: "Its authorisation or its execution window ended before it was submitted.",
}

SUBMISSION_SENTENCES: dict[SubmissionState, str] = {
    SubmissionState.PLANNED: "Committed; nothing has left that can move money.",
    SubmissionState.IN_FLIGHT: "A process is calling the bank under a lease.",
    SubmissionState.UNKNOWN: "Bytes left and no answer can be believed; recovery is under way.",
    SubmissionState.HELD: "Nothing more can be learnt by machine; two persons decide on evidence.",
    SubmissionState.ACCEPTED: "The bank has it.",
    SubmissionState.SETTLED: "The bank says that it is executed.",
    SubmissionState.REJECTED: "The bank refused it explicitly.",
    SubmissionState.NEVER_LEFT: (
        "Nothing was sent that can move money: our own transport proves it, or it ended before."
    ),
}

# Nothing that a machine does by itself moves a payment from here; only a bank's further word or two persons do.
FINAL_STATUSES = frozenset(
    {
        PaymentStatus.COMPLETED,
        PaymentStatus.RETURNED,
        PaymentStatus.REJECTED,
        PaymentStatus.CANCELLED,
        PaymentStatus.EXPIRED,
    }
)
# Nothing that can move money can have left while it is in one of these.
UNSENT_STATUSES = frozenset({PaymentStatus.CREATED, PaymentStatus.QUEUED, PaymentStatus.SCHEDULED})
# The same rule as the partial unique index submissions_one_live.
ENDED_SUBMISSIONS = frozenset({SubmissionState.REJECTED, SubmissionState.NEVER_LEFT})
