"""The standard's words and what they mean to us. A word that stands in no table means nothing: UNKNOWN."""

from typing import Final

from adapters.contract import Reason, Verdict

# transactionStatus: codes of ISO 20022. Before the payer's authorisation a bank may say RCVD, but also that the
# technical and customer checks passed (ACTC, ACCP, ACFC), so that none of these promises an execution.
STATUSES: Final[dict[str, Verdict]] = {
    "RCVD": Verdict.NEEDS_AUTHORISATION,
    "PATC": Verdict.NEEDS_AUTHORISATION,  # Some of several authorisations were given.
    "PDNG": Verdict.PENDING,
    "ACTC": Verdict.PENDING,
    "ACCP": Verdict.PENDING,
    "ACFC": Verdict.PENDING,
    "ACSP": Verdict.ACCEPTED,
    "ACWC": Verdict.ACCEPTED,
    "ACWP": Verdict.ACCEPTED,  # Accepted, not yet posted to the creditor.
    "ACSC": Verdict.SETTLED,
    "ACCC": Verdict.COMPLETED,
    "RJCT": Verdict.REJECTED,
    "CANC": Verdict.CANCELLED,
    "PART": Verdict.UNKNOWN,  # Of bulk payments only; of ours it says nothing.
}

# scaStatus of an authorisation that we began. A failed one can be followed by another, so the payment's own status
# has to be asked; `unconfirmed` waits for a confirmation command that we never need to give in the redirect approach.
SCA_STATUSES: Final[dict[str, Verdict]] = {
    "received": Verdict.NEEDS_AUTHORISATION,
    "psuIdentified": Verdict.NEEDS_AUTHORISATION,
    "psuAuthenticated": Verdict.NEEDS_AUTHORISATION,
    "scaMethodSelected": Verdict.NEEDS_AUTHORISATION,
    "started": Verdict.NEEDS_AUTHORISATION,
    "unconfirmed": Verdict.NEEDS_AUTHORISATION,
    "finalised": Verdict.PENDING,
    "exempted": Verdict.PENDING,
    "failed": Verdict.UNKNOWN,
}

# tppMessages codes by which the bank refuses an initiation, or the start of its authorisation, with the HTTP status
# that each must stand under. With every other error nothing is known of the payment.
REFUSALS: Final[dict[tuple[int, str], Reason]] = {
    (400, "EXECUTION_DATE_INVALID"): Reason.FORMAT,
    (400, "FORMAT_ERROR"): Reason.FORMAT,
    (400, "PARAMETER_NOT_CONSISTENT"): Reason.FORMAT,
    (400, "PARAMETER_NOT_SUPPORTED"): Reason.FORMAT,
    (400, "PAYMENT_FAILED"): Reason.UNSPECIFIED,
    (403, "PRODUCT_INVALID"): Reason.UNSPECIFIED,
    (403, "SERVICE_BLOCKED"): Reason.ACCOUNT_BLOCKED,
    (404, "PRODUCT_UNKNOWN"): Reason.FORMAT,
}

# "There is no such payment", or none any more; the standard puts it under 403 where the id stands in the path.
ABSENT: Final = frozenset({(403, "RESOURCE_UNKNOWN"), (404, "RESOURCE_UNKNOWN"), (403, "RESOURCE_EXPIRED")})

# Every code of the standard's list (Implementation Guidelines 1.3.x §14.11) for payments and accounts, and why.
ERRORS: Final[dict[str, Reason]] = {
    "ACCESS_EXCEEDED": Reason.RATE_LIMITED,
    "CANCELLATION_INVALID": Reason.TOO_LATE,
    "CERTIFICATE_BLOCKED": Reason.UNAUTHORISED,
    "CERTIFICATE_EXPIRED": Reason.UNAUTHORISED,
    "CERTIFICATE_INVALID": Reason.UNAUTHORISED,
    "CERTIFICATE_MISSING": Reason.UNAUTHORISED,
    "CERTIFICATE_REVOKED": Reason.UNAUTHORISED,
    "CONSENT_EXPIRED": Reason.UNAUTHORISED,
    "CONSENT_INVALID": Reason.UNAUTHORISED,
    "CONSENT_UNKNOWN": Reason.UNAUTHORISED,
    "CORPORATE_ID_INVALID": Reason.UNAUTHORISED,
    "EXECUTION_DATE_INVALID": Reason.FORMAT,
    "FORMAT_ERROR": Reason.FORMAT,
    "FUNDS_NOT_AVAILABLE": Reason.INSUFFICIENT_FUNDS,
    "KID_MISSING": Reason.UNAUTHORISED,
    "PARAMETER_NOT_CONSISTENT": Reason.FORMAT,
    "PARAMETER_NOT_SUPPORTED": Reason.FORMAT,
    "PAYMENT_FAILED": Reason.UNSPECIFIED,
    "PERIOD_INVALID": Reason.FORMAT,
    "PRODUCT_INVALID": Reason.UNSPECIFIED,
    "PRODUCT_UNKNOWN": Reason.FORMAT,
    "PSU_CREDENTIALS_INVALID": Reason.UNAUTHORISED,
    "REQUESTED_FORMATS_INVALID": Reason.FORMAT,
    "RESOURCE_BLOCKED": Reason.ACCOUNT_BLOCKED,
    "RESOURCE_EXPIRED": Reason.TOO_LATE,
    "RESOURCE_UNKNOWN": Reason.UNSPECIFIED,
    "ROLE_INVALID": Reason.UNAUTHORISED,
    "SCA_INVALID": Reason.UNAUTHORISED,
    "SCA_METHOD_UNKNOWN": Reason.FORMAT,
    "SERVICE_BLOCKED": Reason.ACCOUNT_BLOCKED,
    "SERVICE_INVALID": Reason.FORMAT,
    "SESSIONS_NOT_SUPPORTED": Reason.FORMAT,
    "SIGNATURE_INVALID": Reason.UNAUTHORISED,
    "SIGNATURE_MISSING": Reason.UNAUTHORISED,
    "STATUS_INVALID": Reason.TOO_LATE,
    "TIMESTAMP_INVALID": Reason.FORMAT,
    "TOKEN_EXPIRED": Reason.UNAUTHORISED,
    "TOKEN_INVALID": Reason.UNAUTHORISED,
    "TOKEN_UNKNOWN": Reason.UNAUTHORISED,
}
