import asyncio
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import asyncpg
import pytest

from kernel.ids import NIL
from kernel.sealing import ERASED, KeyDestroyed, KeyEncryptionKeyMissing, SealBroken, Vault, VaultPolicy
from tests.support.clock import FakeClock
from tests.support.keys import StaticKeys

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
PARTNER, MERCHANT = UUID(int=1), UUID(int=2)
CONTEXT = b"events.body:"


async def test_what_is_sealed_opens(vault: Vault) -> None:
    """Sealed bytes open to what they were, whatever they were, and never show it."""
    key = await vault.data_key(PARTNER, MERCHANT)
    for plaintext in (b"", b"plain words", bytes(range(256)) * 100):
        sealed = vault.seal(key, plaintext, CONTEXT)
        assert await vault.open(PARTNER, sealed, CONTEXT) == plaintext
        assert not plaintext or plaintext not in sealed
    assert vault.seal(key, b"same", CONTEXT) != vault.seal(key, b"same", CONTEXT)
    assert "secret" not in repr(key)


async def test_what_was_changed_or_moved_does_not_open(vault: Vault) -> None:
    """A flipped bit anywhere, another context, another partner or a cut value is refused, and nothing leaks out."""
    sealed = vault.seal(await vault.data_key(PARTNER, MERCHANT), b"the body", CONTEXT)
    altered = [sealed[:n] + bytes([sealed[n] ^ 1]) + sealed[n + 1 :] for n in range(len(sealed))]
    outcomes = await vault.open_each(
        [(PARTNER, value, CONTEXT) for value in (*altered, sealed[:-1], sealed[:20], b"")]
        + [(PARTNER, sealed, b"payments.terms:"), (UUID(int=9), sealed, CONTEXT)]
    )
    assert {type(outcome) for outcome in outcomes} == {SealBroken}
    with pytest.raises(SealBroken):
        await vault.open(PARTNER, altered[-1], CONTEXT)


async def test_an_erased_value_says_so(vault: Vault) -> None:
    """What was overwritten on purpose is told from what is broken, as one whose key was destroyed."""
    with pytest.raises(KeyDestroyed):
        await vault.open(PARTNER, ERASED, CONTEXT)


async def test_many_open_in_order_with_one_query(vault: Vault) -> None:
    """Values of many owners come back in the order they were given."""
    owners = [(PARTNER, uuid4()) for _ in range(30)]
    keys = await vault.data_keys(owners)
    sealed = [(PARTNER, vault.seal(keys[owner], str(n).encode(), CONTEXT), CONTEXT) for n, owner in enumerate(owners)]
    assert await vault.open_many(sealed) == [str(n).encode() for n in range(30)]


async def test_owners_have_keys_of_their_own(vault: Vault, database: Pool) -> None:
    """A merchant, its partner and the installation each have one data key, and keep it."""
    owners = [(PARTNER, MERCHANT), (PARTNER, NIL), (NIL, NIL)]
    keys = [await vault.data_key(*owner) for owner in owners]
    assert len({key.id for key in keys}) == 3
    assert [(await vault.data_key(*owner)).id for owner in owners] == [key.id for key in keys]
    assert await database.fetchval("SELECT count(*) FROM data_keys") == 3


async def test_processes_that_make_a_key_at_once_agree(database: Pool, clock: FakeClock) -> None:
    """Twenty processes that need the first key of an owner end with one and the same."""
    vaults = [Vault(database, StaticKeys(), clock) for _ in range(20)]
    keys = await asyncio.gather(*(vault.data_key(PARTNER, MERCHANT) for vault in vaults))
    assert len({key.id for key in keys}) == 1
    sealed = vaults[0].seal(keys[0], b"from one", CONTEXT)
    assert await vaults[19].open(PARTNER, sealed, CONTEXT) == b"from one"


