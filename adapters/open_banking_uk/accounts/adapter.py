"""Account information in the standard's words, and the bank's answers in ours. Pure."""

from datetime import datetime
from urllib.parse import quote

from adapters.contract.accounts import Inquiry, Reading, ReadingKind, Trouble
from adapters.open_banking_uk import authorisation, requests
from adapters.open_banking_uk.accounts import reading
from adapters.open_banking_uk.dialect import dialect_of
from adapters.reading.strict import Unreadable
from adapters.wire import WireReply, WireRequest

# What reading accounts, balances and transactions needs, and nothing more.
PERMISSIONS = (
    "ReadAccountsDetail",
    "ReadBalances",
    "ReadTransactionsDetail",
    "ReadTransactionsCredits",
    "ReadTransactionsDebits",
)
SCOPE = "accounts"


class OpenBankingUkAccounts:
    """Account information by Open Banking UK, in the version that the bank's option says."""

    def build(self, kind: ReadingKind, inquiry: Inquiry) -> WireRequest:
        """The request. Raises ValueError for what is missing, and for a page that is not this account's."""
        match kind:
            case ReadingKind.CONSENT:
                return requests.post(
                    f"{_aisp(inquiry)}/account-access-consents", _consent(inquiry), SCOPE, inquiry.payer
                )
            case ReadingKind.AUTHORISE:
                return authorisation.exchange(inquiry.handshake)
            case ReadingKind.REFRESH:
                return authorisation.refresh(inquiry.refresh_token)
            case ReadingKind.CONSENT_STATUS:
                return requests.get(_consent_path(inquiry), SCOPE, payer=inquiry.payer)
            case ReadingKind.CONSENT_END:
                return requests.delete(_consent_path(inquiry), SCOPE, inquiry.payer)
            case ReadingKind.ACCOUNTS | ReadingKind.BALANCES | ReadingKind.TRANSACTIONS:
                return requests.get(_list_path(kind, inquiry), SCOPE, payer=inquiry.payer, as_payer=True)

    def parse(self, kind: ReadingKind, reply: WireReply) -> Reading:
        """What the answer brings; never raises."""
        try:
            return reading.READERS[kind](reply)
        except Unreadable:
            return reading.trouble(kind, reply)
        except KeyError:
            return Reading(trouble=Trouble.UNREADABLE)

    def authorisation_url(self, inquiry: Inquiry, now: datetime) -> str:
        """Where the account's holder gives consent. Raises ValueError without what it needs."""
        return authorisation.authorisation_url(inquiry.settings, SCOPE, inquiry.consent_id, inquiry.handshake, now)


def _consent(inquiry: Inquiry) -> dict[str, object]:
    expires = {} if inquiry.valid_until is None else {"ExpirationDateTime": inquiry.valid_until.isoformat()}
    return {"Data": {"Permissions": list(PERMISSIONS), **expires}, "Risk": {}}


def _aisp(inquiry: Inquiry) -> str:
    return f"{dialect_of(inquiry.settings.options).path}/aisp"


def _list_path(kind: ReadingKind, inquiry: Inquiry) -> str:
    if kind is ReadingKind.ACCOUNTS:
        return _paged(f"{_aisp(inquiry)}/accounts", inquiry, "")
    if kind is ReadingKind.BALANCES:
        return _paged(f"{_account_path(inquiry)}/balances", inquiry, "")
    return _paged(f"{_account_path(inquiry)}/transactions", inquiry, _days(inquiry))


def _consent_path(inquiry: Inquiry) -> str:
    if inquiry.consent_id is None:
        raise ValueError("there is no consent to ask about")
    return f"{_aisp(inquiry)}/account-access-consents/{quote(inquiry.consent_id, safe='')}"


def _account_path(inquiry: Inquiry) -> str:
    if inquiry.account_id is None:
        raise ValueError("there is no account to read")
    return f"{_aisp(inquiry)}/accounts/{quote(inquiry.account_id, safe='')}"


def _paged(path: str, inquiry: Inquiry, query: str) -> str:
    """The first page with its query, or the bank's own link to a later page of the same list."""
    if inquiry.page is None:
        return f"{path}?{query}" if query else path
    if not inquiry.page.startswith(f"{path}?"):
        raise ValueError("the page is of another list")
    return inquiry.page


def _days(inquiry: Inquiry) -> str:
    """From the first day's first second to the last day's last. Banks take no notice of a zone, so none is given."""
    first, last = inquiry.booked_from, inquiry.booked_to
    told = [f"fromBookingDateTime={first.isoformat()}T00:00:00"] if first is not None else []
    return "&".join(told + ([f"toBookingDateTime={last.isoformat()}T23:59:59"] if last is not None else []))
