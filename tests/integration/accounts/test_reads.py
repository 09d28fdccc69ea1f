"""Accounts, balances and transactions: exact, masked, counted, kept while young, and gone when money moves."""

import asyncio
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from accounts.consents.states import ConsentState
from accounts.policy import AccountsPolicy
from accounts.reading.book import AccountFilter
from accounts.reading.quota import ReadLimit
from accounts.reading.reader import Freshness, Wanted
from adapters.contract import Payer
from kernel.errors import Conflict, Invalid, NotFound, Unavailable
from kernel.ids import Environment, Kind, Tenant, from_text
from kernel.masked import Masked
from kernel.sealing import Vault
from tests.support.accounts_world import AccountsWorld, gathered, make_accounts_world
from tests.support.clock import FakeClock

Pool = "asyncpg.Pool[asyncpg.Record]"
PRESENT = Payer(ip_address=Masked("203.0.113.7"))
NEVER, MINUTE = Freshness(max_age=0), Freshness(max_age=60)
EXACT = [
    {"currency": "JPY", "value": 1_234_567},
    {"currency": "EUR", "value": -1},
    {"currency": "KWD", "value": 1_234},
    {"currency": "CLF", "value": 9_007_199_254_740_991},
]


async def accounts_of(world: AccountsWorld, consent_id: UUID, payer: Payer | None = None) -> list[dict[str, Any]]:
    """The first page of a consent's accounts."""
    return (await world.accounts.accounts(world.tenant, AccountFilter(limit=50, consent_id=consent_id), payer)).data


async def first_account(world: AccountsWorld) -> UUID:
    """The id of the first account under a new consent."""
    shown = await accounts_of(world, await world.authorised())
    return from_text(Kind.ACCOUNT, shown[0]["id"], Environment.TEST)


async def balances(
    world: AccountsWorld, account_id: UUID, asked: Freshness = NEVER, payer: Payer | None = None
) -> dict[str, Any]:
    return await world.accounts.balances(world.tenant, account_id, asked, payer)


async def entries(world: AccountsWorld, account_id: UUID, cursor: str | None = None) -> dict[str, Any]:
    return await world.accounts.transactions(world.tenant, account_id, Wanted(cursor=cursor), PRESENT)


