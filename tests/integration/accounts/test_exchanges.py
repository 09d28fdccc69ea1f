"""What banks said about consents is kept for whoever is on call, and nothing that opens something."""

from typing import Any
from uuid import UUID

import orjson

from accounts.calls.inquiries import open_grant
from accounts.consents import ledger
from accounts.consents.rows import ConsentRef
from accounts.consents.states import ConsentState
from accounts.reading.book import AccountFilter
from accounts.reading.reader import Freshness, Wanted
from kernel.ids import NIL, Environment, Kind, from_text
from kernel.sealing import Vault
from tests.support.accounts_world import AccountsWorld, make_accounts_world, restarted
from tests.support.browser import APPROVE
from tests.support.clock import FakeClock
from tests.support.real_accounts import PRESENT, Real, Start, each_bank, opened

Pool = "asyncpg.Pool[asyncpg.Record]"


async def _told(accounts: Any, consent_id: Any) -> list[Any]:
    return list(await accounts.exchanges(Environment.TEST, consent_id, None, 100))[::-1]


async def _lived(real: Real) -> tuple[Any, list[str]]:
    """A consent with every kind of read, and what must stand in no exchange of it."""
    tenant, consent = real.world.tenant, await real.ask()
    await real.decided(consent, APPROVE)
    listed = await real.accounts.accounts(tenant, AccountFilter(limit=9, consent_id=consent.id), PRESENT)
    account_id = from_text(Kind.ACCOUNT, listed.data[0]["id"], Environment.TEST)
    balances = await real.accounts.balances(tenant, account_id, Freshness(max_age=60), PRESENT)
    await real.accounts.transactions(tenant, account_id, Wanted(), PRESENT)
    secret = await _access(real, consent.id)
    await real.accounts.end_consent(real.caller, consent.id)
    assert balances["data"]
    return consent, [
        *secret,
        consent.authorisation["url"],
        "203.0.113.7",
        "Mozilla",
        "alanceAmount",
        "Bearer ",
        "code=ey",
    ]


async def _access(real: Real, consent_id: UUID) -> list[str]:
    """The tokens that the bank gave, where it gives any."""
    row = await ledger.find(real.tools, ConsentRef(partner_id=real.world.tenant.partner_id, consent_id=consent_id))
    assert row is not None
    grant = await open_grant(real.tools, row)
    if grant is None:
        return []
    return [each.reveal() for each in (grant.access_token, grant.refresh_token) if each is not None]


@each_bank
async def test_an_admin_reads_what_the_bank_said_and_no_more(
    database: Pool, vault: Vault, clock: FakeClock, protocol: str, start: Start
) -> None:
    """Every call with both heads; no access, no address of a person, no entry of an account."""
    async with opened(database, vault, clock, (protocol, start)) as real:
        consent, secret = await _lived(real)
        told = await _told(real.accounts, consent.id)
    by_kind = {each.kind: each.exchange for each in told}
    assert {"consent", "accounts", "balances", "transactions", "consent_end"} <= by_kind.keys()
    assert all(each.outcome == "answered" and each.exchange.head["path"] for each in told)
    text = b"\n".join(each.exchange.to_bytes() for each in told).decode()
    assert not [word for word in secret if word in text]
    assert orjson.loads(by_kind["consent"].reply_body)


async def test_what_was_said_when_a_consent_failed_is_found(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """The call that failed stands there with its outcome, also where no answer came."""
    world = await make_accounts_world(database, vault, clock)
    world.bank.then(["lost_after", "never_left", "refuse"])
    consent_id = (await world.ask()).consent.id
    await world.settled(consent_id, rounds=3)
    assert await world.status(consent_id) is ConsentState.REJECTED
    told = await _told(world.accounts, consent_id)
    assert [(each.kind, each.outcome) for each in told] == [
        ("consent", "unknown"),
        ("consent", "never_left"),
        ("consent", "answered"),
    ]


async def test_a_refused_refresh_is_told(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """Why a bank gave no access any more is answered by its own words."""
    world = await make_accounts_world(database, vault, clock)
    consent_id = await world.authorised()
    clock.advance(400)
    world.bank.then(["refuse"])
    tenant = world.tenant
    listing = world.accounts.accounts(tenant, AccountFilter(limit=5, consent_id=consent_id), None)
    assert type(await _raised(listing)).__name__ == "Conflict"
    assert await world.status(consent_id) is ConsentState.EXPIRED
    assert [each.kind for each in await _told(world.accounts, consent_id)][-1] == "refresh"


async def _raised(call: Any) -> BaseException | None:
    try:
        await call
    except Exception as error:  # noqa: BLE001 - it is looked at
        return error
    return None


async def test_exchanges_end_with_the_merchants_key(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """Erased data cannot be read here either; that there was a call remains."""
    world = await make_accounts_world(database, vault, clock)
    consent_id = await world.authorised()
    await vault.destroy(world.tenant.partner_id, world.merchant_id)
    told = await _told(restarted(world).accounts, consent_id)
    assert [each.kind for each in told] == ["consent", "authorise"]
    assert [each.exchange for each in told] == [None, None]


async def test_exchanges_are_paged_and_of_one_consent(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """Newest first, after a cursor; another consent's never appear."""
    world = await make_accounts_world(database, vault, clock)
    first, second = await _two(world)
    page = await world.accounts.exchanges(Environment.TEST, first, None, 1)
    rest = await world.accounts.exchanges(Environment.TEST, first, page[-1].id, 5)
    ids = [each.id for each in (*page, *rest)]
    assert ids == sorted(ids, reverse=True)
    others = {each.id for each in await _told(world.accounts, second)}
    assert others
    assert not others & set(ids)
    assert type(await _raised(world.accounts.exchanges(Environment.LIVE, first, None, 5))).__name__ == "NotFound"
    assert type(await _raised(world.accounts.exchanges(Environment.TEST, NIL, None, 5))).__name__ == "NotFound"


async def _two(world: AccountsWorld) -> tuple[Any, Any]:
    first = await world.authorised()
    return first, (await world.ask()).consent.id
