"""Consents and reads through the engine at the simulated banks of the standards, from the wish to the end."""

from typing import Any

import pytest

from accounts.consents.states import ConsentState
from accounts.model import Reception
from accounts.reading.book import AccountFilter
from accounts.reading.reader import Freshness, Wanted
from adapters.contract import Payer
from kernel.errors import Conflict, Invalid
from kernel.ids import Environment, Kind, from_text
from kernel.masked import Masked
from kernel.sealing import Vault
from tests.support.browser import APPROVE, REFUSE
from tests.support.clock import FakeClock
from tests.support.real_accounts import BANKS, FOUND, PRESENT, Real, Start, each_bank, opened

Pool = "asyncpg.Pool[asyncpg.Record]"


@each_bank
async def test_a_holder_links_an_account_and_it_is_read(
    database: Pool, vault: Vault, clock: FakeClock, protocol: str, start: Start
) -> None:
    """Consent, page, return, accounts, balances, every page of transactions once, and the end."""
    async with opened(database, vault, clock, (protocol, start)) as real:
        tenant, consent = real.world.tenant, await real.ask()
        assert consent.status is ConsentState.AWAITING_AUTHORISATION
        returned = await real.decided(consent, APPROVE)
        assert (returned.reception, returned.consent.status) == (Reception.TAKEN, ConsentState.AUTHORISED)
        listed = await real.accounts.accounts(tenant, AccountFilter(limit=9, consent_id=consent.id), PRESENT)
        assert listed.data
        account_id = from_text(Kind.ACCOUNT, listed.data[0]["id"], Environment.TEST)
        balances = await real.accounts.balances(tenant, account_id, Freshness(max_age=60), PRESENT)
        assert balances["data"]
        assert (await real.accounts.balances(tenant, account_id, Freshness(max_age=60), None))["from_cache"] is True
        entries = await _all_entries(real, account_id)
        known = [each["id"] for each in entries if each["id"] is not None]
        assert len(known) > 5
        assert len(known) == len(set(known))
        await real.accounts.end_consent(real.caller, consent.id)
        with pytest.raises(Conflict):
            await real.accounts.balances(tenant, account_id, Freshness(max_age=60), PRESENT)
        row = await database.fetchrow("SELECT must_end, status::text FROM account_consents WHERE id = $1", consent.id)
        assert tuple(row or ()) == (False, "revoked")


async def _all_entries(real: Real, account_id: Any) -> list[dict[str, Any]]:
    entries, cursor = [], None
    while True:
        page = await real.accounts.transactions(real.world.tenant, account_id, Wanted(cursor=cursor), PRESENT)
        entries += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            return entries


@each_bank
async def test_a_holder_who_refuses_links_nothing(
    database: Pool, vault: Vault, clock: FakeClock, protocol: str, start: Start
) -> None:
    """The refusal comes back with the browser, and merchants hear of it."""
    async with opened(database, vault, clock, (protocol, start)) as real:
        consent = await real.ask()
        returned = await real.decided(consent, REFUSE)
        assert returned.consent.status is ConsentState.REJECTED
        assert await real.settled(consent.id) is ConsentState.REJECTED


@each_bank
async def test_the_banks_day_is_kept(
    database: Pool, vault: Vault, clock: FakeClock, protocol: str, start: Start
) -> None:
    """Reads without the holder stay within what the protocol declares."""
    async with opened(database, vault, clock, (protocol, start)) as real:
        limit = FOUND.declarations[protocol].unattended_reads_a_day
        consent = await real.ask()
        await real.decided(consent, APPROVE)
        listed = await real.accounts.accounts(real.world.tenant, AccountFilter(limit=9, consent_id=consent.id), None)
        account_id = from_text(Kind.ACCOUNT, listed.data[0]["id"], Environment.TEST)
        for _ in range(limit or 5):
            await real.accounts.balances(real.world.tenant, account_id, Freshness(max_age=0), None)
        if limit is not None:
            kept = await real.accounts.balances(real.world.tenant, account_id, Freshness(max_age=0, max_stale=60), None)
            assert kept["from_cache"] is True


async def test_a_consent_that_lacks_what_its_bank_needs_is_refused_at_once(
    database: Pool, vault: Vault, clock: FakeClock
) -> None:
    """A bank that wants the holder's address is not asked without it, nor with one that it would not take."""
    async with opened(database, vault, clock, BANKS["berlin group"]) as real:
        for payer, code in ((Payer(), "required"), (Payer(ip_address=Masked("2001:db8::7")), "charset")):
            with pytest.raises(Invalid) as refused:
                await real.ask(payer)
            assert [(each.pointer, each.code) for each in refused.value.errors] == [("/payer/ip_address", code)]
        assert await database.fetchval("SELECT count(*) FROM account_consents") == 0
