"""Keys in their rows: made, sealed, opened."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from kernel.ids import NIL, new_id
from kernel.masked import Secret
from kernel.sealing import Vault
from kernel.sql import beside
from webhooks.endpoints.model import LiveKey, secret_context
from webhooks.endpoints.rows import EndpointOwner
from webhooks.events.model import Connection
from webhooks.sending.model import SigningKey
from webhooks.sending.signing import new_ed25519_secret, new_secret, public_key_of
from webhooks.states import SignatureScheme

SQL = beside(__file__, "keys.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key that is to be kept. `public_key` has the 32 public bytes of a v1a key."""

    id: UUID
    scheme: SignatureScheme
    secret: Secret
    public_key: bytes | None


def new_key(scheme: SignatureScheme, now: datetime, own: Secret | None = None) -> NewKey:
    """A random key, or for v1 the owner's own. Raises ValueError for one of another form."""
    if scheme is SignatureScheme.V1:
        return NewKey(id=new_id(now), scheme=scheme, secret=own or new_secret(), public_key=None)
    secret = new_ed25519_secret()
    return NewKey(id=new_id(now), scheme=scheme, secret=secret, public_key=public_key_of(secret))


async def add_key(connection: Connection, vault: Vault, owner: EndpointOwner, key: NewKey) -> None:
    """Insert a current key, sealed like the endpoint's settings."""
    data_key = await vault.data_key(owner.partner_id, owner.merchant_id or NIL)
    await connection.execute(
        SQL["insert_key"],
        owner.partner_id,
        owner.endpoint_id,
        key.id,
        key.scheme,
        vault.seal(data_key, key.secret.reveal().encode(), secret_context(key.id)),
        key.public_key,
    )


async def fetch_live(connection: Connection, partner_id: UUID, endpoint_id: UUID) -> list[asyncpg.Record]:
    """The rows of the keys that sign now."""
    return await connection.fetch(SQL["live_keys"], partner_id, endpoint_id)


async def open_shown(vault: Vault, partner_id: UUID, rows: list[asyncpg.Record]) -> tuple[LiveKey, ...]:
    """What an owner may see of keys: of v1 the secrets; private halves of v1a stay sealed."""
    shared = [row for row in rows if row["scheme"] == SignatureScheme.V1]
    opened = await vault.open_many([(partner_id, row["sealed_secret"], secret_context(row["id"])) for row in shared])
    secrets = {row["id"]: Secret(text.decode()) for row, text in zip(shared, opened, strict=True)}
    return tuple(_live(row, secrets.get(row["id"])) for row in rows)


async def open_signing(vault: Vault, partner_id: UUID, rows: list[asyncpg.Record]) -> tuple[SigningKey, ...]:
    """What signs with the keys."""
    opened = await vault.open_many([(partner_id, row["sealed_secret"], secret_context(row["id"])) for row in rows])
    return tuple(
        SigningKey(scheme=SignatureScheme(row["scheme"]), secret=Secret(text.decode()))
        for row, text in zip(rows, opened, strict=True)
    )


def _live(row: asyncpg.Record, secret: Secret | None) -> LiveKey:
    return LiveKey(
        id=row["id"],
        scheme=SignatureScheme(row["scheme"]),
        secret=secret,
        public_key=row["public_key"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )
