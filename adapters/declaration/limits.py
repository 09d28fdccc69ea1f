"""What a bank takes, how often, until when, and how long a call may last."""

from dataclasses import dataclass

from adapters.declaration.vocabulary import OperationKind


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyRule:
    """One currency at this bank. `exponent` is the bank's own number of digits; limits are in ISO minor units."""

    exponent: int
    value_min: int = 1
    value_max: int = 2**53 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLimit:
    """What the bank takes in one field; `charset` is the inside of a regular expression's character class.

    `required` is for a field that the public payment may leave out and this bank needs.
    """

    max_length: int
    charset: str
    min_length: int = 1
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """How the bank recognises a repeat: the key's header, what a key may hold, and for how long it is remembered."""

    header: str
    max_length: int
    charset: str
    window_seconds: int
    min_resend_seconds: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """At most `requests` calls of these kinds in any `window_seconds`, counted over all processes as calls begin.

    A call leaves up to one deadline after it began, so for a bank that counts strictly declare a little less.
    """

    kinds: frozenset[OperationKind]
    requests: int
    window_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff:
    """Until when a currency's payments are executed on the same day: HH:MM in an IANA time zone. Only told."""

    currency: str
    at: str
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long one call may take: to connect (with TLS), from there to the answer's head, and in all."""

    connect_seconds: float = 3.0
    first_byte_seconds: float = 10.0
    total_seconds: float = 15.0
