"""The sandbox bank's words and what they mean to us. A word that stands in no table means nothing: UNKNOWN."""

from adapters.contract import Reason, Verdict

# The bank's payment status → our verdict and the ISO 20022 code (ExternalPaymentTransactionStatus1Code).
STATUSES: dict[str, tuple[Verdict, str | None]] = {
    "received": (Verdict.PENDING, "PDNG"),
    "awaiting_authorisation": (Verdict.NEEDS_AUTHORISATION, "RCVD"),
    "accepted": (Verdict.ACCEPTED, "ACSP"),
    "settled": (Verdict.SETTLED, "ACSC"),
    "completed": (Verdict.COMPLETED, "ACCC"),
    "rejected": (Verdict.REJECTED, "RJCT"),
    "cancelled": (Verdict.CANCELLED, "CANC"),
    "returned": (Verdict.RETURNED, None),
}

# ISO 20022 reason codes (ExternalStatusReason1Code) that the bank gives with a rejection or a return.
REASONS: dict[str, Reason] = {
    "AC01": Reason.ACCOUNT_NOT_FOUND,
    "AC04": Reason.ACCOUNT_CLOSED,
    "AC06": Reason.ACCOUNT_BLOCKED,
    "AM02": Reason.AMOUNT_NOT_ALLOWED,
    "AM04": Reason.INSUFFICIENT_FUNDS,
    "AM05": Reason.DUPLICATE,
    "RC01": Reason.BANK_NOT_FOUND,
    "RR04": Reason.REGULATORY,
}

# Error codes by which the bank refuses a submission explicitly, with the HTTP status that it must stand under.
# With every other error the bank may have the payment.
REFUSALS: dict[tuple[int, str], Reason] = {
    (422, "payment_refused"): Reason.UNSPECIFIED,
    (422, "validation_failed"): Reason.FORMAT,
}

# Error codes that refuse a request, not a payment.
ERRORS: dict[str, Reason] = {
    "idempotency_conflict": Reason.DUPLICATE,
    "request_in_progress": Reason.DUPLICATE,
    "too_late": Reason.TOO_LATE,
    "too_many_requests": Reason.RATE_LIMITED,
    "unauthorised": Reason.UNAUTHORISED,
    "internal_error": Reason.TECHNICAL,
}
