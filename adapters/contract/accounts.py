"""The port for account information: consents, accounts, balances and transactions. No money moves here."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from adapters.contract.authorisation import Authorisation, Grant, Handshake
from adapters.contract.banks import BankSettings
from adapters.contract.parties import Payer
from adapters.declaration import AccountScheme
from adapters.wire import WireReply, WireRequest
from kernel.masked import AccountNumber, Masked, PersonName, Secret
from kernel.money import Money


class ReadingKind(StrEnum):
    """The calls of account information. Each may be made again: none of them moves money."""

    CONSENT = "consent"  # Ask for a consent.
    AUTHORISE = "authorise"  # Exchange the code that the payer brought, or begin the authorisation.
    CONSENT_STATUS = "consent_status"
    CONSENT_END = "consent_end"
    REFRESH = "refresh"  # Get new access for a refresh token.
    ACCOUNTS = "accounts"
    BALANCES = "balances"
    TRANSACTIONS = "transactions"


class ConsentStatus(StrEnum):
    """How a consent stands at the bank."""

    AWAITING_AUTHORISATION = "awaiting_authorisation"
    AUTHORISED = "authorised"
    REJECTED = "rejected"
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNKNOWN = "unknown"  # The answer says nothing that can be believed.


class Trouble(StrEnum):
    """Why an answer brings nothing."""

    CONSENT_NOT_USABLE = "consent_not_usable"  # The consent or the access is not, or no longer, in force.
    NOT_FOUND = "not_found"
    TOO_MANY_READS = "too_many_reads"  # The bank's own quota, or 429.
    REFUSED = "refused"  # An explicit refusal of what we asked.
    UNREADABLE = "unreadable"  # Nothing that can be believed; try again later.


class BalanceKind(StrEnum):
    """ISO 20022 ExternalBalanceType1Code, as far as the protocols use it."""

    CLOSING_BOOKED = "closing_booked"  # CLBD
    OPENING_BOOKED = "opening_booked"  # OPBD
    INTERIM_BOOKED = "interim_booked"  # ITBD
    INTERIM_AVAILABLE = "interim_available"  # ITAV
    CLOSING_AVAILABLE = "closing_available"  # CLAV
    OPENING_AVAILABLE = "opening_available"  # OPAV
    FORWARD_AVAILABLE = "forward_available"  # FWAV
    EXPECTED = "expected"  # XPCD
    INFORMATION = "information"  # INFO, and what the bank calls otherwise.


class BookingStatus(StrEnum):
    """Whether an entry stands in the account's books."""

    BOOKED = "booked"
    PENDING = "pending"
    INFORMATION = "information"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """Everything that one call of account information may need; each kind uses its part.

    `payer` is there when the person is present, so that the read is not one of the unattended few. `page` is the
    bank's own link to the next page, as it was read, below the base URL.
    """

    settings: BankSettings
    requested_at: datetime
    consent_id: str | None = None
    valid_until: datetime | None = None
    account_id: str | None = None
    booked_from: date | None = None
    booked_to: date | None = None
    page: str | None = None
    payer: Payer | None = None
    handshake: Handshake | None = field(default=None, repr=False)
    refresh_token: Secret | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """An account that the consent opens; `id` is the bank's own."""

    id: str
    currency: str
    scheme: AccountScheme | None = None
    iban: AccountNumber | None = None
    sort_code: str | None = None
    account_number: AccountNumber | None = None
    name: PersonName | None = None
    product: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """One balance; negative where the account is overdrawn, so it is a value of minor units and not Money."""

    kind: BalanceKind
    currency: str
    value: int
    at: datetime | None = None
    raw_kind: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BankTransaction:
    """One entry of an account. `amount` is positive; `is_credit` tells its direction. `id` may be missing."""

    amount: Money
    is_credit: bool
    status: BookingStatus
    id: str | None = None
    booked_at: datetime | None = None
    value_at: datetime | None = None
    end_to_end_id: Masked | None = None
    counterparty: PersonName | None = None
    text: Masked | None = None
    bank_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one answer brought; `trouble` is None where it brought what was asked.

    `consent_id`, `account_id` and `iban` are what the answer says it is about, where it says so; the room compares.
    """

    trouble: Trouble | None = None
    raw_code: str | None = None
    retry_after_seconds: int | None = None
    consent_status: ConsentStatus | None = None
    consent_id: str | None = None
    account_id: str | None = None
    iban: AccountNumber | None = None
    expires_at: datetime | None = None
    authorisation: Authorisation | None = None
    grant: Grant | None = field(default=None, repr=False)
    accounts: tuple[BankAccount, ...] = ()
    balances: tuple[Balance, ...] = ()
    transactions: tuple[BankTransaction, ...] = ()
    next_page: str | None = None


class AccountAdapter(Protocol):
    """An adapter that also reads accounts, found as `accounts() -> AccountAdapter` beside `adapter()`. All is pure."""

    def build(self, kind: ReadingKind, inquiry: Inquiry) -> WireRequest:
        """The request. Raises ValueError for a kind that the protocol has not, or for what is missing."""
        ...

    def parse(self, kind: ReadingKind, reply: WireReply) -> Reading:
        """What the answer brings; never raises."""
        ...

    def authorisation_url(self, inquiry: Inquiry, now: datetime) -> str:
        """Where the account's holder gives consent, for a bank whose answer did not bring it. Raises ValueError."""
        ...
