"""The words of account information in both versions. A word that stands in no table means nothing."""

from adapters.contract.accounts import BalanceKind, BookingStatus, ConsentStatus, Trouble

CONSENTS: dict[str, ConsentStatus] = {
    "AWAU": ConsentStatus.AWAITING_AUTHORISATION,
    "AwaitingAuthorisation": ConsentStatus.AWAITING_AUTHORISATION,
    "AUTH": ConsentStatus.AUTHORISED,
    "Authorised": ConsentStatus.AUTHORISED,
    "RJCT": ConsentStatus.REJECTED,
    "Rejected": ConsentStatus.REJECTED,
    "EXPD": ConsentStatus.EXPIRED,
    "CANC": ConsentStatus.REVOKED,
    "Revoked": ConsentStatus.REVOKED,
}

# Balances of the previous day, and those before value dating ("cleared"), are information: we have no kind of our own.
BALANCES: dict[str, BalanceKind] = {
    "CLBD": BalanceKind.CLOSING_BOOKED,
    "ClosingBooked": BalanceKind.CLOSING_BOOKED,
    "OPBD": BalanceKind.OPENING_BOOKED,
    "OpeningBooked": BalanceKind.OPENING_BOOKED,
    "ITBD": BalanceKind.INTERIM_BOOKED,
    "InterimBooked": BalanceKind.INTERIM_BOOKED,
    "ITAV": BalanceKind.INTERIM_AVAILABLE,
    "InterimAvailable": BalanceKind.INTERIM_AVAILABLE,
    "CLAV": BalanceKind.CLOSING_AVAILABLE,
    "ClosingAvailable": BalanceKind.CLOSING_AVAILABLE,
    "OPAV": BalanceKind.OPENING_AVAILABLE,
    "OpeningAvailable": BalanceKind.OPENING_AVAILABLE,
    "FWAV": BalanceKind.FORWARD_AVAILABLE,
    "ForwardAvailable": BalanceKind.FORWARD_AVAILABLE,
    "XPCD": BalanceKind.EXPECTED,
    "Expected": BalanceKind.EXPECTED,
    "INFO": BalanceKind.INFORMATION,
    "Information": BalanceKind.INFORMATION,
    "PRCD": BalanceKind.INFORMATION,
    "PreviouslyClosedBooked": BalanceKind.INFORMATION,
    "ClosingCleared": BalanceKind.INFORMATION,
    "InterimCleared": BalanceKind.INFORMATION,
    "OpeningCleared": BalanceKind.INFORMATION,
}

# What is for later, or was rejected, stands in no books.
BOOKINGS: dict[str, BookingStatus] = {
    "BOOK": BookingStatus.BOOKED,
    "Booked": BookingStatus.BOOKED,
    "PDNG": BookingStatus.PENDING,
    "Pending": BookingStatus.PENDING,
    "FUTR": BookingStatus.INFORMATION,
    "INFO": BookingStatus.INFORMATION,
    "RJCT": BookingStatus.INFORMATION,
    "Rejected": BookingStatus.INFORMATION,
}

# Error words (tables/errors.py) that say more than that the request was refused.
TROUBLES: dict[str, Trouble] = {
    "UK.OBIE.Reauthenticate": Trouble.CONSENT_NOT_USABLE,
    "UK.OBIE.Resource.InvalidConsentStatus": Trouble.CONSENT_NOT_USABLE,
    "UK.OBIE.Resource.ConsentMismatch": Trouble.CONSENT_NOT_USABLE,
    "UK.OBIE.Resource.NotFound": Trouble.NOT_FOUND,
    "UK.OBIE.UnexpectedError": Trouble.UNREADABLE,
}
