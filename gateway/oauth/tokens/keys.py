"""The keys that sign access tokens: made once, sealed in PostgreSQL, the same for all processes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from joserfc.jwk import ECKey, KeySet

from kernel import sql
from kernel.clock import Clock
from kernel.ids import NIL, new_id
from kernel.sealing import Vault

_QUERIES = sql.beside(__file__, "keys.sql")
ALGORITHM = "ES256"
# A token with a key that we do not know makes us look again, but not more often than this.
_LOOK_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Keys:
    signing: ECKey
    verifying: KeySet
    public: dict[str, Any]


class KeyRing:
    """The newest key signs; every key that is not retired verifies and stands in the JWKS (RFC 7517)."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: Clock) -> None:
        self._pool = pool
        self._vault = vault
        self._clock = clock
        self._keys: _Keys | None = None
        self._looked_at = 0.0
        self._lock = asyncio.Lock()

    async def start(self) -> None:
        """Load the keys; make the first one if there is none. Processes that start at once agree on one."""
        await self._load()
        if self._keys is None:
            await self._make_first()
            await self._load()

    @property
    def signing(self) -> ECKey:
        """The private key for new tokens; its `kid` is its UUID."""
        return self._loaded().signing

    @property
    def verifying(self) -> KeySet:
        """The public keys of tokens in use."""
        return self._loaded().verifying

    @property
    def public(self) -> dict[str, Any]:
        """The JWKS document."""
        return self._loaded().public

    def knows(self, kid: object) -> bool:
        """Whether a key of that id verifies tokens."""
        return any(key.kid == kid for key in self.verifying.keys)

    async def look_again(self) -> None:
        """Load the keys anew, as another process may have made one; at most once a second."""
        async with self._lock:
            if self._clock.monotonic() - self._looked_at >= _LOOK_AGAIN_SECONDS:
                await self._load()

    def _loaded(self) -> _Keys:
        if self._keys is None:
            raise RuntimeError("the key ring was not started")
        return self._keys

    async def _load(self) -> None:
        rows = await self._pool.fetch(_QUERIES["list_signing_keys"])
        self._looked_at = self._clock.monotonic()
        if rows:
            self._keys = await self._open(rows)

    async def _open(self, rows: Sequence[Any]) -> _Keys:
        newest = rows[0]
        private = await self._vault.open(NIL, newest["sealed_private"], private_context(newest["id"]))
        public = {"keys": [orjson.loads(row["public_jwk"]) for row in rows]}
        return _Keys(ECKey.import_key(orjson.loads(private)), KeySet.import_key_set(public), public)  # type: ignore[arg-type]

    async def _make_first(self) -> None:
        data_key = await self._vault.data_key(NIL)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(_QUERIES["lock_signing_keys"])
            if await connection.fetch(_QUERIES["list_signing_keys"]):
                return
            identifier = new_id(self._clock.now())
            key = ECKey.generate_key("P-256", {"kid": str(identifier), "alg": ALGORITHM, "use": "sig"}, auto_kid=False)
            sealed = self._vault.seal(data_key, orjson.dumps(key.as_dict(private=True)), private_context(identifier))
            public = orjson.dumps(key.as_dict(private=False)).decode()
            await connection.execute(_QUERIES["add_signing_key"], identifier, public, sealed)


def private_context(identifier: UUID) -> bytes:
    """What binds a sealed signing key to its row."""
    return b"token_signing_keys.private:" + identifier.bytes
