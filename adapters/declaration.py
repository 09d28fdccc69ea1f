"""What an adapter declares about its bank protocol: data, so that it can be checked, shown and tested."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

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


class SettingForm(StrEnum):
    """What a setting that is more than a text holds; it is read when the bank is configured."""

    CERTIFICATE = "certificate"
    PRIVATE_KEY = "private_key"
    URL = "url"
    RSA_KEY = "rsa_key"
    KEY_SET = "key_set"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingField:
    """One setting that an admin gives for a bank of this protocol; a secret one is never shown again.

    With `choices` it takes nothing else, and with a `form` only what can be read as that.
    """

    name: str
    sentence: str
    secret: bool = False
    required: bool = True
    choices: tuple[str, ...] = ()
    form: SettingForm | None = None


class LastWord(StrEnum):
    """The furthest that a bank's reports of a payment go; what comes after it, no evidence will show."""

    ACCEPTED = "accepted"
    SETTLED = "settled"
    COMPLETED = "completed"


# The option, which every bank may have, of one whose reports end elsewhere than its protocol's; a LastWord.
LAST_REPORT = "last_report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What differs at the banks whose `option` has this `value`; what is None, or a field not named, does not."""

    option: str
    value: str
    journey: tuple[OperationKind, ...] | None = None
    arms: OperationKind | None = None
    recovery: Mapping[OperationKind, Recovery] | None = None
    fields: Mapping[str, FieldLimit] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """All that the rest of the system may know about one bank protocol.

    `absence_proven_after_seconds`: an enquiry that finds nothing proves that the bank never took the payment only when
    this long has passed since the last byte was sent; None means never. `processing_seconds` is what the bank may need
    after our deadline until its books show the outcome. `fields` is keyed by JSON Pointer into the public payment.
    `poll_seconds` are the delays between enquiries; the last one repeats. `reads` are the calls of account information
    (adapters/contract/accounts.py), and `unattended_reads_a_day` how often the bank lets each account be read in 24 h
    without its holder; None for no such bound. A bank's `base_url` ends before what is in `paths`.

    `journey` is the order of the operations that carry a payment to the bank. `arms` is the first of them after whose
    sending money may move: an earlier one whose outcome is unknown costs nothing but another try, and `arms` itself is
    never sent twice but by its declared recovery. `after_return` is the one that waits for the payer's return with an
    authorisation code; None where no code is brought. `schedules`: the bank itself keeps a payment until its
    `execute_at`, so it is carried there at once; otherwise we wait for that time. `variants` are for banks that keep
    the protocol's promises less well than others; `at` gives what holds for one bank.

    `last_word` is the furthest that reports go. A payment that is there, or settled, and of which the bank has said
    nothing new for `silent_after_seconds`, is not reported of any more.
    """

    name: str
    title: str
    mapping_version: str
    paths: tuple[str, ...] = ()
    operations: frozenset[OperationKind] = frozenset()
    journey: tuple[OperationKind, ...] = (OperationKind.SUBMIT,)
    arms: OperationKind = OperationKind.SUBMIT
    after_return: OperationKind | None = None
    schedules: bool = False
    reads: frozenset[str] = frozenset()
    unattended_reads_a_day: int | None = None
    notifications: bool = False
    currencies: Mapping[str, CurrencyRule] = field(default_factory=dict)
    accounts: frozenset[AccountScheme] = frozenset()
    fields: Mapping[str, FieldLimit] = field(default_factory=dict)
    idempotency: Idempotency | None = None
    enquiry_keys: tuple[EnquiryKey, ...] = ()
    recovery: Mapping[OperationKind, Recovery] = field(default_factory=dict)
    absence_proven_after_seconds: int | None = None
    fresh_headers: tuple[str, ...] = ()
    quotas: tuple[Quota, ...] = ()
    cut_offs: tuple[CutOff, ...] = ()
    rails: frozenset[Rail] = frozenset()
    rail_by_option: Mapping[tuple[str, str], Rail] = field(default_factory=dict)
    last_word: LastWord = LastWord.COMPLETED
    silent_after_seconds: int = 432_000
    deadlines: Deadlines = Deadlines()
    processing_seconds: float = 5.0
    poll_seconds: tuple[float, ...] = (1, 2, 5, 10, 30, 60, 300, 900)
    auth: AuthProfile = AuthProfile.NONE
    signing: str = "none"
    settings: tuple[SettingField, ...] = ()
    variants: tuple[Variant, ...] = ()

    def at(self, options: Mapping[str, str]) -> Self:
        """The declaration as it holds for a bank with these options."""
        told = options.get(LAST_REPORT)
        varied = self if told is None else replace(self, last_word=LastWord(told))
        for by in [each for each in self.variants if options.get(each.option) == each.value]:
            recovery = varied.recovery if by.recovery is None else by.recovery
            journey, arms = by.journey or varied.journey, by.arms or varied.arms
            fields = {**varied.fields, **by.fields}
            varied = replace(varied, journey=journey, arms=arms, recovery=recovery, fields=fields, variants=())
        # What could be asked, and stands in no journey, is not asked at this bank.
        idle = {OperationKind.CONFIRM_FUNDS} & varied.operations - set(varied.journey)
        return replace(varied, operations=varied.operations - idle) if idle else varied

    @property
    def sends_payers(self) -> bool:
        """Whether a payer authorises each payment at the bank."""
        return OperationKind.AUTHORISE in self.journey

    def is_armed_by(self, kind: OperationKind) -> bool:
        """Whether money may move once such an operation was sent; before `arms`, and by asking for funds, none does."""
        return kind not in {OperationKind.CONFIRM_FUNDS, *self.journey[: self.journey.index(self.arms)]}

    def follows(self, kind: OperationKind) -> OperationKind | None:
        """The next operation of the journey after this one; None at its end, and after what is no part of it."""
        if kind is OperationKind.CONFIRM_FUNDS:
            return self.arms
        place = self.journey.index(kind) + 1 if kind in self.journey else len(self.journey)
        return self.journey[place] if place < len(self.journey) else None

    def rails_at(self, options: Mapping[str, str]) -> frozenset[Rail]:
        """By which rails a bank with these options pays."""
        chosen = [rail for (name, value), rail in self.rail_by_option.items() if options.get(name) == value]
        return frozenset(chosen) or self.rails

    @property
    def lease_seconds(self) -> float:
        """How long an operation's lease must last at least: two total deadlines, and the bank's processing time.

        The engine begins a call within the first (slots and tokens are waited for no longer) and ends it in the second.
        """
        return 2 * self.deadlines.total_seconds + self.processing_seconds

    def poll_delay_seconds(self, checks: int) -> float:
        """The delay before enquiry number `checks` + 1."""
        return self.poll_seconds[min(checks, len(self.poll_seconds) - 1)]

    def recovery_of(self, kind: OperationKind) -> Recovery:
        """What to do when the outcome of such an operation is unknown; what is not declared is held."""
        return self.recovery.get(kind, Recovery.HOLD)

    def resend_allowed(self, kind: OperationKind, seconds_since_first_sent: float) -> bool:
        """Whether the sealed bytes may be sent again now: declared, and inside the bank's window with a margin."""
        if self.recovery_of(kind) is not Recovery.RESEND or self.idempotency is None:
            return False
        margin = self.lease_seconds
        return seconds_since_first_sent + margin < self.idempotency.window_seconds

    def absence_proven(self, seconds_since_last_sent: float) -> bool:
        """Whether "not found" now proves that the bank never took the payment."""
        after = self.absence_proven_after_seconds
        return after is not None and seconds_since_last_sent >= after
