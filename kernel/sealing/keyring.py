"""The data keys: found or made in the database, unwrapped, and kept for a while."""

import asyncio
import os
from collections.abc import Collection, Sequence
from uuid import UUID

import asyncpg

from kernel.clock import Clock
from kernel.ids import NIL, new_id
from kernel.sealing.expiring import ExpiringCache
from kernel.sealing.format import SALT_BYTES, header_of, subkey
from kernel.sealing.model import DataKey, KeyDestroyed, KeyProvider, Owner, SealBroken, SealError, VaultPolicy
from kernel.sql import Executor, beside

_SQL = beside(__file__, "data_keys.sql")
_KEY_BYTES = 32
_REWRAP_ROWS = 100

# A partner and the id of one of its data keys.
KeyName = tuple[UUID, UUID]


class Keyring:
    """Gives data keys by owner and by id; at most one query each for any number of them."""

    def __init__(
        self, pool: "asyncpg.Pool[asyncpg.Record]", provider: KeyProvider, clock: Clock, policy: VaultPolicy
    ) -> None:
        self._pool = pool
        self._provider = provider
        self._clock = clock
        self._loading = asyncio.Lock()
        self._by_owner = ExpiringCache[Owner, DataKey](clock, policy.key_seconds_max, policy.keys_max)
        self._by_name = ExpiringCache[KeyName, DataKey](clock, policy.key_seconds_max, policy.keys_max)

    async def of_owners(self, owners: Collection[Owner]) -> dict[Owner, DataKey]:
        """The live data key of each owner; those that are missing are made and committed."""
        found = self._by_owner.get_many(owners)
        if len(found) < len(owners):
            # One load at a time: when a busy owner's key expires, its callers wait for one query and share it.
            async with self._loading:
                found = self._by_owner.get_many(owners)
                found |= await self._load_or_make(sorted(set(owners) - found.keys()))
        return found

    def of_owner_if_known(self, owner: Owner) -> DataKey | None:
        """The data key of an owner if it needs no query."""
        return self._by_owner.get(owner)

    async def by_name(self, names: Collection[KeyName]) -> dict[KeyName, DataKey | SealError]:
        """Data keys by id; an error for each that is destroyed, unknown or not to be unwrapped here."""
        found: dict[KeyName, DataKey | SealError] = {**self._by_name.get_many(names)}
        missing = set(names) - found.keys()
        if missing:
            rows = await self._pool.fetch(_SQL["find_keys_by_id"], *_columns(missing, 2))
            found |= {(row["partner_id"], row["id"]): self._try_remember(row) for row in rows}
        return {name: found.get(name) or SealBroken() for name in names}

    async def destroy(self, owner: Owner, connection: Executor | None = None) -> bool:
        """Destroy the owner's data keys in the database, by a connection of the caller's if there is one, and here."""
        if connection is None:
            async with self._pool.acquire() as own, own.transaction():
                return await self.destroy(owner, own)
        await connection.execute(_SQL["lock_keys"], owner[0])
        rows = await connection.fetch(_SQL["destroy_keys"], *owner)
        self._by_owner.discard(owner)
        for row in rows:
            self._by_name.discard((owner[0], row["id"]))
        return bool(rows)

    async def retire(self, connection: Executor, partner_id: UUID, merchant_id: UUID | None) -> int:
        """Give new data keys to one merchant, or to the partner and all of them, in the caller's transaction; how many.

        The old ones go on opening. Processes may seal with them for `key_seconds_max` more.
        """
        await connection.execute(_SQL["lock_keys"], partner_id)
        owners = await connection.fetch(_SQL["retire_keys"], partner_id, merchant_id)
        rows = [self._new_row((partner_id, owner["merchant_id"])) for owner in owners]
        await connection.execute(_SQL["insert_keys"], *_columns(rows, 5))
        return len(rows)

    async def rewrap(self) -> int:
        """Wrap by the current key-encryption key what another one wraps; how many were."""
        done, after = 0, (NIL, NIL)
        while rows := await self._pool.fetch(
            _SQL["find_keys_of_other_keks"], *after, self._provider.current_id, _REWRAP_ROWS
        ):
            for row in rows:
                done += await self._rewrap_one(row)
            after = (rows[-1]["partner_id"], rows[-1]["id"])
        return done

    async def _rewrap_one(self, row: asyncpg.Record) -> int:
        context = _wrapping_context(row["partner_id"], row["merchant_id"], row["id"])
        secret = self._provider.unwrap(row["kek_id"], row["wrapped"], context)
        new = (self._provider.current_id, self._provider.wrap(secret, context))
        status = await self._pool.execute(_SQL["rewrap_key"], row["partner_id"], row["id"], *new, row["kek_id"])
        return int(status == "UPDATE 1")

    async def _load_or_make(self, owners: Sequence[Owner]) -> dict[Owner, DataKey]:
        found = await self._load(owners)
        missing = [owner for owner in owners if owner not in found]
        if missing:
            await self._pool.execute(_SQL["insert_keys"], *_columns([self._new_row(owner) for owner in missing], 5))
            found |= await self._load(missing)
        return found

    async def _load(self, owners: Sequence[Owner]) -> dict[Owner, DataKey]:
        if not owners:
            return {}
        rows = await self._pool.fetch(_SQL["find_keys_of_owners"], *_columns(owners, 2))
        return {(row["partner_id"], row["merchant_id"]): self._remember(row) for row in rows}

    def _new_row(self, owner: Owner) -> tuple[UUID, UUID, UUID, str, bytes]:
        key_id = new_id(self._clock.now())
        wrapped = self._provider.wrap(os.urandom(_KEY_BYTES), _wrapping_context(*owner, key_id))
        return (owner[0], key_id, owner[1], self._provider.current_id, wrapped)

    def _try_remember(self, row: asyncpg.Record) -> DataKey | SealError:
        try:
            return self._remember(row)
        except SealError as error:
            return error

    def _remember(self, row: asyncpg.Record) -> DataKey:
        if row["wrapped"] is None:
            raise KeyDestroyed
        key = self._unwrap(row)
        self._by_name.put((key.partner_id, key.id), key)
        if not row["is_retired"]:
            self._by_owner.put((key.partner_id, key.merchant_id), key)
        return key

    def _unwrap(self, row: asyncpg.Record) -> DataKey:
        context = _wrapping_context(row["partner_id"], row["merchant_id"], row["id"])
        secret = self._provider.unwrap(row["kek_id"], row["wrapped"], context)
        salt = os.urandom(SALT_BYTES)
        return DataKey(
            partner_id=row["partner_id"],
            merchant_id=row["merchant_id"],
            id=row["id"],
            secret=secret,
            header=header_of(row["id"], salt),
            cipher=subkey(secret, salt),
        )


def _columns(rows: Collection[tuple[object, ...]], count: int) -> list[list[object]]:
    """Rows as the arrays that unnest takes."""
    return [[row[column] for row in rows] for column in range(count)]


def _wrapping_context(partner_id: UUID, merchant_id: UUID, key_id: UUID) -> bytes:
    """Ties a wrapped key to its row, so that one moved to another owner does not unwrap."""
    return b"data_keys:" + partner_id.bytes + merchant_id.bytes + key_id.bytes
