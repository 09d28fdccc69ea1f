"""Banks' tokens in PostgreSQL: one process asks, all use the answer, and what is refused is thrown away once."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from adapters.engine.credentials import NoToken, Token, TokenPlace
from kernel.ids import NIL
from kernel.masked import Secret
from kernel.sealing import Vault
from payments.banks.tokens import StoredTokens, token_context
from tests.support.clock import FakeClock

PLACE = TokenPlace(bank_id="example-bank", version=1, scope="payments")
SECONDS_MAX = 1.0
Pool = asyncpg.Pool


class Bank:
    """Gives numbered tokens for five minutes; while `held` it does not answer."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.asked = 0
        self.refuses = False
        self.answering = asyncio.Event()
        self.answering.set()

    async def give(self) -> Token:
        """The next token. Raises NoToken while it refuses."""
        self.asked += 1
        number = self.asked
        await self.answering.wait()
        if self.refuses:
            raise NoToken
        return Token(value=Secret(f"token-{number}"), usable_until=self.clock.now() + timedelta(seconds=300))


@pytest.fixture
def bank(clock: FakeClock) -> Bank:
    """A bank that answers."""
    return Bank(clock)


@pytest.fixture
def process(database: "Pool[asyncpg.Record]", vault: Vault, clock: FakeClock) -> Callable[[], StoredTokens]:
    """Another process's store at each call."""
    return lambda: StoredTokens(database, vault, clock)


async def got(store: StoredTokens, bank: Bank, place: TokenPlace = PLACE) -> str:
    return (await store.get(place, bank.give, SECONDS_MAX)).value.reveal()


async def test_many_processes_ask_the_bank_once(process: Callable[[], StoredTokens], bank: Bank) -> None:
    """Whoever locks the row asks; the others wait and use what was committed."""
    assert set(await asyncio.gather(*(got(process(), bank) for _ in range(8)))) == {"token-1"}
    assert bank.asked == 1


async def test_a_token_is_committed_sealed_before_it_is_used(
    process: Callable[[], StoredTokens], bank: Bank, database: "Pool[asyncpg.Record]", vault: Vault
) -> None:
    """What a caller holds stands in the table, and not in clear."""
    token = await got(process(), bank)
    row = await database.fetchrow("SELECT * FROM bank_tokens")
    assert row is not None
    assert await vault.open(NIL, row["sealed_token"], token_context("example-bank", 1, "payments")) == token.encode()
    assert token not in str(dict(row))


async def test_what_cannot_be_committed_is_not_used(
    process: Callable[[], StoredTokens], bank: Bank, database: "Pool[asyncpg.Record]"
) -> None:
    """If the table refuses the token, the caller has none."""
    await database.execute("ALTER TABLE bank_tokens ADD CHECK (sealed_token IS NULL)")
    with pytest.raises(NoToken):
        await got(process(), bank)


async def test_each_scope_and_each_version_has_its_own(process: Callable[[], StoredTokens], bank: Bank) -> None:
    """Tokens of replaced settings are dropped when the new settings' first one is kept."""
    store = process()
    names = [await got(store, bank, place) for place in (PLACE, replace(PLACE, scope="accounts"), PLACE)]
    assert names == ["token-1", "token-2", "token-1"]
    assert await got(store, bank, replace(PLACE, version=2)) == "token-3"
    assert await got(process(), bank) == "token-4"


async def test_a_token_is_fetched_anew_when_it_is_nearly_over(
    process: Callable[[], StoredTokens], bank: Bank, clock: FakeClock
) -> None:
    """It is used until its margin and not after."""
    store = process()
    await got(store, bank)
    clock.advance(299)
    assert await got(store, bank) == "token-1"
    clock.advance(1)
    assert await asyncio.gather(got(store, bank), got(process(), bank)) == ["token-2", "token-2"]


async def test_a_refused_token_is_thrown_away_once_for_all(
    process: Callable[[], StoredTokens], bank: Bank, clock: FakeClock
) -> None:
    """Of many processes that are refused, one throws the token away; a second one within a minute is kept."""
    stores = [process() for _ in range(5)]
    first = [await store.get(PLACE, bank.give, SECONDS_MAX) for store in stores]
    for store, token in zip(stores, first, strict=True):
        await store.forget(PLACE, token)
        assert await got(store, bank) == "token-2"
    for store in stores:
        await store.forget(PLACE, await store.get(PLACE, bank.give, SECONDS_MAX))
        assert await got(store, bank) == "token-2"
    clock.advance(60)
    await stores[0].forget(PLACE, await stores[0].get(PLACE, bank.give, SECONDS_MAX))
    assert await got(stores[0], bank) == "token-3"


async def test_the_end_of_a_refresher_is_not_waited_for_long(
    process: Callable[[], StoredTokens], bank: Bank, clock: FakeClock, database: "Pool[asyncpg.Record]"
) -> None:
    """A process that died while it asked holds the row until its lock ends, and then another one asks."""
    await database.execute(
        "INSERT INTO bank_tokens (bank_id, version, scope, refresher, refreshing_until)"
        " VALUES ('example-bank', 1, 'payments', gen_random_uuid(), $1)",
        clock.now() + timedelta(seconds=6),
    )
    waiting = asyncio.create_task(got(process(), bank))
    await asyncio.sleep(0.3)
    assert not bank.asked
    clock.advance(6)
    assert await waiting == "token-1"


async def test_a_late_refresher_does_not_use_what_it_could_not_keep(
    process: Callable[[], StoredTokens], bank: Bank, clock: FakeClock
) -> None:
    """Whose lock ended meanwhile uses the token of the one that took over."""
    bank.answering.clear()
    late = asyncio.create_task(got(process(), bank))
    while not bank.asked:  # noqa: ASYNC110 - the store has no event for it
        await asyncio.sleep(0.01)
    clock.advance(7)
    second = asyncio.create_task(got(process(), bank))
    while bank.asked < 2:  # noqa: ASYNC110 - the store has no event for it
        await asyncio.sleep(0.01)
    bank.answering.set()
    assert await asyncio.gather(late, second) == ["token-2", "token-2"]


async def test_a_bank_that_gives_nothing_leaves_the_row_free(process: Callable[[], StoredTokens], bank: Bank) -> None:
    """After a refusal the next caller may ask at once."""
    bank.refuses = True
    with pytest.raises(NoToken):
        await got(process(), bank)
    bank.refuses = False
    assert await got(process(), bank) == "token-2"


async def test_a_token_that_does_not_open_is_fetched_anew(
    process: Callable[[], StoredTokens], bank: Bank, database: "Pool[asyncpg.Record]"
) -> None:
    """A broken seal costs one call for a token."""
    await got(process(), bank)
    await database.execute("UPDATE bank_tokens SET sealed_token = 'broken'")
    assert await got(process(), bank) == "token-2"


async def test_without_the_database_there_is_no_token(
    database_url: str, vault: Vault, clock: FakeClock, bank: Bank
) -> None:
    """A store that cannot be reached says so in the port's words, and forgetting does not fail."""
    pool = await asyncpg.create_pool(database_url, min_size=0, max_size=1)
    await pool.close()
    store = StoredTokens(pool, vault, clock)
    with pytest.raises(NoToken):
        await got(store, bank)
    await store.forget(PLACE, Token(value=Secret("t"), usable_until=clock.now()))
    assert not bank.asked
