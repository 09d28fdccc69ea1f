"""What an Open Banking UK bank can do, takes and promises, in both versions of the standard."""

from adapters.contract.accounts import ReadingKind
from adapters.declaration import (
    AccountScheme,
    AuthProfile,
    CurrencyRule,
    Deadlines,
    Declaration,
    EnquiryKey,
    FieldLimit,
    Idempotency,
    OperationKind,
    Rail,
    Recovery,
    Variant,
)
from adapters.open_banking_uk.dialect import DIALECTS
from adapters.open_banking_uk.settings import SETTINGS

# Thirteen digits before the point are what an amount can have.
_VALUE_MAX = 10**15 - 1
_TEXT = " -~À-ÖØ-öø-ÿ"
_IBAN = FieldLimit(min_length=15, max_length=34, charset="A-Z0-9")
_SORT_CODE = FieldLimit(min_length=6, max_length=6, charset="0-9")
_ACCOUNT_NUMBER = FieldLimit(min_length=8, max_length=8, charset="0-9")

OPEN_BANKING_UK = Declaration(
    name="open_banking_uk",
    title="Open Banking UK",
    mapping_version="1",
    paths=tuple(each.path for each in DIALECTS.values()),
    operations=frozenset(
        {
            OperationKind.CONSENT,
            OperationKind.AUTHORISE,
            OperationKind.CONFIRM_FUNDS,
            OperationKind.SUBMIT,
            OperationKind.ENQUIRE,
        }
    ),
    journey=(OperationKind.CONSENT, OperationKind.AUTHORISE, OperationKind.SUBMIT),
    arms=OperationKind.SUBMIT,
    after_return=OperationKind.AUTHORISE,
    reads=frozenset(ReadingKind),
    schedules=True,
    notifications=True,
    currencies={
        "GBP": CurrencyRule(exponent=2, value_max=_VALUE_MAX),
        "EUR": CurrencyRule(exponent=2, value_max=_VALUE_MAX),
    },
    accounts=frozenset({AccountScheme.IBAN, AccountScheme.SORT_CODE}),
    fields={
        "/creditor/name": FieldLimit(max_length=70, charset=_TEXT),
        "/creditor/account/iban": _IBAN,
        "/creditor/account/sort_code": _SORT_CODE,
        "/creditor/account/account_number": _ACCOUNT_NUMBER,
        "/debtor/account/iban": _IBAN,
        "/debtor/account/sort_code": _SORT_CODE,
        "/debtor/account/account_number": _ACCOUNT_NUMBER,
        "/reference": FieldLimit(max_length=35, charset=_TEXT),
        "/end_to_end_id": FieldLimit(max_length=35, charset=r"A-Za-z0-9\-"),
    },
    # At most 40 characters without spaces at the ends, remembered for 24 hours; a repeat waits for a second at least.
    idempotency=Idempotency(
        header="x-idempotency-key", max_length=40, charset=r"A-Za-z0-9_.\-", window_seconds=24 * 3600
    ),
    enquiry_keys=(EnquiryKey.BANK_REFERENCE, EnquiryKey.CONSENT),
    recovery={
        OperationKind.CONSENT: Recovery.RESEND,
        OperationKind.AUTHORISE: Recovery.HOLD,
        OperationKind.SUBMIT: Recovery.RESEND,
    },
    absence_proven_after_seconds=300,
    fresh_headers=("x-fapi-interaction-id",),
    rails=frozenset({Rail.FASTER_PAYMENTS}),
    deadlines=Deadlines(connect_seconds=3, first_byte_seconds=10, total_seconds=15),
    processing_seconds=10,
    poll_seconds=(1, 2, 5, 10, 30, 60, 300, 900),
    auth=AuthProfile.OAUTH_PRIVATE_KEY_JWT,
    signing="detached_jws",
    settings=SETTINGS,
    variants=(
        Variant(
            option="confirm_funds",
            value="yes",
            journey=(
                OperationKind.CONSENT,
                OperationKind.AUTHORISE,
                OperationKind.CONFIRM_FUNDS,
                OperationKind.SUBMIT,
            ),
        ),
    ),
)
