"""The accounts of consents in the database, and the balances kept of them; what the bank said is sealed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from accounts.consents import ledger
from accounts.consents.rows import ConsentRow
from accounts.reading.model import (
    AccountRow,
    account_context,
    account_from_json,
    account_to_json,
    balances_context,
    balances_from_json,
    balances_to_json,
)
from accounts.tools import Connection, Tools
from adapters.contract.accounts import Balance, BankAccount
from kernel.errors import NotFound
from kernel.ids import Tenant, new_id
from kernel.sealing import DataKey, SealError
from kernel.sql import beside

_SQL = beside(__file__, "book.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFilter:
    """Which accounts of a list; `after` is the id of the last one before, oldest first."""

    limit: int
    after: UUID | None = None
    consent_id: UUID | None = None
    merchant_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Balances that are kept, and since when."""

    balances: tuple[Balance, ...]
    as_of: datetime


class AccountBook:
    """Rows of consent_accounts."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def keep(self, consent: ConsentRow, found: Sequence[BankAccount]) -> None:
        """The whole list of a consent's accounts, as the bank gave it now."""
        key = await ledger.key_of(self._tools, consent)
        now = self._tools.clock.now()
        async with self._tools.pool.acquire() as connection, connection.transaction():
            ids = [await self._keep_one(connection, consent, account, key) for account in _in_order(found, now)]
            await connection.execute(_SQL["forget_accounts"], consent.tenant.partner_id, consent.id, ids)
            await connection.execute(_SQL["set_listed"], consent.tenant.partner_id, consent.id, now)

    async def find(self, tenant: Tenant, account_id: UUID) -> AccountRow:
        """One account. Raises NotFound."""
        row = await self._tools.pool.fetchrow(
            _SQL["find_account"], tenant.partner_id, tenant.environment.value, account_id
        )
        if row is None:
            raise NotFound
        return AccountRow.from_row(row)

    async def page(self, tenant: Tenant, wanted: AccountFilter) -> Sequence[AccountRow]:
        """One more than the limit, where there are more."""
        rows = await self._tools.pool.fetch(
            _SQL["list_accounts"],
            tenant.partner_id,
            tenant.environment.value,
            wanted.after,
            wanted.consent_id,
            wanted.merchant_id,
            wanted.limit + 1,
        )
        return [AccountRow.from_row(row) for row in rows]

    async def open(self, rows: Sequence[AccountRow]) -> list[BankAccount | None]:
        """What the bank says of accounts; None where their merchant's data were erased."""
        sealed = [(row.tenant.partner_id, row.sealed_account, account_context(row.id)) for row in rows]
        opened = await self._tools.vault.open_each(sealed)
        return [None if isinstance(each, SealError) else account_from_json(each) for each in opened]

    async def begin_balances(self, row: AccountRow) -> UUID:
        """A token to keep balances under that are read from now on. Raises NotFound."""
        token: UUID | None = await self._tools.pool.fetchval(
            _SQL["begin_balances"], row.tenant.partner_id, row.id, uuid4()
        )
        if token is None:
            raise NotFound
        return token

    async def keep_balances(self, consent: ConsentRow, row: AccountRow, token: UUID, kept: Kept) -> None:
        """Keep balances, unless money has moved since the token was given."""
        key = await ledger.key_of(self._tools, consent)
        sealed = self._tools.vault.seal(key, balances_to_json(kept.balances), balances_context(row.id))
        await self._tools.pool.execute(_SQL["keep_balances"], row.tenant.partner_id, row.id, token, sealed, kept.as_of)

    async def kept_balances(self, row: AccountRow) -> Kept | None:
        """What is kept of an account's balances, if anything."""
        if row.sealed_balances is None or row.balances_at is None:
            return None
        opened = await self._tools.vault.open(row.tenant.partner_id, row.sealed_balances, balances_context(row.id))
        return Kept(balances=balances_from_json(opened), as_of=row.balances_at)

    async def _keep_one(
        self, connection: Connection, consent: ConsentRow, listed: tuple[BankAccount, UUID], key: DataKey
    ) -> UUID:
        partner_id, now = consent.tenant.partner_id, self._tools.clock.now()
        account, fresh = listed
        digest = _digest(consent, account)
        known: UUID | None = await connection.fetchval(_SQL["find_by_digest"], partner_id, consent.id, digest)
        account_id = known or fresh
        sealed = self._tools.vault.seal(key, account_to_json(account), account_context(account_id))
        if known is None:
            inserted: UUID | None = await connection.fetchval(
                _SQL["upsert_account"],
                partner_id,
                fresh,
                consent.id,
                consent.tenant.environment.value,
                consent.merchant_id,
                consent.bank_id,
                digest,
                account.currency,
                sealed,
                now,
            )
            if inserted is not None:
                return inserted
            raced: UUID = await connection.fetchval(_SQL["find_by_digest"], partner_id, consent.id, digest)
            return raced
        await connection.execute(_SQL["refresh_account"], partner_id, known, account.currency, sealed, now)
        return known


def _in_order(found: Sequence[BankAccount], now: datetime) -> list[tuple[BankAccount, UUID]]:
    """Each with an id for it if it is new; lists are in the order of ids, so it is the bank's."""
    return [(account, new_id(now + timedelta(milliseconds=place))) for place, account in enumerate(found)]


def _digest(consent: ConsentRow, account: BankAccount) -> bytes:
    """By what an account is found again: the bank's own id, and the currency, for one id may name several."""
    named = f"{account.id}\n{account.currency}".encode()
    return hashlib.sha256(consent.id.bytes + named).digest()
