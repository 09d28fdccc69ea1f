"""What the sandbox bank can do, takes and promises."""

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
    Quota,
    Rail,
    Recovery,
    SettingField,
)

_VALUE_MAX = 100_000_000
_TEXT = r"A-Za-z0-9/?:().,'+& \-"

SANDBOX = Declaration(
    name="sandbox",
    title="Sandbox bank",
    mapping_version="1",
    operations=frozenset({OperationKind.SUBMIT, OperationKind.ENQUIRE, OperationKind.CANCEL}),
    notifications=True,
    currencies={
        "CLF": CurrencyRule(exponent=4, value_max=_VALUE_MAX),
        "EUR": CurrencyRule(exponent=2, value_max=_VALUE_MAX),
        "GBP": CurrencyRule(exponent=2, value_max=_VALUE_MAX),
        "JPY": CurrencyRule(exponent=0, value_max=_VALUE_MAX),
        "KWD": CurrencyRule(exponent=3, value_max=_VALUE_MAX),
        "USD": CurrencyRule(exponent=2, value_max=_VALUE_MAX),
    },
    accounts=frozenset(AccountScheme),
    fields={
        "/creditor/name": FieldLimit(max_length=70, charset=_TEXT),
        "/creditor/account/iban": FieldLimit(min_length=15, max_length=34, charset="A-Z0-9"),
        "/creditor/account/sort_code": FieldLimit(min_length=6, max_length=6, charset="0-9"),
        "/creditor/account/routing_number": FieldLimit(min_length=9, max_length=9, charset="0-9"),
        "/creditor/account/account_number": FieldLimit(min_length=8, max_length=17, charset="0-9"),
        "/reference": FieldLimit(max_length=35, charset=_TEXT),
        "/end_to_end_id": FieldLimit(max_length=35, charset=r"A-Za-z0-9\-"),
    },
    idempotency=Idempotency(
        header="Idempotency-Key", max_length=64, charset=r"A-Za-z0-9_.\-", window_seconds=24 * 3600
    ),
    enquiry_keys=(EnquiryKey.BANK_REFERENCE, EnquiryKey.END_TO_END_ID),
    recovery={OperationKind.SUBMIT: Recovery.RESEND, OperationKind.CANCEL: Recovery.ENQUIRE},
    absence_proven_after_seconds=60,
    fresh_headers=("x-request-id",),
    quotas=(Quota(kinds=frozenset({OperationKind.ENQUIRE}), requests=12_000, window_seconds=60),),
    rails=frozenset({Rail.SANDBOX}),
    deadlines=Deadlines(connect_seconds=2, first_byte_seconds=4, total_seconds=6),
    processing_seconds=4,
    poll_seconds=(1, 1, 2, 3, 5, 10, 30, 60, 300),
    auth=AuthProfile.BEARER_STATIC,
    settings=(
        SettingField(name="token", sentence="The bearer token that the bank gave us.", secret=True),
        SettingField(name="notification_secret", sentence="The key that signs its notifications.", secret=True),
    ),
)
