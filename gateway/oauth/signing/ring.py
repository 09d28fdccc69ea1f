"""The signing keys as one process uses them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from joserfc.jwk import ECKey, KeySet

from gateway.oauth.signing.keys import QUERIES, add_key, open_key
from kernel.clock import Clock
from kernel.ids import NIL
from kernel.sealing import Vault

# A token with a key that we do not know makes us look again, but not more often than this.
_LOOK_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Keys:
    ids: tuple[UUID, ...]
    signing: Sequence[tuple[datetime, ECKey]]
    verifying: KeySet
    public: dict[str, Any]


class KeyRing:
    """Each key signs from its time on, until the next one's; all that are not retired stand in the JWKS (RFC 7517)."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: Clock) -> None:
        self._pool = pool
        self._vault = vault
        self._clock = clock
        self._keys: _Keys | None = None
        self._looked_at = 0.0
        self._lock = asyncio.Lock()

    async def start(self) -> None:
        """Load the keys; make the first one if there is none. Processes that start at once agree on one."""
        await self.refresh()
        if self._keys is None:
            await self._make_first()
            await self.refresh()

    @property
    def signing(self) -> ECKey:
        """The private key for tokens that are made now; its `kid` is its UUID."""
        now, keys = self._clock.now(), self._loaded().signing
        return next((key for signs_at, key in keys if signs_at <= now), keys[-1][1])

    @property
    def verifying(self) -> KeySet:
        """The public keys of tokens in use, and the next one's."""
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
                await self.refresh()

    async def refresh(self) -> bool:
        """Load what was made, and drop what was retired; whether anything was."""
        rows = await self._pool.fetch(QUERIES["list_signing_keys"], self._clock.now(), timeout=5)
        self._looked_at = self._clock.monotonic()
        if not rows or (self._keys is not None and self._keys.ids == _ids(rows)):
            return False
        self._keys = await self._open(rows)
        return True

    def _loaded(self) -> _Keys:
        if self._keys is None:
            raise RuntimeError("the key ring was not started")
        return self._keys

    async def _open(self, rows: Sequence[Any]) -> _Keys:
        """Private keys are opened of what signs now and later, not of what only verifies."""
        now = self._clock.now()
        later = [row for row in rows if row["signs_at"] > now]
        signing = [(row["signs_at"], await open_key(self._vault, row)) for row in rows[: len(later) + 1]]
        public = {"keys": [orjson.loads(row["public_jwk"]) for row in rows]}
        return _Keys(_ids(rows), signing, KeySet.import_key_set(public), public)  # type: ignore[arg-type]

    async def _make_first(self) -> None:
        data_key = await self._vault.data_key(NIL)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(QUERIES["lock_signing_keys"])
            if await connection.fetchval(QUERIES["find_newest"], self._clock.now()) is None:
                await add_key(connection, self._vault, data_key, self._clock, self._clock.now())


def _ids(rows: Sequence[Any]) -> tuple[UUID, ...]:
    return tuple(row["id"] for row in rows)
