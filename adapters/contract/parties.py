"""Who pays and who is paid."""

from dataclasses import dataclass

from adapters.declaration import AccountScheme
from kernel.masked import AccountNumber, Masked, PersonName


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account: an IBAN, or an account number with a sort code (UK) or a routing number (US, ABA).

    Raises ValueError for none of the three forms, or more than one.
    """

    iban: AccountNumber | None = None
    sort_code: str | None = None
    routing_number: str | None = None
    account_number: AccountNumber | None = None

    def __post_init__(self) -> None:
        forms = sum(form is not None for form in (self.iban, self.sort_code, self.routing_number))
        if forms != 1 or (self.iban is None) == (self.account_number is None):
            raise ValueError("an account is an IBAN, or an account number with a sort code or a routing number")

    @property
    def scheme(self) -> AccountScheme:
        """Which form it has."""
        if self.iban is not None:
            return AccountScheme.IBAN
        return AccountScheme.SORT_CODE if self.sort_code is not None else AccountScheme.ROUTING_NUMBER


@dataclass(frozen=True, slots=True, kw_only=True)
class Creditor:
    """Who is paid."""

    name: PersonName
    account: Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """The person at whose wish the call is made, as the partner saw it; a bank may want either for fraud checks."""

    ip_address: Masked | None = None
    user_agent: Masked | None = None
