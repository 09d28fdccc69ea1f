"""The words of declarations: what banks are asked for, and what they may be said to do."""

from enum import StrEnum

# The headers that the engine knows how to make anew at every send.
FRESH_HEADERS = frozenset({"date", "x-request-id", "x-fapi-interaction-id"})


class OperationKind(StrEnum):
    """The kinds of bank calls; equal to the SQL enum operation_kind."""

    CONSENT = "consent"
    AUTHORISE = "authorise"
    SUBMIT = "submit"
    ENQUIRE = "enquire"
    CANCEL = "cancel"
    REFUND = "refund"
    ENQUIRE_AUTHORISATION = "enquire_authorisation"  # How the payer's authorisations of the payment stand.
    CONFIRM_FUNDS = "confirm_funds"  # Asked once, just before what arms the payment; only a plain "no" counts.
    AUTHORISE_CANCEL = "authorise_cancel"  # Begins the payer's authorisation of a cancellation.


class Recovery(StrEnum):
    """What to do with an operation whose outcome is unknown."""

    RESEND = "resend"  # The same bytes under the same key; the bank executes them once at most within its window.
    ENQUIRE = "enquire"  # Ask by one of the enquiry keys; the operation itself is never sent again.
    HOLD = "hold"  # No machine can learn more; two persons decide on evidence.


class EnquiryKey(StrEnum):
    """What the bank can be asked by."""

    END_TO_END_ID = "end_to_end_id"
    BANK_REFERENCE = "bank_reference"
    IDEMPOTENCY_KEY = "idempotency_key"
    CONSENT = "consent"
    FILE = "file"
    STATEMENT = "statement"


class AuthProfile(StrEnum):
    """How the engine proves to the bank who is calling; each names the settings that it needs."""

    NONE = "none"
    BEARER_STATIC = "bearer_static"  # secret `token`
    OAUTH_CLIENT_CREDENTIALS = "oauth_client_credentials"  # option `token_url`; secrets `client_id`, `client_secret`
    # Options `token_url`, `client_id`, `signing_key_id`; secret `signing_key` (PEM). RFC 7523, RFC 8705 §2.
    OAUTH_PRIVATE_KEY_JWT = "oauth_private_key_jwt"


class AccountScheme(StrEnum):
    """The forms of account number that the bank pays to."""

    IBAN = "iban"
    SORT_CODE = "sort_code"
    ROUTING_NUMBER = "routing_number"


class Rail(StrEnum):
    """The schemes by which money travels from bank to bank."""

    FASTER_PAYMENTS = "faster_payments"
    SEPA_CREDIT_TRANSFER = "sepa_credit_transfer"
    SEPA_INSTANT = "sepa_instant"
    SANDBOX = "sandbox"  # No money travels.


class LastWord(StrEnum):
    """The furthest that a bank's reports of a payment go; what comes after it, no evidence will show."""

    ACCEPTED = "accepted"
    SETTLED = "settled"
    COMPLETED = "completed"
