"""Accounts, balances and transactions for partners: from what is kept while it is young enough, else from the bank."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from accounts.consents import ledger
from accounts.consents.rows import ConsentRef, ConsentRow
from accounts.consents.states import ConsentState
from accounts.reading import pages
from accounts.reading.book import AccountBook, AccountFilter, Kept
from accounts.reading.calls import Asked, BankReads, check_authorised
from accounts.reading.model import AccountRow, show_account, show_balance, show_transaction
from accounts.tools import Tools
from accounts.view import rfc3339
from adapters.contract import Payer
from adapters.contract.accounts import BankAccount, ReadingKind
from kernel.errors import NotFound, Unavailable
from kernel.ids import Kind, Tenant, to_text
from kernel.sealing import SealError


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How old balances may be: less than `max_age`, and so much more where the bank cannot be read. In seconds."""

    max_age: int
    max_stale: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage:
    """One page of accounts as they go to the wire; `next_cursor` is the id to go on from."""

    data: list[dict[str, Any]]
    next_cursor: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which transactions: days of booking, or a cursor that holds them."""

    booked_from: date | None = None
    booked_to: date | None = None
    cursor: str | None = None


class AccountReader:
    """See the module. What is another partner's or environment's is not found."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._reads = BankReads(tools)
        self._book = AccountBook(tools)

    async def accounts(self, tenant: Tenant, wanted: AccountFilter, payer: Payer | None) -> AccountPage:
        """A page of accounts. Those of one consent are listed at the bank again when that was too long ago.

        Raises NotFound for another's consent, and as accounts.reading.calls.BankReads.read.
        """
        if wanted.consent_id is not None:
            await self._list_at_bank(await self._consent(tenant, wanted.consent_id), payer)
        rows = await self._book.page(tenant, wanted)
        more, rows = len(rows) > wanted.limit, rows[: wanted.limit]
        opened = await self._book.open(rows)
        shown = [show_account(row, each) for row, each in zip(rows, opened, strict=True) if each is not None]
        return AccountPage(data=shown, next_cursor=rows[-1].id if more else None)

    async def balances(self, tenant: Tenant, account_id: UUID, asked: Freshness, payer: Payer | None) -> dict[str, Any]:
        """An account's balances with the time that they were read. Raises NotFound, and as BankReads.read."""
        row, consent = await self._account(tenant, account_id)
        kept = await self._book.kept_balances(row)
        if kept is not None and self._age(kept) < asked.max_age:
            return self._show_balances(row, kept, asked, from_cache=True)
        try:
            fresh = await self._read_balances(row, consent, payer)
        except Unavailable:
            if kept is None or self._age(kept) >= asked.max_age + asked.max_stale:
                raise
            return self._show_balances(row, kept, asked, from_cache=True)
        return self._show_balances(row, fresh, asked, from_cache=False)

    async def transactions(
        self, tenant: Tenant, account_id: UUID, wanted: Wanted, payer: Payer | None
    ) -> dict[str, Any]:
        """One page of an account's entries, as the bank pages them. Raises NotFound, Invalid, and as BankReads.read."""
        row, consent = await self._account(tenant, account_id)
        place = await self._place(row, wanted)
        account = await self._opened(row)
        as_of = self._tools.clock.now()
        reading = await self._reads.read(
            Asked(
                consent=consent,
                kind=ReadingKind.TRANSACTIONS,
                account_id=row.id,
                account=account,
                booked_from=place.booked_from,
                booked_to=place.booked_to,
                page=place.page,
                payer=payer,
            )
        )
        fresh, shown = pages.not_shown(row.id, reading.transactions, place.shown)
        cursor = None
        if reading.next_page is not None and reading.next_page != place.page:
            cursor = await self._cursor(row, replace(place, page=reading.next_page, shown=shown))
        return {
            "data": [show_transaction(row, each, identifier) for each, identifier in fresh],
            "next_cursor": cursor,
            "as_of": rfc3339(as_of),
        }

    async def _consent(self, tenant: Tenant, consent_id: UUID) -> ConsentRow:
        found = await ledger.find(self._tools, ConsentRef(partner_id=tenant.partner_id, consent_id=consent_id))
        if found is None or found.tenant.environment is not tenant.environment:
            raise NotFound
        return found

    async def _account(self, tenant: Tenant, account_id: UUID) -> tuple[AccountRow, ConsentRow]:
        """The account with its consent. Raises Conflict where that is not in force: not even what is kept is shown."""
        row = await self._book.find(tenant, account_id)
        consent = await self._consent(tenant, row.consent_id)
        self._check(consent)
        return row, consent

    def _check(self, consent: ConsentRow) -> None:
        """A consent whose time is over is over, also before the sweeper has said so."""
        check_authorised(consent)
        if self._tools.clock.now() >= consent.valid_until:
            check_authorised(replace(consent, status=ConsentState.EXPIRED))

    async def _opened(self, row: AccountRow) -> BankAccount:
        account = (await self._book.open([row]))[0]
        if account is None:
            raise NotFound
        return account

    async def _list_at_bank(self, consent: ConsentRow, payer: Payer | None) -> None:
        self._check(consent)
        age = timedelta(seconds=self._tools.policy.accounts_age_max_seconds)
        if consent.accounts_at is not None and self._tools.clock.now() - consent.accounts_at < age:
            return
        try:
            found = await self._all_accounts(consent, payer)
        except Unavailable:
            if consent.accounts_at is None:
                raise
            return  # What is known is shown, with the time that it was read.
        await self._book.keep(consent, found)

    async def _all_accounts(self, consent: ConsentRow, payer: Payer | None) -> Sequence[BankAccount]:
        """Raises as BankReads.read."""
        readings = await self._reads.read_all(Asked(consent=consent, kind=ReadingKind.ACCOUNTS, payer=payer))
        return [account for reading in readings for account in reading.accounts]

    def _age(self, kept: Kept) -> float:
        return (self._tools.clock.now() - kept.as_of).total_seconds()

    async def _read_balances(self, row: AccountRow, consent: ConsentRow, payer: Payer | None) -> Kept:
        """Read at the bank and keep. It is as of the moment before the call: money may move while it is under way."""
        account = await self._opened(row)
        token = await self._book.begin_balances(row)
        as_of = self._tools.clock.now()
        asked = Asked(
            consent=consent,
            kind=ReadingKind.BALANCES,
            account_id=row.id,
            account=account,
            payer=payer,
        )
        readings = await self._reads.read_all(asked)
        kept = Kept(balances=tuple(each for reading in readings for each in reading.balances), as_of=as_of)
        await self._book.keep_balances(consent, row, token, kept)
        return kept

    def _show_balances(self, row: AccountRow, kept: Kept, asked: Freshness, *, from_cache: bool) -> dict[str, Any]:
        return {
            "object": "balances",
            "account_id": to_text(Kind.ACCOUNT, row.id, row.tenant.environment),
            "as_of": rfc3339(kept.as_of),
            "age_seconds": max(int(self._age(kept)), 0),
            "max_age": asked.max_age,
            "from_cache": from_cache,
            "data": [show_balance(each) for each in kept.balances],
        }

    async def _place(self, row: AccountRow, wanted: Wanted) -> pages.Place:
        if wanted.cursor is None:
            return pages.Place(booked_from=wanted.booked_from, booked_to=wanted.booked_to)
        sealed = pages.from_text(wanted.cursor)
        try:
            opened = await self._tools.vault.open(row.tenant.partner_id, sealed, _cursor_context(row))
        except SealError:
            raise pages.cursor_invalid() from None
        return pages.Place.from_json(opened)

    async def _cursor(self, row: AccountRow, place: pages.Place) -> str:
        key = await self._tools.vault.data_key(row.tenant.partner_id, row.merchant_id)
        return pages.to_text(self._tools.vault.seal(key, place.to_json(), _cursor_context(row)))


def _cursor_context(row: AccountRow) -> bytes:
    """What binds a cursor to its account: with another one it does not open."""
    return b"consent_accounts.cursor:" + row.id.bytes
