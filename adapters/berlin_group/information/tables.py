"""The standard's words about consents and accounts, and what they mean to us."""

from typing import Final

from adapters.contract.accounts import BalanceKind, BookingStatus, ConsentStatus, Trouble

CONSENT_STATUSES: Final[dict[str, ConsentStatus]] = {
    "received": ConsentStatus.AWAITING_AUTHORISATION,
    "partiallyAuthorised": ConsentStatus.AWAITING_AUTHORISATION,
    "valid": ConsentStatus.AUTHORISED,
    "rejected": ConsentStatus.REJECTED,
    "expired": ConsentStatus.EXPIRED,
    "revokedByPsu": ConsentStatus.REVOKED,
    "terminatedByTpp": ConsentStatus.REVOKED,
}

BALANCES: Final[dict[str, BalanceKind]] = {
    "closingBooked": BalanceKind.CLOSING_BOOKED,
    "expected": BalanceKind.EXPECTED,
    "openingBooked": BalanceKind.OPENING_BOOKED,
    "interimAvailable": BalanceKind.INTERIM_AVAILABLE,
    "interimBooked": BalanceKind.INTERIM_BOOKED,
    "forwardAvailable": BalanceKind.FORWARD_AVAILABLE,
    "nonInvoiced": BalanceKind.INFORMATION,  # Of card accounts.
}

# The lists of an account report.
BOOKINGS: Final[dict[str, BookingStatus]] = {
    "booked": BookingStatus.BOOKED,
    "pending": BookingStatus.PENDING,
    "information": BookingStatus.INFORMATION,
}

# tppMessages codes with a meaning of their own; every other code of the standard is a refusal of what we asked.
TROUBLES: Final[dict[str, Trouble]] = {
    "ACCESS_EXCEEDED": Trouble.TOO_MANY_READS,
    "CONSENT_EXPIRED": Trouble.CONSENT_NOT_USABLE,
    "CONSENT_INVALID": Trouble.CONSENT_NOT_USABLE,
    "CONSENT_UNKNOWN": Trouble.CONSENT_NOT_USABLE,
    "RESOURCE_UNKNOWN": Trouble.NOT_FOUND,
    "TOKEN_EXPIRED": Trouble.CONSENT_NOT_USABLE,
    "TOKEN_INVALID": Trouble.CONSENT_NOT_USABLE,
    "TOKEN_UNKNOWN": Trouble.CONSENT_NOT_USABLE,
}

# Codes that say that we are at fault, and not what we asked: nothing is known until that is mended.
OURS: Final = frozenset(
    {
        "CERTIFICATE_BLOCKED",
        "CERTIFICATE_EXPIRED",
        "CERTIFICATE_INVALID",
        "CERTIFICATE_MISSING",
        "CERTIFICATE_REVOKED",
        "ROLE_INVALID",
        "SIGNATURE_INVALID",
        "SIGNATURE_MISSING",
    }
)