async def test_accounts_are_masked_and_keep_their_ids(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """Ids are the same however often the bank is asked, and what the bank lists no more is gone."""
    world = await make_accounts_world(database, vault, clock)
    consent_id = await world.authorised()
    before = await accounts_of(world, consent_id)
    assert [(each["iban"], each["name"], each["currency"]) for each in before] == [
        ("••••5432", "R•••", "GBP"),
        ("••••3459", "R•••", "EUR"),
    ]
    clock.advance(3_600)
    assert [each["id"] for each in await accounts_of(world, consent_id)] == [each["id"] for each in before]
    assert world.bank.calls.count("accounts") == 1
    world.bank.accounts.pop()
    clock.advance(86_400)
    assert [each["id"] for each in await accounts_of(world, consent_id)] == [before[0]["id"]]
    listed = await world.accounts.accounts(world.tenant, AccountFilter(limit=50), None)
    assert [each["id"] for each in listed.data] == [before[0]["id"]]


async def test_amounts_are_exact(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """Currencies of none, two, three and four digits come as the bank's minor units, kept or not, also negative."""
    world = await make_accounts_world(database, vault, clock)
    account_id = await first_account(world)
    world.bank.values["A-1"] = EXACT
    for asked in (NEVER, MINUTE):
        found = await balances(world, account_id, asked)
        assert [each["amount"] for each in found["data"]] == EXACT
    assert found["from_cache"] is True
    world.bank.entries = [{**each, "credit": True, "text": "x"} for each in EXACT if each["value"] > 0]
    shown = (await entries(world, account_id))["data"]
    assert [each["amount"] for each in shown] == [EXACT[0], EXACT[2]]


async def test_balances_are_kept_with_their_age(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """Within max_age they are not read again, and say of when they are."""
    world = await make_accounts_world(database, vault, clock)
    account_id = await first_account(world)
    world.bank.values["A-1"] = [{"currency": "GBP", "value": 100}]
    read = await balances(world, account_id, MINUTE)
    world.bank.values["A-1"] = [{"currency": "GBP", "value": 200}]
    clock.advance(59)
    kept = await balances(world, account_id, MINUTE)
    assert (kept["data"], kept["as_of"], kept["age_seconds"]) == (read["data"], read["as_of"], 59)
    clock.advance(2)
    fresh = await balances(world, account_id, MINUTE)
    assert (fresh["data"][0]["amount"]["value"], fresh["from_cache"]) == (200, False)


async def test_moving_money_drops_what_is_kept(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """A payment of the merchant at the bank drops balances in its own transaction; another merchant's does not."""
    world, other = await make_accounts_world(database, vault, clock), await make_accounts_world(database, vault, clock)
    account_id, others = await first_account(world), await first_account(other)
    for each, name in ((world, account_id), (other, others)):
        each.bank.values["A-1"] = [{"currency": "GBP", "value": 100}]
        await balances(each, name)
    await world.payments.pay()
    assert (await balances(world, account_id, MINUTE))["from_cache"] is False
    assert (await balances(other, others, MINUTE))["from_cache"] is True


async def test_balances_that_were_read_while_money_moved_are_not_kept(
    database: Pool, vault: Vault, clock: FakeClock
) -> None:
    """An answer that was under way when money moved may be the old one: it is shown once and not kept."""
    world = await make_accounts_world(database, vault, clock)
    account_id = await first_account(world)
    world.bank.values["A-1"] = [{"currency": "GBP", "value": 100}]
    world.bank.then(["hang"])
    reading = asyncio.create_task(balances(world, account_id))
    while not world.bank.running:  # noqa: ASYNC110 - the bank has no other sign
        await asyncio.sleep(0.01)
    await world.payments.pay()
    world.bank.gate.set()
    await reading
    assert (await balances(world, account_id, MINUTE))["from_cache"] is False


async def test_the_banks_quota_holds_over_all_processes(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """Four reads in any 24 hours, however many ask at once; one that never left does not count."""
    world = await make_accounts_world(database, vault, clock)
    account_id = await first_account(world)
    world.bank.then(["never_left"])
    with pytest.raises(Unavailable):
        await balances(world, account_id)
    told = await gathered(*(balances(world, account_id) for _ in range(8)))
    limited = [each for each in told if isinstance(each, ReadLimit)]
    assert (len(limited), world.bank.unattended.count("balances")) == (4, 4)
    clock.advance(86_000)
    with pytest.raises(ReadLimit) as refused:
        await balances(world, account_id)
    assert 0 < refused.value.retry_after_seconds <= 401
    assert "unattended_reads_a_day" in refused.value.detail
    clock.advance(401)
    await balances(world, account_id)


async def test_reads_with_the_holder_do_not_count(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """A holder who is present may be shown their account as often as they like."""
    world = await make_accounts_world(database, vault, clock)
    account_id = await first_account(world)
    for _ in range(6):
        await balances(world, account_id, payer=PRESENT)
    await balances(world, account_id)
    assert world.bank.unattended.count("balances") == 1


async def test_at_the_quota_an_older_answer_is_given_where_it_may(
    database: Pool, vault: Vault, clock: FakeClock
) -> None:
    """With max_stale what is kept is answered with its age; without, the limit is told."""
    world = await make_accounts_world(database, vault, clock)
    account_id = await first_account(world)
    for _ in range(4):
        await balances(world, account_id)
    clock.advance(600)
    with pytest.raises(ReadLimit):
        await balances(world, account_id, Freshness(max_age=60, max_stale=500))
    kept = await balances(world, account_id, Freshness(max_age=60, max_stale=600))
    assert (kept["from_cache"], kept["age_seconds"]) == (True, 600)


async def test_what_a_bank_answers_instead_is_told(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """A refusal, a limit of the bank's own, and an answer that nobody can believe are told apart."""
    world = await make_accounts_world(database, vault, clock)
    account_id = await first_account(world)
    for step, error in (("refuse", Conflict), ("too_many", ReadLimit), ("garbage", Unavailable)):
        world.bank.then([step])
        with pytest.raises(error) as told:
            await balances(world, account_id, payer=PRESENT)
    assert told.value.problem_code == "bank_unavailable"


async def test_transactions_are_paged_and_shown_once(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """Entries that are booked while somebody reads shift the bank's pages; none is shown twice, none is lost."""
    world = await make_accounts_world(database, vault, clock)
    account_id = await first_account(world)
    world.bank.entries = [entry(number) for number in range(5)]
    first = await entries(world, account_id)
    world.bank.entries = [entry(9), *world.bank.entries]
    second = await entries(world, account_id, first["next_cursor"])
    third = await entries(world, account_id, second["next_cursor"])
    shown = [each["text"] for page in (first, second, third) for each in page["data"]]
    assert shown == [f"entry {number}" for number in range(5)]
    again = await entries(world, account_id)
    assert {each["id"] for each in again["data"]} & {each["id"] for each in first["data"]}
    assert third["next_cursor"] is None


async def test_entries_without_an_id_are_never_left_out(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """Two equal ones may be two."""
    world = await make_accounts_world(database, vault, clock)
    account_id = await first_account(world)
    world.bank.entries = [{**entry(1), "id": None}] * 3
    first = await entries(world, account_id)
    second = await entries(world, account_id, first["next_cursor"])
    assert (len(first["data"]), len(second["data"])) == (2, 1)
    assert {each["id"] for each in first["data"]} == {None}


async def test_a_cursor_belongs_to_its_account(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """A cursor that was changed, or is another account's, opens nothing and says nothing of the bank."""
    world = await make_accounts_world(database, vault, clock)
    consent_id = await world.authorised()
    one, two = (from_text(Kind.ACCOUNT, each["id"], Environment.TEST) for each in await accounts_of(world, consent_id))
    world.bank.entries = [entry(number) for number in range(5)]
    cursor = (await entries(world, one))["next_cursor"]
    assert isinstance(cursor, str)
    for account_id, sent in ((two, cursor), (one, cursor[:-2] + "AA"), (one, "x"), (one, "AAAA" * 30)):
        with pytest.raises(Invalid) as refused:
            await entries(world, account_id, sent)
        assert refused.value.errors[0].code == "cursor_invalid"


async def test_access_is_got_anew_once(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """Access that ends is refreshed before it is used, by one of all who read at that moment."""
    world = await make_accounts_world(database, vault, clock)
    account_id = await first_account(world)
    clock.advance(280)
    told = await gathered(*(balances(world, account_id, payer=PRESENT) for _ in range(6)))
    assert not [each for each in told if isinstance(each, Exception)]
    assert world.bank.calls.count("refresh") == 1


async def test_a_refresh_that_got_lost_is_tried_again(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """The bank may have taken the token: then it refuses it, and the consent is over, at the bank too."""
    world = await make_accounts_world(database, vault, clock)
    account_id = await first_account(world)
    clock.advance(300)
    world.bank.then(["lost_before"])
    with pytest.raises(Unavailable):
        await balances(world, account_id)
    assert (await balances(world, account_id))["from_cache"] is False
    clock.advance(300)
    world.bank.then(["lost_after"])
    with pytest.raises(Unavailable):
        await balances(world, account_id)
    with pytest.raises(Conflict) as refused:
        await balances(world, account_id)
    assert refused.value.problem_code == "consent_not_authorised"
    await world.sweep(1)
    assert (world.bank.alive(), await world.event_types()) == ([], ["consent.authorised", "consent.expired"])


async def test_a_holder_who_ends_it_at_the_bank_is_heard(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """A read that the bank refuses makes us ask how the consent stands; nothing is read under it afterwards."""
    world = await make_accounts_world(database, vault, clock)
    account_id = await first_account(world)
    await balances(world, account_id)
    world.bank.alive()[0].status = world.bank.alive()[0].status.REVOKED
    with pytest.raises(Unavailable):
        await balances(world, account_id)
    await world.sweep(1)
    with pytest.raises(Conflict):
        await balances(world, account_id, Freshness(max_age=86_400))
    assert await world.event_types() == ["consent.authorised", "consent.revoked"]
    kept = await database.fetchval("SELECT count(*) FROM consent_accounts WHERE sealed_balances IS NOT NULL")
    assert kept == 0


async def test_a_slow_bank_holds_its_own_places_only(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """At most so many reads are at a bank at once; the others are told so after their wait."""
    policy = AccountsPolicy(reads_per_bank_max=2, read_wait_seconds=0.2)
    world = await make_accounts_world(database, vault, clock, policy=policy)
    account_id = await first_account(world)
    world.bank.then(["hang"] * 2)
    reading = [asyncio.create_task(balances(world, account_id, payer=PRESENT)) for _ in range(2)]
    while world.bank.running < 2:  # noqa: ASYNC110 - the bank has no other sign
        await asyncio.sleep(0.01)
    with pytest.raises(Unavailable):
        await balances(world, account_id, payer=PRESENT)
    world.bank.gate.set()
    await asyncio.gather(*reading)
    assert world.bank.running_max == 2


async def test_accounts_of_others_are_not_found(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """Neither another partner nor the other environment reads an account, a consent's list, or what is kept."""
    world, other = await make_accounts_world(database, vault, clock), await make_accounts_world(database, vault, clock)
    consent_id = await world.authorised()
    shown = await accounts_of(world, consent_id)
    account_id = from_text(Kind.ACCOUNT, shown[0]["id"], Environment.TEST)
    for tenant in (other.tenant, Tenant(world.tenant.partner_id, Environment.LIVE)):
        with pytest.raises(NotFound):
            await world.accounts.balances(tenant, account_id, MINUTE, None)
        with pytest.raises(NotFound):
            await world.accounts.transactions(tenant, account_id, Wanted(booked_from=date(2026, 1, 1)), None)
        with pytest.raises(NotFound):
            await world.accounts.accounts(tenant, AccountFilter(limit=5, consent_id=consent_id), None)
        assert (await world.accounts.accounts(tenant, AccountFilter(limit=5), None)).data == []


async def test_nothing_is_read_without_a_consent_in_force(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """Neither before it is authorised nor after its end, not even from what is kept."""
    world = await make_accounts_world(database, vault, clock)
    waiting = (await world.ask()).consent.id
    with pytest.raises(Conflict):
        await accounts_of(world, waiting)
    account_id = await first_account(world)
    await balances(world, account_id)
    row = await database.fetchrow("SELECT consent_id FROM consent_accounts WHERE id = $1", account_id)
    assert row is not None
    await world.accounts.end_consent(world.caller, row["consent_id"])
    assert await world.status(row["consent_id"]) is ConsentState.REVOKED
    with pytest.raises(Conflict):
        await balances(world, account_id, Freshness(max_age=86_400))


def entry(number: int) -> dict[str, Any]:
    """An entry in the bank's books."""
    return {"id": f"T-{number}", "currency": "GBP", "value": 100 + number, "credit": True, "text": f"entry {number}"}


async def test_a_list_that_does_not_end_is_not_believed(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """A part of a bank's pages is never taken for the whole: accounts that are known are not forgotten for it."""
    world = await make_accounts_world(database, vault, clock)
    consent_id = await world.authorised()
    known = await accounts_of(world, consent_id, PRESENT)
    assert known
    clock.advance(2 * 86_400)
    world.bank.then(["ok", *["endless"] * 20])  # First new access.
    assert [each["id"] for each in await accounts_of(world, consent_id, PRESENT)] == [each["id"] for each in known]
    assert world.bank.script == []
