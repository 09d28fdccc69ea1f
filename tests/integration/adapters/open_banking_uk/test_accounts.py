"""Account information at the simulated Open Banking UK bank, in both versions, judged by the official files."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from adapters.contract.accounts import BookingStatus, ConsentStatus, Inquiry, Reading, ReadingKind, Trouble
from adapters.contract.authorisation import Handshake
from adapters.open_banking_uk.mapping import accounts
from kernel.masked import Secret
from tests.support.open_banking_uk import VERSIONS, handshake, settings
from tests.support.open_banking_uk_client import Client, client

UK = accounts()
NOW = datetime.now(UTC)
K = ReadingKind


async def read(bank: Client, kind: ReadingKind, inquiry: Inquiry) -> Reading:
    return UK.parse(kind, await bank.send(UK.build(kind, inquiry)))


async def consented(bank: Client, decision: str = "approve") -> Inquiry:
    """A consent whose holder decided, and the access that it gave."""
    inquiry = Inquiry(settings=bank.simulator.settings, requested_at=NOW, valid_until=NOW + timedelta(days=90))
    made = await read(bank, K.CONSENT, inquiry)
    assert made.consent_status is ConsentStatus.AWAITING_AUTHORISATION
    assert made.authorisation is not None
    inquiry = replace(inquiry, consent_id=made.consent_id, handshake=handshake())
    back = await bank.decide(UK.authorisation_url(inquiry, datetime.now(UTC)), decision)
    if "code" not in back:
        return inquiry
    shake: Handshake = replace(handshake(), code=Secret(back["code"]))
    exchanged = await read(bank, K.AUTHORISE, replace(inquiry, handshake=shake))
    assert exchanged.grant is not None
    bank.payer_token = exchanged.grant.access_token.reveal()
    return replace(inquiry, refresh_token=exchanged.grant.refresh_token)


@pytest.mark.parametrize("version", VERSIONS)
async def test_accounts_balances_and_all_pages_are_read(version: str) -> None:
    """Everything is read; pages that shift repeat an entry, which has the same id, and none is lost."""
    async with client(version) as bank:
        inquiry = await consented(bank)
        assert (await read(bank, K.CONSENT_STATUS, inquiry)).consent_status is ConsentStatus.AUTHORISED
        found = await read(bank, K.ACCOUNTS, inquiry)
        assert [each.sort_code for each in found.accounts] == ["202015"] * 3
        inquiry = replace(inquiry, account_id=found.accounts[0].id)
        balances = (await read(bank, K.BALANCES, inquiry)).balances
        assert len({each.kind for each in balances}) == 2
        pages = [await read(bank, K.TRANSACTIONS, inquiry)]
        while pages[-1].next_page is not None:
            pages.append(await read(bank, K.TRANSACTIONS, replace(inquiry, page=pages[-1].next_page)))
        entries = [each for page in pages for each in page.transactions]
        known = [each.id for each in entries if each.id is not None]
        assert len(pages) == 3
        assert len(entries) == 62
        assert len(known) - len(set(known)) >= 1
        assert {each.status for each in entries} == {BookingStatus.BOOKED, BookingStatus.PENDING}
        assert [each for each in entries if each.id is None]
        assert bank.problems == []


@pytest.mark.parametrize("version", VERSIONS)
async def test_days_limit_what_is_read(version: str) -> None:
    """From the first day's beginning to the last one's end."""
    async with client(version) as bank:
        inquiry = await consented(bank)
        days = {"booked_from": NOW.date() - timedelta(days=3), "booked_to": NOW.date() - timedelta(days=2)}
        inquiry = replace(inquiry, account_id="acc-current", **days)
        entries = (await read(bank, K.TRANSACTIONS, inquiry)).transactions
        assert entries
        assert all(each.booked_at is not None for each in entries)
        assert {each.booked_at.date() for each in entries if each.booked_at} <= set(days.values())
        assert bank.problems == []


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_consent_that_was_ended_opens_nothing(version: str) -> None:
    """After its end neither the access nor the refresh token is of any use."""
    async with client(version) as bank:
        inquiry = await consented(bank)
        renewed = await read(bank, K.REFRESH, inquiry)
        assert renewed.grant is not None
        assert (await read(bank, K.CONSENT_END, inquiry)).consent_status is ConsentStatus.REVOKED
        assert (await read(bank, K.CONSENT_STATUS, inquiry)).consent_status is ConsentStatus.REVOKED
        assert (await read(bank, K.ACCOUNTS, inquiry)).trouble is Trouble.CONSENT_NOT_USABLE
        assert (await read(bank, K.REFRESH, inquiry)).trouble is Trouble.CONSENT_NOT_USABLE
        assert bank.problems == []


@pytest.mark.parametrize("version", VERSIONS)
async def test_who_refuses_shares_nothing(version: str) -> None:
    """A refusal at the page rejects the consent."""
    async with client(version) as bank:
        inquiry = await consented(bank, "refuse")
        assert (await read(bank, K.CONSENT_STATUS, inquiry)).consent_status is ConsentStatus.REJECTED
        assert bank.problems == []


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_account_or_consent_that_nobody_has_is_not_found(version: str) -> None:
    """The standard answers 400 for it."""
    async with client(version) as bank:
        inquiry = await consented(bank)
        assert (await read(bank, K.BALANCES, replace(inquiry, account_id="nobodys"))).trouble is Trouble.NOT_FOUND
        assert (await read(bank, K.CONSENT_STATUS, replace(inquiry, consent_id="x"))).trouble is Trouble.NOT_FOUND
        assert bank.problems == []


def test_a_page_is_followed_only_within_its_own_list() -> None:
    """What the bank calls its next page cannot lead to another account, another path or another host."""
    inquiry = Inquiry(settings=settings(), requested_at=NOW, account_id="a-1", booked_from=date(2026, 1, 1))
    for page in ("/open-banking/v4.0/aisp/accounts/a-2/transactions?page=2", "/oauth/token?x=1", "//evil.example/x?y"):
        with pytest.raises(ValueError, match="another list"):
            UK.build(K.TRANSACTIONS, replace(inquiry, page=page))
