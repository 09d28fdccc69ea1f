"""Access that has not ended: got anew with the refresh token by one process at a time, under the consent's lease."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from accounts.calls.advance import lease_end
from accounts.calls.inquiries import bare_inquiry, open_grant
from accounts.consents import ledger
from accounts.consents.hear import Change, Heard, heard_of, refreshed
from accounts.consents.ledger import Changer
from accounts.consents.rows import ConsentRow
from accounts.exchanges.keeping import Exchanges
from accounts.tools import AccountBank, Tools
from adapters.contract import Grant
from adapters.contract.accounts import ReadingKind
from kernel.errors import Unavailable
from kernel.masked import Secret

_LOOK_SECONDS = 0.1


class Access:
    """Gives the access that a read needs."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._changer = Changer(tools)
        self._exchanges = Exchanges(tools)

    async def of(self, consent: ConsentRow, bank: AccountBank) -> tuple[ConsentRow, Secret | None]:
        """The consent as it stands, and its access; None at a bank that gives none.

        Raises Unavailable `bank_unavailable` where no new access can be got now. Where the bank gives none any more,
        the consent that is given back has ended.
        """
        looks = int(self._tools.policy.access_wait_seconds / _LOOK_SECONDS)
        for _ in range(max(looks, 1)):
            if consent.is_final or not self._is_old(consent):
                return consent, await self._token(consent)
            if (lease := await self._lease(consent, bank)) is not None:
                consent = await self._refresh(lease, bank)
                return consent, None if consent.is_final else await self._token(consent)
            await asyncio.sleep(_LOOK_SECONDS)
            consent = await ledger.find(self._tools, consent.ref) or consent
        raise _unavailable()

    def _is_old(self, consent: ConsentRow) -> bool:
        if consent.access_ends_at is None:
            return False
        margin = timedelta(seconds=self._tools.policy.access_margin_seconds)
        return self._tools.clock.now() >= consent.access_ends_at - margin

    async def _token(self, consent: ConsentRow) -> Secret | None:
        grant = await open_grant(self._tools, consent)
        return None if grant is None else grant.access_token

    async def _lease(self, consent: ConsentRow, bank: AccountBank) -> ConsentRow | None:
        """The consent with our lease; None where somebody holds it, or it has changed meanwhile."""
        now = self._tools.clock.now()
        async with self._tools.pool.acquire() as connection, connection.transaction():
            held = await ledger.lock(connection, consent.ref)
            is_leased = held.lease_until is not None and held.lease_until > now
            if is_leased or held.is_final or held.sealed_grant != consent.sealed_grant:
                return None
            leased = replace(held, lease_owner=uuid4(), lease_until=lease_end(self._tools, bank))
            await ledger.write(connection, leased)
            return leased

    async def _refresh(self, leased: ConsentRow, bank: AccountBank) -> ConsentRow:
        grant = await open_grant(self._tools, leased)
        heard = await self._ask(leased, bank, grant)
        change = _change(heard, grant)
        key = await ledger.key_of(self._tools, leased)
        async with self._tools.pool.acquire() as connection, connection.transaction():
            held = await ledger.lock(connection, leased.ref)
            if heard is not None:
                await self._exchanges.keep(connection, held, ReadingKind.REFRESH, heard, key)
            is_ours = held.lease_owner == leased.lease_owner
            consent, jobs = await self._changer.apply(connection, held, change, key) if is_ours else (held, ())
        if jobs:
            await self._tools.enqueuer.offer(jobs)
        if change.again or not is_ours:
            raise _unavailable()
        return consent

    async def _ask(self, consent: ConsentRow, bank: AccountBank, grant: Grant | None) -> Heard | None:
        """What the bank said; None where there is nothing to ask with."""
        can = ReadingKind.REFRESH in bank.declaration.reads
        if grant is None or grant.refresh_token is None or not can:
            return None
        inquiry = replace(bare_inquiry(self._tools, consent, bank), refresh_token=grant.refresh_token)
        try:
            request = bank.adapter.build(ReadingKind.REFRESH, inquiry)
        except ValueError:
            return Heard(left=False)
        outcome = await self._tools.engine.read(bank.bank, request, None)
        return heard_of(bank.adapter, ReadingKind.REFRESH, outcome)


def _change(heard: Heard | None, grant: Grant | None) -> Change:
    """A refresh token that was not given anew goes on to be good (RFC 6749 §6)."""
    if heard is None:
        return refreshed(Heard.refusal())
    change = refreshed(heard)
    if change.grant is not None and change.grant.refresh_token is None and grant is not None:
        change = replace(change, grant=replace(change.grant, refresh_token=grant.refresh_token))
    return change


def _unavailable() -> Unavailable:
    return Unavailable("The bank cannot be reached at the moment.", code="bank_unavailable", retry_after_seconds=5)
