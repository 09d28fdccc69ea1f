"""The one door to sealing: give a key, seal, open, destroy, re-wrap."""

from collections.abc import Collection, Sequence
from uuid import UUID

import asyncpg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kernel.clock import Clock
from kernel.ids import NIL
from kernel.sealing.expiring import ExpiringCache
from kernel.sealing.format import header_in, key_id_of, open_sealed, seal, subkey_of_header
from kernel.sealing.keyring import Keyring
from kernel.sealing.model import DataKey, KeyProvider, Owner, SealError, VaultPolicy
from kernel.sql import Executor


class Vault:
    """Seals and opens values under their owner's data key.

    It takes connections of its own while callers may hold one in a transaction, so it needs a pool of its own: sharing
    theirs, all connections could be held by callers that wait for a key.
    """

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        provider: KeyProvider,
        clock: Clock,
        policy: VaultPolicy | None = None,
    ) -> None:
        policy = policy or VaultPolicy()
        self._keys = Keyring(pool, provider, clock, policy)
        self._ciphers = ExpiringCache[bytes, AESGCM](clock, policy.key_seconds_max, policy.keys_max)

    async def data_key(self, partner_id: UUID, merchant_id: UUID = NIL) -> DataKey:
        """The owner's data key, to be used now and not kept; makes and commits one if there is none."""
        owner = (partner_id, merchant_id)
        return self._keys.of_owner_if_known(owner) or (await self._keys.of_owners([owner]))[owner]

    def known_data_key(self, owner: Owner) -> DataKey | None:
        """The owner's data key if it needs no query."""
        return self._keys.of_owner_if_known(owner)

    async def data_keys(self, owners: Collection[Owner]) -> dict[Owner, DataKey]:
        """The data keys of many owners with three queries at most, and none if all are known."""
        return await self._keys.of_owners(set(owners))

    def seal(self, key: DataKey, plaintext: bytes, context: bytes) -> bytes:
        """Seal bytes; they open only with the same context, e.g. `b"events.body:" + event_id.bytes`."""
        return seal(key.cipher, key.header, plaintext, context)

    async def open(self, partner_id: UUID, sealed: bytes, context: bytes) -> bytes:
        """What was sealed. Raises SealBroken, KeyDestroyed or KeyEncryptionKeyMissing."""
        return (await self.open_many([(partner_id, sealed, context)]))[0]

    async def open_many(self, partner_id_sealed_context: Sequence[tuple[UUID, bytes, bytes]]) -> list[bytes]:
        """What was sealed, in order, with one query at most. Raises as `open` does, for the first that fails."""
        opened: list[bytes] = []
        for item in await self.open_each(partner_id_sealed_context):
            if isinstance(item, SealError):
                raise item
            opened.append(item)
        return opened

    async def open_each(
        self, partner_id_sealed_context: Sequence[tuple[UUID, bytes, bytes]]
    ) -> list[bytes | SealError]:
        """What was sealed, or why it does not open, in order: one erased value does not hide the others."""
        headers = [_header(sealed) for _, sealed, _ in partner_id_sealed_context]
        named = {
            (partner_id, header)
            for (partner_id, _, _), header in zip(partner_id_sealed_context, headers, strict=True)
            if isinstance(header, bytes)
        }
        ciphers = await self._ciphers_of(named)
        return [
            header if isinstance(header, SealError) else _opened(ciphers[partner_id, header], sealed, context)
            for (partner_id, sealed, context), header in zip(partner_id_sealed_context, headers, strict=True)
        ]

    async def destroy(self, partner_id: UUID, merchant_id: UUID, connection: Executor | None = None) -> bool:
        """Destroy the owner's data keys: all that was sealed with them is erased. False if there was none.

        With a connection it is part of the caller's transaction.
        Other processes may use the key for `key_seconds_max` more, and what they seal then is erased too. So stop the
        owner's traffic first. A key asked for later is a new one.
        """
        return await self._keys.destroy((partner_id, merchant_id), connection)

    async def retire(self, connection: Executor, partner_id: UUID, merchant_id: UUID | None) -> int:
        """Give new data keys to one merchant, or to the partner and all of them, in the caller's transaction; how many.

        Call it where their old values are sealed anew afterwards (kernel/sealing/rotation).
        """
        return await self._keys.retire(connection, partner_id, merchant_id)

    async def keys_by_id(self, partner_id: UUID, key_ids: Collection[UUID]) -> dict[UUID, DataKey]:
        """Data keys by id, those that are there and not destroyed."""
        found = await self._keys.by_name([(partner_id, key_id) for key_id in key_ids])
        return {name[1]: key for name, key in found.items() if isinstance(key, DataKey)}

    async def rewrap(self) -> int:
        """Wrap by the current key-encryption key what another one wraps; returns how many were re-wrapped.

        Sealed values are not touched. An old key-encryption key may go once all processes know the new one and this
        returns 0. Raises KeyEncryptionKeyMissing while a key is needed that is not configured.
        """
        return await self._keys.rewrap()

    async def _ciphers_of(self, named: Collection[tuple[UUID, bytes]]) -> dict[tuple[UUID, bytes], AESGCM | SealError]:
        """What opens the values of each partner that begin with each header."""
        names = {(partner_id, header): (partner_id, key_id_of(header)) for partner_id, header in named}
        keys = await self._keys.by_name(set(names.values()))
        return {place: self._cipher(keys[name], place[1]) for place, name in names.items()}

    def _cipher(self, key: DataKey | SealError, header: bytes) -> AESGCM | SealError:
        if isinstance(key, SealError):
            return key
        if header == key.header:
            return key.cipher
        cipher = self._ciphers.get(header)
        if cipher is None:
            cipher = subkey_of_header(key.secret, header)
            self._ciphers.put(header, cipher)
        return cipher


def _opened(cipher: AESGCM | SealError, sealed: bytes, context: bytes) -> bytes | SealError:
    try:
        return cipher if isinstance(cipher, SealError) else open_sealed(cipher, sealed, context)
    except SealError as error:
        return error


def _header(sealed: bytes) -> bytes | SealError:
    try:
        return header_in(sealed)
    except SealError as error:
        return error
