"""The one door to sealing: give a key, seal, open, destroy, re-wrap."""

from collections.abc import Collection, Sequence
from uuid import UUID

import asyncpg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kernel.clock import Clock
from kernel.ids import NIL
from kernel.sealing.expiring import ExpiringCache
from kernel.sealing.format import open_sealed, parse_header, seal, subkey_of_header
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
        names = {
            (partner_id, header[0])
            for partner_id, sealed, _ in partner_id_sealed_context
            if not isinstance(header := _header(sealed), SealError)
        }
        keys = await self._keys.by_name(names)
        return [
            self._open(keys, partner_id, sealed, context) for partner_id, sealed, context in partner_id_sealed_context
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

    def _open(
        self, keys: dict[tuple[UUID, UUID], DataKey | SealError], partner_id: UUID, sealed: bytes, context: bytes
    ) -> bytes | SealError:
        try:
            key_id, header = parse_header(sealed)
            key = keys[partner_id, key_id]
            if isinstance(key, SealError):
                return key
            return open_sealed(self._cipher(key, header), sealed, context)
        except SealError as error:
            return error

    def _cipher(self, key: DataKey, header: bytes) -> AESGCM:
        if header == key.header:
            return key.cipher
        cipher = self._ciphers.get(header)
        if cipher is None:
            cipher = subkey_of_header(key.secret, header)
            self._ciphers.put(header, cipher)
        return cipher


def _header(sealed: bytes) -> tuple[UUID, bytes] | SealError:
    try:
        return parse_header(sealed)
    except SealError as error:
        return error
