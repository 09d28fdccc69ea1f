"""Statuses of payments, their details and consents: version 4.0 has ISO 20022 codes, version 3.1.11 words.

No word of one version means something else in the other, so an answer is read without asking which version it has.
"""

from adapters.contract import Verdict

Meaning = tuple[Verdict, str | None]

# OBInternalPaymentStatus: of domestic and scheduled payments (v4.0), with the ISO code that stands for itself.
_ISO: dict[str, Verdict] = {
    "RCVD": Verdict.PENDING,
    "PDNG": Verdict.PENDING,
    "ACTC": Verdict.PENDING,  # Its form was checked, and nothing else.
    "PATC": Verdict.PENDING,  # Another holder of the account has to authorise it.
    "ACCP": Verdict.ACCEPTED,
    "ACFC": Verdict.ACCEPTED,
    "ACSP": Verdict.ACCEPTED,
    "ACWC": Verdict.ACCEPTED,
    "ACWP": Verdict.ACCEPTED,  # At the creditor's bank, and not posted yet.
    "BLCK": Verdict.ACCEPTED,  # Debited, and neither posted nor given back: not rejected, and not paid.
    "ACSC": Verdict.SETTLED,
    "ACCC": Verdict.COMPLETED,
    "CANC": Verdict.CANCELLED,
    "RJCT": Verdict.REJECTED,
}

# OBTransactionIndividualStatus1Code (v3.1.11) of payments.
_WORDS: dict[str, Meaning] = {
    "Pending": (Verdict.PENDING, "PDNG"),
    "AcceptedSettlementInProcess": (Verdict.ACCEPTED, "ACSP"),
    "AcceptedWithoutPosting": (Verdict.ACCEPTED, "ACWP"),
    "AcceptedSettlementCompleted": (Verdict.SETTLED, "ACSC"),
    "AcceptedCreditSettlementCompleted": (Verdict.COMPLETED, "ACCC"),
    "Rejected": (Verdict.REJECTED, "RJCT"),
}

# OBExternalStatus1Code (v3.1.11) of scheduled payments: "completed" is the setting up, not the payment.
_SCHEDULED_WORDS: dict[str, Meaning] = {
    "InitiationPending": (Verdict.PENDING, "PDNG"),
    "InitiationCompleted": (Verdict.ACCEPTED, None),
    "InitiationFailed": (Verdict.REJECTED, "RJCT"),
    "Cancelled": (Verdict.CANCELLED, "CANC"),
}

PAYMENT_STATUSES: dict[str, Meaning] = {
    **{code: (verdict, code) for code, verdict in _ISO.items()},
    **_WORDS,
    **_SCHEDULED_WORDS,
}

# Statuses in payment-details (v3.1.11); what is said of a request for cancellation says nothing of the payment.
DETAIL_STATUSES: dict[str, Meaning] = {
    **{code: (verdict, code) for code, verdict in _ISO.items()},
    **_WORDS,
    "Received": (Verdict.PENDING, "RCVD"),
    "AcceptedTechnicalValidation": (Verdict.PENDING, "ACTC"),
    "PartiallyAcceptedTechnicalCorrect": (Verdict.PENDING, "PATC"),
    "Accepted": (Verdict.ACCEPTED, None),
    "AcceptedCustomerProfile": (Verdict.ACCEPTED, "ACCP"),
    "AcceptedFundsChecked": (Verdict.ACCEPTED, "ACFC"),
    "AcceptedWithChange": (Verdict.ACCEPTED, "ACWC"),
    "Cancelled": (Verdict.CANCELLED, "CANC"),
    "PaymentCancelled": (Verdict.CANCELLED, "CANC"),
    "AcceptedCancellationRequest": (Verdict.PENDING, None),
    "NoCancellationProcess": (Verdict.PENDING, None),
    "PartiallyAcceptedCancellationRequest": (Verdict.PENDING, None),
    "PendingCancellationRequest": (Verdict.PENDING, None),
    "RejectedCancellationRequest": (Verdict.PENDING, None),
}

# A payment consent's status as the answer to making it. ISO codes are not given: no payment exists yet.
CONSENT_MADE: dict[str, Verdict] = {
    "AWAU": Verdict.NEEDS_AUTHORISATION,
    "AwaitingAuthorisation": Verdict.NEEDS_AUTHORISATION,
    "AUTH": Verdict.NEEDS_AUTHORISATION,
    "Authorised": Verdict.NEEDS_AUTHORISATION,
    "RJCT": Verdict.REJECTED,
    "Rejected": Verdict.REJECTED,
}

# A payment consent's status when a payment under it may have been sent. A consent is used once: whatever is not
# consumed has no payment at this moment, and what is consumed has one, of which the consent says no more.
CONSENT_ASKED: dict[str, Verdict] = {
    "AWAU": Verdict.NOT_FOUND,
    "AwaitingAuthorisation": Verdict.NOT_FOUND,
    "AUTH": Verdict.NOT_FOUND,
    "Authorised": Verdict.NOT_FOUND,
    "RJCT": Verdict.NOT_FOUND,
    "Rejected": Verdict.NOT_FOUND,
    "COND": Verdict.PENDING,
    "Consumed": Verdict.PENDING,
}
