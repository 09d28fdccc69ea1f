"""The simulated bank's accounts, through the real engine: consents, pages, and so many reads a day."""

from dataclasses import replace

import pytest

from adapters.berlin_group.simulator import Habits
from adapters.berlin_group.simulator.information.holdings import DEBTOR_IBAN
from adapters.contract.accounts import ConsentStatus, Inquiry, ReadingKind, Trouble
from adapters.declaration import OperationKind
from tests.support.berlin_group import inquiry
from tests.support.berlin_group_house import House, running, settled

CONSENT, AUTHORISE = ReadingKind.CONSENT, ReadingKind.AUTHORISE
STATUS, END = ReadingKind.CONSENT_STATUS, ReadingKind.CONSENT_END
ACCOUNTS, BALANCES, TRANSACTIONS = ReadingKind.ACCOUNTS, ReadingKind.BALANCES, ReadingKind.TRANSACTIONS


async def consented(house: House) -> Inquiry:
    """An inquiry under a consent that its holder gave."""
    asked = replace(inquiry(settings=house.simulator.settings), consent_id=None, account_id=None)
    made = await house.read(CONSENT, asked)
    assert made.authorisation is not None
    house.simulator.approve()
    return replace(asked, consent_id=made.consent_id)


async def household(house: House) -> Inquiry:
    """The same for one account."""
    asked = await consented(house)
    listed = await house.read(ACCOUNTS, asked)
    (found,) = [each.id for each in listed.accounts if each.iban is not None and each.iban.reveal() == DEBTOR_IBAN]
    return replace(asked, account_id=found)


async def test_a_consent_opens_accounts_until_it_is_given_back() -> None:
    """Before the holder's approval nothing can be read, after it everything, and after its end nothing again."""
    async with running() as house:
        asked = replace(inquiry(settings=house.simulator.settings), consent_id=None)
        made = await house.read(CONSENT, asked)
        named = replace(asked, consent_id=made.consent_id)
        assert (await house.read(STATUS, named)).consent_status is ConsentStatus.AWAITING_AUTHORISATION
        assert (await house.read(ACCOUNTS, named)).trouble is Trouble.CONSENT_NOT_USABLE
        house.simulator.approve()
        assert (await house.read(STATUS, named)).consent_status is ConsentStatus.AUTHORISED
        assert len((await house.read(ACCOUNTS, named)).accounts) == 2
        assert (await house.read(END, named)).consent_status is ConsentStatus.REVOKED
        assert (await house.read(STATUS, named)).consent_status is ConsentStatus.REVOKED
        assert (await house.read(ACCOUNTS, named)).trouble is Trouble.CONSENT_NOT_USABLE


async def test_a_holder_may_refuse_or_take_back_a_consent() -> None:
    """What the holder decides at the bank is what the bank says."""
    async with running() as house:
        asked = replace(inquiry(settings=house.simulator.settings), consent_id=None)
        made = await house.read(CONSENT, asked)
        house.simulator.approve(approve=False)
        told = await house.read(STATUS, replace(asked, consent_id=made.consent_id))
        assert told.consent_status is ConsentStatus.REJECTED
        given = await consented(house)
        house.simulator.revoke_consents()
        assert (await house.read(STATUS, given)).consent_status is ConsentStatus.REVOKED


@pytest.mark.parametrize("decoupled", [False, True])
async def test_a_bank_may_wait_for_the_start(decoupled: bool) -> None:  # noqa: FBT001 - a case
    """Such a bank brings no page with the consent, and one with the start of its authorisation, or asks in its app."""
    async with running(Habits(consents_need_start=True, decoupled=decoupled)) as house:
        asked = replace(inquiry(settings=house.simulator.settings), consent_id=None)
        made = await house.read(CONSENT, asked)
        assert made.authorisation is None
        begun = await house.read(AUTHORISE, replace(asked, consent_id=made.consent_id))
        assert begun.authorisation is not None
        assert (begun.authorisation.url is None) is decoupled


async def test_transactions_come_page_by_page_and_each_once() -> None:
    """The bank's links lead through all pages: every entry once, newest first."""
    async with running() as house:
        asked, found, pages = await household(house), [], 0
        page: str | None = None
        while pages == 0 or page is not None:
            told = await house.read(TRANSACTIONS, replace(asked, page=page))
            found, page, pages = [*found, *told.transactions], told.next_page, pages + 1
        days = [each.booked_at for each in found if each.booked_at is not None]
        assert (len(found), pages) == (7, 3)
        assert len({each.id for each in found}) == 7
        assert days == sorted(days, reverse=True)
        assert sum(each.amount.value if each.is_credit else -each.amount.value for each in found) == 209_451


async def test_a_payment_is_seen_in_the_account() -> None:
    """What was settled is booked, and the balance is lower by it."""
    async with running() as house:
        asked = await household(house)
        before = (await house.read(BALANCES, asked)).balances[0].value
        paid = await house.authorised()
        await settled(house, paid)
        after = (await house.read(BALANCES, asked)).balances[0].value
        newest = (await house.read(TRANSACTIONS, asked)).transactions[0]
        assert before - after == paid.amount.value == newest.amount.value
        assert newest.id == paid.bank_reference


async def test_a_bank_counts_unattended_reads() -> None:
    """Four reads a day without the holder; with their address there is no such bound."""
    async with running() as house:
        asked = await household(house)
        alone = replace(asked, payer=None)
        readings = [await house.read(BALANCES, alone) for _ in range(5)]
        assert [each.trouble for each in readings] == [None] * 4 + [Trouble.TOO_MANY_READS]
        assert (await house.read(BALANCES, asked)).trouble is None


async def test_what_a_bank_does_not_have_is_not_found() -> None:
    """Another account, another consent."""
    async with running() as house:
        asked = await consented(house)
        assert (await house.read(BALANCES, replace(asked, account_id="nobodys"))).trouble is Trouble.NOT_FOUND
        strange = replace(asked, consent_id="nobodys")
        assert (await house.read(ACCOUNTS, strange)).trouble is Trouble.CONSENT_NOT_USABLE
        assert (await house.ask(OperationKind.ENQUIRE, house.instruction(bank_reference="nobodys"))).raw_code == (
            "RESOURCE_UNKNOWN"
        )
