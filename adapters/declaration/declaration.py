"""One protocol's declaration, and what follows from it for one bank, one operation and one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from adapters.declaration.limits import CurrencyRule, CutOff, Deadlines, FieldLimit, Idempotency, Quota
from adapters.declaration.settings import LAST_REPORT, SettingField
from adapters.declaration.vocabulary import (
    AccountScheme,
    AuthProfile,
    EnquiryKey,
    LastWord,
    OperationKind,
    Rail,
    Recovery,
)


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
    deadlines: Deadlines = field(default_factory=Deadlines)
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
