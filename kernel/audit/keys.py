"""The keys that sign the chain's heads: sealed under the installation's data key, so a database alone cannot sign.

The private half is the only thing believed: whoever can write the table could put a public key of their own there, but
nothing that opens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from kernel.clock import Clock
from kernel.ids import NIL, new_id
from kernel.sealing import Vault
from kernel.sql import Executor, beside

SQL = beside(__file__, "chain.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadKey:
    """One of them; `id` is its `kid`."""

    id: str
    private: Ed25519PrivateKey

    @property
    def public(self) -> Ed25519PublicKey:
        """What verifies."""
        return self.private.public_key()


def key_context(key_id: UUID) -> bytes:
    """What binds a sealed key to its row."""
    return b"audit_keys.private:" + key_id.bytes


async def open_keys(connection: Executor, vault: Vault) -> list[HeadKey]:
    """All of them, newest first. Raises SealError where one does not open."""
    rows = await connection.fetch(SQL["signing_keys"])
    opened = await vault.open_many([(NIL, row["sealed_private"], key_context(row["id"])) for row in rows])
    return [
        HeadKey(id=str(row["id"]), private=Ed25519PrivateKey.from_private_bytes(private))
        for row, private in zip(rows, opened, strict=True)
    ]


async def make_key(connection: Executor, vault: Vault, clock: Clock) -> HeadKey:
    """A new one, which signs from now on."""
    key_id, private = new_id(clock.now()), Ed25519PrivateKey.generate()
    sealed = vault.seal(await vault.data_key(NIL), private.private_bytes_raw(), key_context(key_id))
    await connection.execute(SQL["insert_key"], key_id, private.public_key().public_bytes_raw(), sealed)
    return HeadKey(id=str(key_id), private=private)


def public_halves(keys: list[HeadKey]) -> Mapping[str, Ed25519PublicKey]:
    """By `kid`."""
    return {key.id: key.public for key in keys}
