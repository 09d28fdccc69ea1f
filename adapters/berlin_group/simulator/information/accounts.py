"""What is read under a consent: accounts, balances, and transactions page by page, so often a day."""

import asyncio
import datetime as dt
from collections import defaultdict
from typing import Any

from aiohttp import web

from adapters.berlin_group.simulator.door.checks import check_payer
from adapters.berlin_group.simulator.habits import Habits
from adapters.berlin_group.simulator.information.consents import Consent, ConsentDesk
from adapters.berlin_group.simulator.information.holdings import Account, Entry, Holdings
from adapters.berlin_group.simulator.messages import Refused, said

_BOOKED = frozenset({"booked", "both", "all"})
_STATUSES = _BOOKED | {"pending", "information"}
_DAY_SECONDS = 24 * 3600


class AccountDesk:
    """Serves the clients that read accounts."""

    def __init__(self, consents: ConsentDesk, holdings: Holdings, habits: Habits) -> None:
        self._consents = consents
        self._holdings = holdings
        self._habits = habits
        self._reads: defaultdict[tuple[str, str], list[float]] = defaultdict(list)

    def routes(self) -> list[web.RouteDef]:
        """The interface as one table."""
        return [
            web.get("/v1/accounts", self.list_accounts),
            web.get("/v1/accounts/{id}/balances", self.show_balances),
            web.get("/v1/accounts/{id}/transactions", self.list_transactions),
        ]

    async def list_accounts(self, request: web.Request) -> web.StreamResponse:
        """The accounts that the consent opens: at this bank the holder always chooses all."""
        self._admit(request)
        return said(200, {"accounts": [each.to_json() for each in self._holdings.accounts.values()]}).response()

    async def show_balances(self, request: web.Request) -> web.StreamResponse:
        """An account's balances."""
        self._admit(request)
        account = self._account(request)
        told = {"account": {"iban": account.iban}, "balances": self._holdings.balances(account)}
        return said(200, told).response()

    async def list_transactions(self, request: web.Request) -> web.StreamResponse:
        """One page of an account's entries, newest first."""
        self._admit(request)
        account = self._account(request)
        entries, page = self._asked(request, account), _page_number(request)
        begin = (page - 1) * self._habits.page_size
        shown = entries[begin : begin + self._habits.page_size]
        links: dict[str, Any] = {"account": {"href": f"/v1/accounts/{account.id}"}}
        if begin + len(shown) < len(entries):
            links["next"] = {"href": request.rel_url.update_query(pageIndex=str(page + 1)).path_qs}
        report = {"booked": [each.to_json(account.currency) for each in shown], "_links": links}
        return said(200, {"account": {"iban": account.iban}, "transactions": report}).response()

    def _admit(self, request: web.Request) -> None:
        """A usable consent, and a read that is attended or one of the day's few. Raises Refused."""
        check_payer(request, self._habits, needed=False)
        consent = self._consents.usable(request)
        if "PSU-IP-Address" not in request.headers and "pageIndex" not in request.query:
            self._count(consent, request.path)

    def _count(self, consent: Consent, path: str) -> None:
        now = asyncio.get_running_loop().time()
        reads = self._reads[(consent.id, path)]
        reads[:] = [at for at in reads if now - at < _DAY_SECONDS]
        if len(reads) >= consent.frequency:
            raise Refused(429, "ACCESS_EXCEEDED")
        reads.append(now)

    def _account(self, request: web.Request) -> Account:
        account = self._holdings.accounts.get(request.match_info["id"])
        if account is None:
            raise Refused(404, "RESOURCE_UNKNOWN")
        return account

    def _asked(self, request: web.Request, account: Account) -> list[Entry]:
        status = request.query.get("bookingStatus")
        if status not in _STATUSES:
            raise Refused(400, "FORMAT_ERROR", "bookingStatus")
        begin, end = _day(request, "dateFrom"), _day(request, "dateTo")
        if begin is None and status != "information":
            raise Refused(400, "FORMAT_ERROR", "dateFrom")
        if begin is not None and end is not None and end < begin:
            raise Refused(400, "PERIOD_INVALID")
        first, last = begin or dt.date.min, end or dt.date.max
        entries = self._holdings.entries(account) if status in _BOOKED else []
        return [each for each in entries if first <= each.day <= last]


def _day(request: web.Request, name: str) -> dt.date | None:
    given = request.query.get(name)
    try:
        return None if given is None else dt.date.fromisoformat(given)
    except ValueError:
        raise Refused(400, "FORMAT_ERROR", name) from None


def _page_number(request: web.Request) -> int:
    given = request.query.get("pageIndex", "1")
    if not given.isdecimal() or int(given) < 1:
        raise Refused(400, "FORMAT_ERROR", "pageIndex")
    return int(given)
