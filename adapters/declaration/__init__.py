"""What an adapter declares about its bank protocol: data, so that it can be checked, shown and tested."""

from adapters.declaration.declaration import Declaration, Variant
from adapters.declaration.limits import CurrencyRule, CutOff, Deadlines, FieldLimit, Idempotency, Quota
from adapters.declaration.settings import ISSUER_IN_RETURN, LAST_REPORT, IssuerInReturn, SettingField, SettingForm
from adapters.declaration.vocabulary import (
    FRESH_HEADERS,
    AccountScheme,
    AuthProfile,
    EnquiryKey,
    LastWord,
    OperationKind,
    Rail,
    Recovery,
)

__all__ = [
    "FRESH_HEADERS",
    "ISSUER_IN_RETURN",
    "LAST_REPORT",
    "AccountScheme",
    "AuthProfile",
    "CurrencyRule",
    "CutOff",
    "Deadlines",
    "Declaration",
    "EnquiryKey",
    "FieldLimit",
    "Idempotency",
    "IssuerInReturn",
    "LastWord",
    "OperationKind",
    "Quota",
    "Rail",
    "Recovery",
    "SettingField",
    "SettingForm",
    "Variant",
]
