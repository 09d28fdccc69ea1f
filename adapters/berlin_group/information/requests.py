"""The requests of account information. Pure."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson

from adapters.berlin_group import headers
from adapters.berlin_group.declaration import BERLIN_GROUP
from adapters.berlin_group.requests import segment
from adapters.contract.accounts import Inquiry, ReadingKind
from adapters.wire import WireRequest

# How far back transactions are read where nobody says; banks need not give more without a new authorisation.
_DAYS_BACK = 90
_PAGE = re.compile(r"/v1/accounts/[^/?#]+/transactions\?[!-~]{1,2000}")
# What the holder sees: every account, or those that they choose in the bank's own pages.
_ACCESS: dict[str, dict[str, Any]] = {
    "chosen_at_bank": {"accounts": [], "balances": [], "transactions": []},
    "all_accounts": {"allPsd2": "allAccounts"},
}


def build(kind: ReadingKind, inquiry: Inquiry) -> WireRequest:
    """The request. Raises ValueError for a kind that the protocol has not, or for what is missing."""
    if kind not in _BUILDERS:
        raise ValueError("this protocol has no such call")
    return _BUILDERS[kind](inquiry)


def _ask(inquiry: Inquiry) -> WireRequest:
    if not headers.takes_address(inquiry.settings, inquiry.payer):
        raise ValueError("this bank wants the account holder's IP address, and of its own kind")
    if inquiry.valid_until is None:
        raise ValueError("a consent needs an end")
    body = {
        "access": _ACCESS[inquiry.settings.options.get("account_choice", "chosen_at_bank")],
        "recurringIndicator": True,
        "validUntil": inquiry.valid_until.date().isoformat(),
        "frequencyPerDay": BERLIN_GROUP.unattended_reads_a_day,
        "combinedServiceIndicator": False,
    }
    return _with_holder("/v1/consents", inquiry, body)


def _consent(inquiry: Inquiry) -> str:
    return f"/v1/consents/{segment(_consent_id(inquiry))}"


def _account(inquiry: Inquiry) -> str:
    if inquiry.account_id is None:
        raise ValueError("an account must be named")
    return f"/v1/accounts/{segment(inquiry.account_id)}"


def _consent_id(inquiry: Inquiry) -> str:
    if inquiry.consent_id is None:
        raise ValueError("a consent must be named")
    return inquiry.consent_id


def _transactions(inquiry: Inquiry) -> str:
    """The bank's own link to a page, if it is one of this account's; or the first page."""
    collection = f"{_account(inquiry)}/transactions"
    if inquiry.page is not None:
        if _PAGE.fullmatch(inquiry.page) is None or not inquiry.page.startswith(f"{collection}?"):
            raise ValueError("this is no page of the account's transactions")
        return inquiry.page
    begin = inquiry.booked_from or inquiry.requested_at.date() - timedelta(days=_DAYS_BACK)
    status = inquiry.settings.options.get("transactions", "booked")
    asked: dict[str, str | date] = {"bookingStatus": status, "dateFrom": begin}
    if inquiry.booked_to is not None:
        asked["dateTo"] = inquiry.booked_to
    return f"{collection}?{urlencode(asked)}"


def _with_holder(path: str, inquiry: Inquiry, body: dict[str, Any]) -> WireRequest:
    asked = (
        *headers.of_payer(inquiry.settings, inquiry.payer),
        *headers.of_return(inquiry.settings, inquiry.handshake),
    )
    return WireRequest(
        method="POST",
        path=path,
        headers=(*headers.common(with_body=True), *asked),
        body=orjson.dumps(body),
        fresh=headers.fresh(inquiry.settings),
        signed=True,
    )


def _read(path: str, inquiry: Inquiry) -> WireRequest:
    """A read; the holder's address says that they are present, and so that it is none of the unattended few."""
    consent = (("Consent-ID", _consent_id(inquiry)),)
    more = (*consent, *headers.of_payer(inquiry.settings, inquiry.payer))
    return _bare("GET", path, inquiry, more)


def _bare(method: str, path: str, inquiry: Inquiry, more: headers.Headers = ()) -> WireRequest:
    return WireRequest(
        method=method,
        path=path,
        headers=(*headers.common(with_body=False), *more),
        fresh=headers.fresh(inquiry.settings),
        signed=True,
    )


_BUILDERS: dict[ReadingKind, Callable[[Inquiry], WireRequest]] = {
    ReadingKind.CONSENT: _ask,
    ReadingKind.AUTHORISE: lambda inquiry: _with_holder(f"{_consent(inquiry)}/authorisations", inquiry, {}),
    ReadingKind.CONSENT_STATUS: lambda inquiry: _bare("GET", _consent(inquiry), inquiry),
    ReadingKind.CONSENT_END: lambda inquiry: _bare("DELETE", _consent(inquiry), inquiry),
    ReadingKind.ACCOUNTS: lambda inquiry: _read("/v1/accounts", inquiry),
    ReadingKind.BALANCES: lambda inquiry: _read(f"{_account(inquiry)}/balances", inquiry),
    ReadingKind.TRANSACTIONS: lambda inquiry: _read(_transactions(inquiry), inquiry),
}
