"""Error codes of both versions, and when one of them refuses a payment for good.

A payment is refused for good only by what depends on nothing but the bytes that we sent: such a request would have been
refused at its first sending as well. What depends on the time, the signature, the token or the consent's status may be
said of a repeat whose first sending made the payment, and proves nothing.
"""

from adapters.contract import Reason

# Code (v4.0, OBExternalStatusReason1Code) → its older word (v3.1.11, OBErrorResponseError1Code).
WORD_OF_CODE: dict[str, str] = {
    "U000": "UK.OBIE.UnexpectedError",
    "U001": "UK.OBIE.Field.Expected",
    "U002": "UK.OBIE.Field.Invalid",
    "U003": "UK.OBIE.Field.InvalidDate",
    "U004": "UK.OBIE.Field.Missing",
    "U005": "UK.OBIE.Field.Unexpected",
    "U006": "UK.OBIE.Header.Invalid",
    "U007": "UK.OBIE.Header.Missing",
    "U008": "UK.OBIE.Resource.ConsentMismatch",
    "U009": "UK.OBIE.Resource.InvalidConsentStatus",
    "U010": "UK.OBIE.Resource.InvalidFormat",
    "U011": "UK.OBIE.Resource.NotFound",
    "U012": "UK.OBIE.Rules.AfterCutOffDateTime",
    "U013": "UK.OBIE.Rules.DuplicateReference",
    "U014": "UK.OBIE.Rules.FailsControlParameters",
    "U015": "UK.OBIE.Signature.Invalid",
    "U016": "UK.OBIE.Signature.InvalidClaim",
    "U017": "UK.OBIE.Signature.MissingClaim",
    "U018": "UK.OBIE.Signature.Malformed",
    "U019": "UK.OBIE.Signature.Missing",
    "U020": "UK.OBIE.Signature.Unexpected",
    "U021": "UK.OBIE.Unsupported.AccountIdentifier",
    "U022": "UK.OBIE.Unsupported.AccountSecondaryIdentifier",
    "U023": "UK.OBIE.Unsupported.Currency",
    "U024": "UK.OBIE.Unsupported.EventType",
    "U025": "UK.OBIE.Unsupported.Frequency",
    "U026": "UK.OBIE.Unsupported.LocalInstrument",
    "U027": "UK.OBIE.Unsupported.Scheme",
    "U028": "UK.OBIE.Reauthenticate",
    "U029": "UK.OBIE.Rules.ResourceAlreadyExists",
}

_REASON_OF_WORD: dict[str, Reason] = {
    "UK.OBIE.UnexpectedError": Reason.TECHNICAL,
    "UK.OBIE.Field.Expected": Reason.FORMAT,
    "UK.OBIE.Field.Invalid": Reason.FORMAT,
    "UK.OBIE.Field.InvalidDate": Reason.FORMAT,
    "UK.OBIE.Field.Missing": Reason.FORMAT,
    "UK.OBIE.Field.Unexpected": Reason.FORMAT,
    "UK.OBIE.Header.Invalid": Reason.FORMAT,
    "UK.OBIE.Header.Missing": Reason.FORMAT,
    "UK.OBIE.Resource.ConsentMismatch": Reason.UNAUTHORISED,
    "UK.OBIE.Resource.InvalidConsentStatus": Reason.UNAUTHORISED,
    "UK.OBIE.Resource.InvalidFormat": Reason.FORMAT,
    "UK.OBIE.Resource.NotFound": Reason.UNSPECIFIED,
    "UK.OBIE.Rules.AfterCutOffDateTime": Reason.AFTER_CUTOFF,
    "UK.OBIE.Rules.DuplicateReference": Reason.DUPLICATE,
    "UK.OBIE.Rules.FailsControlParameters": Reason.AMOUNT_NOT_ALLOWED,
    "UK.OBIE.Signature.Invalid": Reason.FORMAT,
    "UK.OBIE.Signature.InvalidClaim": Reason.FORMAT,
    "UK.OBIE.Signature.MissingClaim": Reason.FORMAT,
    "UK.OBIE.Signature.Malformed": Reason.FORMAT,
    "UK.OBIE.Signature.Missing": Reason.FORMAT,
    "UK.OBIE.Signature.Unexpected": Reason.FORMAT,
    "UK.OBIE.Unsupported.AccountIdentifier": Reason.ACCOUNT_NOT_FOUND,
    "UK.OBIE.Unsupported.AccountSecondaryIdentifier": Reason.ACCOUNT_NOT_FOUND,
    "UK.OBIE.Unsupported.Currency": Reason.AMOUNT_NOT_ALLOWED,
    "UK.OBIE.Unsupported.EventType": Reason.FORMAT,
    "UK.OBIE.Unsupported.Frequency": Reason.FORMAT,
    "UK.OBIE.Unsupported.LocalInstrument": Reason.FORMAT,
    "UK.OBIE.Unsupported.Scheme": Reason.ACCOUNT_NOT_FOUND,
    "UK.OBIE.Reauthenticate": Reason.UNAUTHORISED,
    "UK.OBIE.Rules.ResourceAlreadyExists": Reason.DUPLICATE,
}

# Of both versions: code or word → our reason.
ERRORS: dict[str, Reason] = {
    **_REASON_OF_WORD,
    **{code: _REASON_OF_WORD[word] for code, word in WORD_OF_CODE.items()},
}

_OF_THE_BYTES = frozenset(
    {
        "UK.OBIE.Field.Expected",
        "UK.OBIE.Field.Invalid",
        "UK.OBIE.Field.Missing",
        "UK.OBIE.Field.Unexpected",
        "UK.OBIE.Resource.ConsentMismatch",
        "UK.OBIE.Resource.InvalidFormat",
        "UK.OBIE.Unsupported.AccountIdentifier",
        "UK.OBIE.Unsupported.AccountSecondaryIdentifier",
        "UK.OBIE.Unsupported.Currency",
        "UK.OBIE.Unsupported.LocalInstrument",
        "UK.OBIE.Unsupported.Scheme",
    }
)
_OF_THE_TIME = frozenset({"UK.OBIE.Field.InvalidDate", "UK.OBIE.Rules.AfterCutOffDateTime"})


def _both(words: frozenset[str]) -> frozenset[str]:
    return words | {code for code, word in WORD_OF_CODE.items() if word in words}


# What refuses a payment for good, and what refuses a consent: under that no payment can be alive.
PAYMENT_REFUSALS = _both(_OF_THE_BYTES)
CONSENT_REFUSALS = _both(_OF_THE_BYTES | _OF_THE_TIME)

# RFC 6749 §5.2: the one error of the token endpoint that is about the payer's code and not about us.
CODE_REFUSALS: dict[str, Reason] = {"invalid_grant": Reason.UNAUTHORISED}
