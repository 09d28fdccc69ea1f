"""What banks tell of consents by themselves ends them, or has the bank asked, and nothing more."""

from accounts.calls.hints import HintedConsents
from accounts.consents.states import ConsentState
from kernel.sealing import Vault
from tests.support.accounts_world import AccountsWorld, gathered, make_accounts_world
from tests.support.clock import FakeClock

Pool = "asyncpg.Pool[asyncpg.Record]"


async def _heed(world: AccountsWorld, bank_consent_id: str, *, ended: bool) -> bool:
    return await HintedConsents(world.tools).heed(world.payments.bank.id, bank_consent_id, ended=ended)


async def test_access_that_its_holder_took_back_is_over(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """Told by the bank, once and to merchants too; the consent that the bank still has is ended there."""
    world = await make_accounts_world(database, vault, clock)
    consent_id = await world.authorised()
    bank_id = await world.at_bank(consent_id)
    told = await gathered(*(_heed(world, bank_id, ended=True) for _ in range(3)))
    assert sorted(told) == [False, False, True]
    view = await world.view(consent_id)
    assert (view.status, view.reason) == (ConsentState.REVOKED, "holder_revoked")
    assert await world.event_types() == ["consent.authorised", "consent.revoked"]
    await world.sweep()
    assert world.bank.calls[-1] == "consent_end"
    assert await _heed(world, bank_id, ended=True) is False


async def test_a_consent_that_changed_is_asked_about(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """The hint ends nothing by itself: the bank says how the consent stands."""
    world = await make_accounts_world(database, vault, clock)
    consent_id = await world.authorised()
    assert await _heed(world, await world.at_bank(consent_id), ended=False)
    assert await world.status(consent_id) is ConsentState.AUTHORISED
    assert await world.sweep() == 1
    assert world.bank.calls[-1] == "consent_status"
    assert await world.status(consent_id) is ConsentState.AUTHORISED
    assert await world.sweep(60) == 0


async def test_a_hint_about_nobodys_consent_finds_none(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """Another id, and the same id at another bank."""
    world = await make_accounts_world(database, vault, clock)
    consent_id = await world.authorised()
    assert await _heed(world, "of-nobody", ended=True) is False
    at_bank = await world.at_bank(consent_id)
    assert await HintedConsents(world.tools).heed("another-bank", at_bank, ended=True) is False
    assert await world.status(consent_id) is ConsentState.AUTHORISED


async def test_a_consent_that_waits_for_its_holder_can_be_taken_back(
    database: Pool, vault: Vault, clock: FakeClock
) -> None:
    """What only changed meanwhile is of no interest: its holder brings the code, or does not."""
    world = await make_accounts_world(database, vault, clock)
    consent_id = (await world.ask()).consent.id
    bank_id = await world.at_bank(consent_id)
    assert await _heed(world, bank_id, ended=False)
    assert await world.sweep() == 0
    assert await _heed(world, bank_id, ended=True)
    assert await world.status(consent_id) is ConsentState.REVOKED
