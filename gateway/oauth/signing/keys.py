"""One signing key: made, sealed for PostgreSQL, and opened again."""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from joserfc.jwk import ECKey

from kernel.clock import Clock
from kernel.ids import NIL, new_id
from kernel.sealing import DataKey, Vault
from kernel.sql import Executor, beside

QUERIES = beside(__file__, "signing.sql")
ALGORITHM = "ES256"


async def add_key(connection: Executor, vault: Vault, data_key: DataKey, clock: Clock, signs_at: datetime) -> UUID:
    """Make a key that signs from a time on, in the caller's transaction; its id is the `kid` of its tokens."""
    identifier = new_id(clock.now())
    key = ECKey.generate_key("P-256", {"kid": str(identifier), "alg": ALGORITHM, "use": "sig"}, auto_kid=False)
    sealed = vault.seal(data_key, orjson.dumps(key.as_dict(private=True)), private_context(identifier))
    public = orjson.dumps(key.as_dict(private=False)).decode()
    await connection.execute(QUERIES["add_signing_key"], identifier, public, sealed, signs_at, clock.now())
    return identifier


async def open_key(vault: Vault, row: Any) -> ECKey:
    """The private key of a row."""
    return ECKey.import_key(orjson.loads(await vault.open(NIL, row["sealed_private"], private_context(row["id"]))))


def private_context(identifier: UUID) -> bytes:
    """What binds a sealed signing key to its row."""
    return b"token_signing_keys.private:" + identifier.bytes
