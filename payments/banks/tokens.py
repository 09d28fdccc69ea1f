"""Banks' tokens in PostgreSQL: whichever process fetches one, all use it, and none is used before it is committed.

A row is its own lock: who refreshes a token writes itself and an end into the row, and no connection is held while the
bank is asked, so that banks whose authorisation servers hang cannot use up the pool.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from hashlib import sha256
from uuid import UUID, uuid4

import asyncpg
import structlog

from adapters.engine.credentials import MemoryTokens, NoToken, Token, TokenPlace
from adapters.engine.credentials.tokens import FORGETTING_SECONDS
from kernel.clock import Clock
from kernel.ids import NIL
from kernel.masked import Secret
from kernel.sealing import SealError, Vault
from kernel.sql import beside

_SQL = beside(__file__, "tokens.sql")
_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
_LOOK_AGAIN_SECONDS = 0.1
# What a refresh may need beside the bank's answer, before another process takes it over.
_STORING_SECONDS = 5.0

Fetch = Callable[[], Awaitable[Token]]
_log = structlog.get_logger()


class StoredTokens:
    """The TokenStore of every process that calls banks; memory stands before the table."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: Clock) -> None:
        self._pool = pool
        self._vault = vault
        self._clock = clock
        self._memory = MemoryTokens(clock)

    async def get(self, place: TokenPlace, fetch: Fetch, seconds_max: float) -> Token:
        """The usable token: from memory, from the table, or from the bank by whoever locked the row. Raises NoToken."""
        return await self._memory.get(place, lambda: self._shared(place, fetch, seconds_max), seconds_max)

    async def forget(self, place: TokenPlace, token: Token) -> None:
        """Throw a refused token away, here and for all, but not one after another. Never raises."""
        self._memory.drop(place, token)
        try:
            await self._throw_away(place, _digest(token), FORGETTING_SECONDS)
        except _AWAY as error:
            _log.warning("bank_token.not_forgotten", bank_id=place.bank_id, error=type(error).__name__)

    async def _shared(self, place: TokenPlace, fetch: Fetch, seconds_max: float) -> Token:
        try:
            async with asyncio.timeout(2 * (seconds_max + _STORING_SECONDS)):
                return await self._found_or_fetched(place, fetch, seconds_max + _STORING_SECONDS)
        except (*_AWAY, TimeoutError, SealError) as error:
            _log.warning("bank_token.not_to_be_had", bank_id=place.bank_id, error=type(error).__name__)
            raise NoToken from None

    async def _found_or_fetched(self, place: TokenPlace, fetch: Fetch, lock_seconds: float) -> Token:
        while True:
            token = await self._find(place) or await self._refresh(place, fetch, lock_seconds)
            if token is not None:
                return token
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    async def _find(self, place: TokenPlace) -> Token | None:
        row = await self._pool.fetchrow(_SQL["find_token"], *_key(place), self._clock.now())
        if row is None:
            return None
        try:
            value = await self._vault.open(NIL, row["sealed_token"], token_context(*_key(place)))
        except SealError:
            await self._throw_away(place, row["digest"], 0)
            return None
        return Token(value=Secret(value.decode()), usable_until=row["usable_until"])

    async def _refresh(self, place: TokenPlace, fetch: Fetch, lock_seconds: float) -> Token | None:
        """The bank's new token once it is committed, or None where another process is at it."""
        us, lock = uuid4(), timedelta(seconds=lock_seconds)
        if not await self._pool.fetchval(_SQL["claim_refresh"], *_key(place), self._clock.now(), us, lock):
            return None
        try:
            token = await fetch()
            return token if await self._store(place, us, token) else None
        except BaseException:
            await asyncio.shield(self._pool.execute(_SQL["release_refresh"], *_key(place), us))
            raise

    async def _store(self, place: TokenPlace, us: UUID, token: Token) -> bool:
        plaintext = token.value.reveal().encode()
        sealed = self._vault.seal(await self._vault.data_key(NIL), plaintext, token_context(*_key(place)))
        row = (*_key(place), us, sealed, _digest(token), token.usable_until)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(_SQL["drop_older_versions"], place.bank_id, place.version)
            return bool(await connection.fetchval(_SQL["store_token"], *row))

    async def _throw_away(self, place: TokenPlace, digest: bytes, spared_seconds: float) -> None:
        spared = timedelta(seconds=spared_seconds)
        await self._pool.execute(_SQL["forget_token"], *_key(place), digest, self._clock.now(), spared)


def token_context(bank_id: str, version: int, scope: str) -> bytes:
    """What binds a sealed token to its row."""
    return f"bank_tokens.token:{bank_id}:{version}:{scope}".encode()


def _key(place: TokenPlace) -> tuple[str, int, str]:
    return (place.bank_id, place.version, place.scope)


def _digest(token: Token) -> bytes:
    return sha256(token.value.reveal().encode()).digest()
