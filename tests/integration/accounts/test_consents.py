"""A consent from its wish to its end: asked once, authorised once, told once, and ended at the bank too."""

import asyncio
from datetime import timedelta

import pytest

from accounts.calls.returning import Return
from accounts.consents.states import ConsentState
from accounts.policy import AccountsPolicy
from kernel.errors import Conflict, Invalid, NotFound
from kernel.ids import Environment, Tenant, new_id
from kernel.masked import Secret
from kernel.sealing import Vault
from tests.support.accounts_world import gathered, make_accounts_world
from tests.support.clock import FakeClock

Pool = "asyncpg.Pool[asyncpg.Record]"


async def test_a_consent_is_asked_authorised_and_told(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """The bank is asked before the answer, the holder's code brings access once, and merchants hear of it."""
    world = await make_accounts_world(database, vault, clock)
    asked = await world.ask()
    assert (asked.status_code, asked.consent.status) == (201, ConsentState.AWAITING_AUTHORISATION)
    assert asked.consent.authorisation is not None
    assert "authorise?consent=bc-1" in asked.consent.authorisation["url"]
    returned = await world.come_back(asked.consent.id, world.bank.authorise("bc-1"))
    assert returned is not None
    assert returned.consent.status is ConsentState.AUTHORISED
    assert returned.return_url.reveal() == "https://shop.example.com/linked"
    assert (await world.view(asked.consent.id)).authorisation is None
    assert await world.event_types() == ["consent.authorised"]
    assert world.bank.calls == ["consent", "authorise"]


async def test_where_no_code_is_brought_the_bank_is_asked(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """The authorisation is begun, and its end is learnt from the bank, also when nobody comes back."""
    world = await make_accounts_world(database, vault, clock, codes=False)
    consent_id = (await world.ask()).consent.id
    awaited = (await world.view(consent_id)).authorisation
    assert awaited is not None
    assert (awaited["url"], awaited["method"]) == ("https://bank.example.com/begun?consent=bc-1", "redirect")
    await world.sweep(3)
    assert await world.status(consent_id) is ConsentState.AWAITING_AUTHORISATION
    world.bank.authorise("bc-1")
    await world.sweep(60)
    assert await world.status(consent_id) is ConsentState.AUTHORISED
    other = await world.authorised()
    assert other != consent_id


async def test_a_return_counts_once(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """Two browsers at once, and one again with another code, find the first one's work and hear the same."""
    world = await make_accounts_world(database, vault, clock)
    consent_id = (await world.ask()).consent.id
    code = world.bank.authorise("bc-1")
    told = await gathered(*(world.come_back(consent_id, code) for _ in range(5)))
    assert {each.consent.status for each in told} == {ConsentState.AUTHORISED}
    again = await world.come_back(consent_id, "another")
    assert again is not None
    assert again.consent.status is ConsentState.AUTHORISED
    refused = await world.come_back(consent_id, refused=True)
    assert refused is not None
    assert refused.consent.status is ConsentState.AUTHORISED
    assert world.bank.calls.count("authorise") == 1
    assert await world.event_types() == ["consent.authorised"]


async def test_a_refusal_that_a_browser_brings_ends_it(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """The holder's no is ours to believe before access was given, and the bank hears of it."""
    world = await make_accounts_world(database, vault, clock)
    consent_id = (await world.ask()).consent.id
    returned = await world.come_back(consent_id, refused=True)
    assert returned is not None
    view = await world.view(consent_id)
    assert (view.status, view.reason) == (ConsentState.REJECTED, "holder_refused")
    assert world.bank.calls == ["consent", "consent_end"]
    assert await world.event_types() == ["consent.rejected"]


async def test_an_unknown_state_is_nobodys(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """A state finds its consent only at the bank that it was made for."""
    world = await make_accounts_world(database, vault, clock)
    consent_id = (await world.ask()).consent.id
    assert await world.accounts.returned(world.payments.bank.id, Return(state=Secret("guessed"))) is None
    state = await world.state_of(consent_id)
    assert await world.accounts.returned("other-bank", Return(state=state)) is None


async def test_a_burnt_code_ends_the_consent(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """A code whose exchange got lost is not sent again: the consent expires, and is ended at the bank."""
    for step in ("lost_before", "lost_after", "garbage", "refuse"):
        world = await make_accounts_world(database, vault, clock)
        consent_id = (await world.ask()).consent.id
        code = world.bank.authorise(await world.at_bank(consent_id))
        world.bank.then([step])
        await world.come_back(consent_id, code)
        view = await world.view(consent_id)
        assert (view.status, view.reason in {"code_burnt", "code_refused"}) == (ConsentState.EXPIRED, True), step
        assert world.bank.calls == ["consent", "authorise", "consent_end"]
        assert world.bank.alive() == []
        assert await world.event_types() == ["consent.expired"]


async def test_a_code_that_never_left_is_sent_again(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """Our own transport proves that the bank has not seen it."""
    world = await make_accounts_world(database, vault, clock)
    consent_id = (await world.ask()).consent.id
    world.bank.then(["never_left"])
    await world.come_back(consent_id, world.bank.authorise("bc-1"))
    assert await world.status(consent_id) is ConsentState.AWAITING_AUTHORISATION
    await world.sweep(10)
    assert await world.status(consent_id) is ConsentState.AUTHORISED


async def test_a_lost_answer_costs_another_consent(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """What the bank may have made is never authorised; another is asked for, and the holder is sent to that."""
    world = await make_accounts_world(database, vault, clock)
    world.bank.then(["lost_after"])
    asked = await world.ask()
    assert (asked.status_code, asked.consent.status) == (202, ConsentState.CREATED)
    await world.sweep(2)
    assert await world.status(asked.consent.id) is ConsentState.AWAITING_AUTHORISATION
    assert await world.at_bank(asked.consent.id) == "bc-2"


async def test_a_bank_that_refuses_rejects(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """An explicit refusal ends the consent; there is nothing to end at the bank."""
    world = await make_accounts_world(database, vault, clock)
    world.bank.then(["refuse"])
    asked = await world.ask()
    assert (asked.consent.status, asked.consent.reason) == (ConsentState.REJECTED, "bank_refused")
    assert world.bank.calls == ["consent"]


async def test_nobody_authorises_and_it_expires(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """A holder is waited for an hour; then the bank is told too. A late return finds it over."""
    world = await make_accounts_world(database, vault, clock)
    consent_id = (await world.ask()).consent.id
    await world.sweep(3)
    await world.sweep(3_590)
    assert await world.status(consent_id) is ConsentState.AWAITING_AUTHORISATION
    await world.sweep(10)
    assert await world.status(consent_id) is ConsentState.EXPIRED
    assert world.bank.calls == ["consent", "consent_end"]
    late = await world.come_back(consent_id, "late")
    assert late is not None
    assert late.consent.status is ConsentState.EXPIRED


async def test_a_consent_ends_with_its_time(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """At valid_until it is expired by itself, and merchants hear of it."""
    world = await make_accounts_world(database, vault, clock)
    consent_id = (await world.ask(valid_until=clock.now() + timedelta(days=2))).consent.id
    await world.come_back(consent_id, world.bank.authorise("bc-1"))
    await world.sweep(2 * 86_400 + 1)
    assert await world.status(consent_id) is ConsentState.EXPIRED
    assert await world.event_types() == ["consent.authorised", "consent.expired"]


async def test_the_bank_is_told_of_the_end_until_it_hears(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """An end holds at once; the bank is told again and again, and once heard no more."""
    world = await make_accounts_world(database, vault, clock)
    consent_id = await world.authorised()
    world.bank.then(["never_left", "lost_before", "garbage", "refuse"])
    await world.accounts.end_consent(world.caller, consent_id)
    assert await world.status(consent_id) is ConsentState.REVOKED
    assert len(world.bank.alive()) == 1
    await world.settled(consent_id, rounds=8, seconds=3_600)
    assert world.bank.alive() == []
    assert world.bank.calls.count("consent_end") == 5
    await world.accounts.end_consent(world.caller, consent_id)
    assert world.bank.calls.count("consent_end") == 5
    assert await world.event_types() == ["consent.authorised", "consent.revoked"]
    actions = await database.fetch("SELECT action, detail FROM audit_log WHERE action LIKE 'consent.%' ORDER BY at, id")
    assert [row["action"] for row in actions] == ["consent.created", "consent.revoked"]


async def test_an_end_while_a_call_is_under_way_is_heard_after_it(
    database: Pool, vault: Vault, clock: FakeClock
) -> None:
    """What the bank makes after the end is ended there too."""
    world = await make_accounts_world(database, vault, clock)
    world.bank.then(["hang"])
    asking = asyncio.create_task(world.ask())
    while not world.bank.running:  # noqa: ASYNC110 - the bank has no other sign
        await asyncio.sleep(0.01)
    consent_id = await database.fetchval(
        "SELECT id FROM account_consents WHERE partner_id = $1", world.tenant.partner_id
    )
    ending = asyncio.create_task(world.accounts.end_consent(world.caller, consent_id))
    await asyncio.sleep(0.1)
    assert await world.status(consent_id) is ConsentState.REVOKED
    world.bank.gate.set()
    await asyncio.gather(asking, ending)
    await world.settled(consent_id, rounds=2)
    assert [each.status for each in world.bank.consents.values()] == ["revoked"]


async def test_one_key_is_one_consent(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """Twins get one consent; the key with another body, or of a payment, is refused."""
    world = await make_accounts_world(database, vault, clock)
    until = world.clock.now() + timedelta(days=30)
    twins = await gathered(*(world.ask("twin", valid_until=until) for _ in range(4)))
    assert len({each.consent.id for each in twins}) == 1
    assert sorted(each.repeated for each in twins) == [False, True, True, True]
    assert world.bank.calls == ["consent"]
    with pytest.raises(Conflict) as refused:
        await world.ask("twin")
    assert refused.value.problem_code == "idempotency_key_reused"


async def test_a_repeat_is_answered_whatever_has_become_of_its_terms(
    database: Pool, vault: Vault, clock: FakeClock
) -> None:
    """What was valid when the key was bound stays answered: no time that passes makes a new consent of it."""
    world = await make_accounts_world(database, vault, clock)
    terms = {"key": "key-1", "valid_until": clock.now() + timedelta(hours=1)}
    first = await world.ask(**terms)
    clock.advance(2 * 3_600)
    again = await world.ask(**terms)
    assert (again.repeated, again.consent.id) == (True, first.consent.id)
    with pytest.raises(Invalid):
        await world.ask(**{**terms, "key": "key-2"})
    with pytest.raises(Conflict):
        await world.ask(**{**terms, "valid_until": clock.now()})
    await world.payments.pay("paid")
    with pytest.raises(Conflict):
        await world.ask("paid")


async def test_what_is_wrong_with_a_wish_is_told(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """Every wrong field is named, and nothing is written or asked."""
    world = await make_accounts_world(database, vault, clock)
    for changes, pointers in (
        ({"bank_id": "nowhere", "valid_until": clock.now()}, ["/valid_until", "/bank_id"]),
        ({"valid_until": clock.now() + timedelta(days=181)}, ["/valid_until"]),
        ({"merchant_id": new_id(clock.now())}, ["/merchant_id"]),
    ):
        with pytest.raises(Invalid) as refused:
            await world.ask(**changes)
        assert [error.pointer for error in refused.value.errors] == pointers
    await database.execute("UPDATE merchants SET state = 'suspended' WHERE id = $1", world.merchant_id)
    with pytest.raises(Invalid) as refused:
        await world.ask()
    assert refused.value.errors[0].code == "suspended"
    assert world.bank.calls == []
    assert (
        await database.fetchval("SELECT count(*) FROM account_consents WHERE partner_id = $1", world.tenant.partner_id)
        == 0
    )


async def test_consents_of_others_are_not_found(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """Neither another partner nor the other environment reaches a consent, to read it or to end it."""
    world, other = await make_accounts_world(database, vault, clock), await make_accounts_world(database, vault, clock)
    consent_id = await world.authorised()
    for tenant in (other.tenant, Tenant(world.tenant.partner_id, Environment.LIVE)):
        with pytest.raises(NotFound):
            await world.accounts.consent(tenant, consent_id)
    with pytest.raises(NotFound):
        await other.accounts.end_consent(other.caller, consent_id)
    assert await world.status(consent_id) is ConsentState.AUTHORISED


async def test_a_suspended_bank_is_not_asked(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """A wish waits for it, and goes on when it is back."""
    world = await make_accounts_world(database, vault, clock)
    await database.execute("UPDATE banks SET state = 'suspended' WHERE id = $1", world.payments.bank.id)
    clock.advance(2)
    asked = await world.ask()
    assert (asked.status_code, world.bank.calls) == (202, [])
    await database.execute("UPDATE banks SET state = 'active' WHERE id = $1", world.payments.bank.id)
    await world.sweep(31)
    assert await world.status(asked.consent.id) is ConsentState.AWAITING_AUTHORISATION


async def test_returning_holders_cannot_fill_a_process(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """Of those who come back from a bank that hangs, some wait; the others are sent on at once, and all are linked."""
    policy = AccountsPolicy(waiting_per_bank_max=2, return_wait_seconds=5, ask_wait_seconds=5)
    world = await make_accounts_world(database, vault, clock, policy=policy)
    asked = [(await world.ask()).consent.id for _ in range(5)]
    codes = [world.bank.authorise(await world.at_bank(each)) for each in asked]
    world.bank.then(["hang"] * 5)
    backs = [asyncio.create_task(world.come_back(*each)) for each in zip(asked, codes, strict=True)]
    done, waiting = await asyncio.wait(backs, timeout=2)
    assert (len(done), len(waiting), world.accounts.waiting) == (3, 2, 2)
    assert {each.result().consent.status for each in done} == {ConsentState.AWAITING_AUTHORISATION}
    world.bank.gate.set()
    await asyncio.wait(waiting)
    await world.accounts.settle()
    assert {await world.status(each) for each in asked} == {ConsentState.AUTHORISED}
    assert world.accounts.waiting == 0