async def test_a_destroyed_key_erases_its_values(database: Pool, clock: FakeClock) -> None:
    """Once its key is destroyed a value opens nowhere within a minute; all others do, and new ones can be made."""
    here, elsewhere = Vault(database, StaticKeys(), clock), Vault(database, StaticKeys(), clock)
    sealed = here.seal(await here.data_key(PARTNER, MERCHANT), b"to be erased", CONTEXT)
    kept = here.seal(await here.data_key(PARTNER), b"kept", CONTEXT)
    assert await elsewhere.open(PARTNER, sealed, CONTEXT) == b"to be erased"
    assert await here.destroy(PARTNER, MERCHANT) is True
    assert await here.destroy(PARTNER, MERCHANT) is False
    with pytest.raises(KeyDestroyed):
        await here.open(PARTNER, sealed, CONTEXT)
    clock.advance(31)
    outcomes = await elsewhere.open_each([(PARTNER, sealed, CONTEXT), (PARTNER, kept, CONTEXT)])
    assert isinstance(outcomes[0], KeyDestroyed)
    assert outcomes[1] == b"kept"
    assert await database.fetchval("SELECT wrapped FROM data_keys WHERE merchant_id = $1", MERCHANT) is None
    fresh = await elsewhere.data_key(PARTNER, MERCHANT)
    assert await here.open(PARTNER, elsewhere.seal(fresh, b"new life", CONTEXT), CONTEXT) == b"new life"


async def test_rotation_rewraps_and_touches_no_value(database: Pool, clock: FakeClock) -> None:
    """After re-wrapping under a new key-encryption key the old one can go, and every value still opens."""
    old = Vault(database, StaticKeys("old"), clock)
    merchants = [uuid4() for _ in range(120)]
    keys = await old.data_keys([(PARTNER, merchant) for merchant in merchants])
    sealed = [old.seal(key, b"kept", CONTEXT) for key in keys.values()]
    await old.destroy(PARTNER, merchants[0])
    turning = Vault(database, StaticKeys("new", old=bytes(range(32))), clock)
    assert await turning.rewrap() == 119
    assert await turning.rewrap() == 0
    new = Vault(database, StaticKeys("new"), clock)
    opened = await new.open_each([(PARTNER, value, CONTEXT) for value in sealed])
    assert sorted(map(str, opened)).count(str(b"kept")) == 119


async def test_missing_key_encryption_key_is_named_as_such(database: Pool, clock: FakeClock) -> None:
    """A data key that a removed key-encryption key wraps is a fault of configuration, not a broken value."""
    old = Vault(database, StaticKeys("old"), clock)
    sealed = old.seal(await old.data_key(PARTNER), b"kept", CONTEXT)
    with pytest.raises(KeyEncryptionKeyMissing):
        await Vault(database, StaticKeys("new"), clock).open(PARTNER, sealed, CONTEXT)


async def test_a_key_moved_to_another_owner_does_not_unwrap(database: Pool, clock: FakeClock) -> None:
    """Whoever can write to the table still cannot give one owner's key to another."""
    vault = Vault(database, StaticKeys(), clock)
    await vault.data_key(PARTNER, MERCHANT)
    await database.execute("UPDATE data_keys SET merchant_id = $1", UUID(int=3))
    with pytest.raises(SealBroken):
        await Vault(database, StaticKeys(), clock).data_key(PARTNER, UUID(int=3))


async def test_callers_share_one_load_when_a_key_expires(database: Pool, clock: FakeClock) -> None:
    """A busy owner's key that runs out costs one query, not one per caller; the cache stays within its bound."""
    counting: Any = _Counting(database)
    vault = Vault(counting, StaticKeys(), clock, VaultPolicy(keys_max=2))
    await vault.data_key(PARTNER, MERCHANT)
    clock.advance(31)
    counting.queries = 0
    await asyncio.gather(*(vault.data_key(PARTNER, MERCHANT) for _ in range(50)))
    assert counting.queries == 1
    for merchant in range(10, 15):
        await vault.data_key(PARTNER, UUID(int=merchant))
    assert (await vault.data_key(PARTNER, MERCHANT)).merchant_id == MERCHANT


class _Counting:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.queries = 0

    async def fetch(self, query: str, *args: object) -> list[asyncpg.Record]:
        self.queries += 1
        return await self._pool.fetch(query, *args)

    async def execute(self, query: str, *args: object) -> str:
        self.queries += 1
        return await self._pool.execute(query, *args)
