"""What ends tokens before their time: suspended or changed clients and partners, revoked tokens, retired keys.

Each process asks PostgreSQL twice a second, so all of it bites everywhere within a second, and Redis has no part in it.
While PostgreSQL is away, the last known stays in force.
"""

from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import structlog

from gateway.oauth.access.revoked import RevokedTokens
from gateway.oauth.scopes import Caller
from gateway.oauth.signing.ring import KeyRing
from gateway.oauth.standing import ClientLimits, Standing
from gateway.oauth.tokens.reader import AccessToken
from kernel.tasks import Rereader

_REFRESH_SECONDS = 0.5
_log = structlog.get_logger()


class Ended(Protocol):
    """What of a token tells whether it ended."""

    @property
    def caller(self) -> Caller:
        """Whose it is."""
        ...

    @property
    def key_id(self) -> str:
        """The `kid` that it is signed with."""
        ...

    @property
    def jti(self) -> str:
        """Its own id."""
        ...

    @property
    def generation(self) -> int:
        """Which generation of its client's tokens it is of."""
        ...


class InForce:
    """One loop for all of it. `version` moves with every change, so that a remembered token is judged once for each."""

    def __init__(self, standing: Standing, revoked: RevokedTokens, keys: KeyRing) -> None:
        self._standing = standing
        self._revoked = revoked
        self._keys = keys
        self._rereader = Rereader("standing", self.refresh, _REFRESH_SECONDS)
        self.version = 0

    async def start(self) -> None:
        """Read everything once, then again and again."""
        await self._rereader.start()

    async def close(self) -> None:
        """Stop reading."""
        await self._rereader.close()

    async def refresh(self) -> None:
        """Read everything now."""
        for part in (self._standing, self._revoked, self._keys):
            if await part.refresh():
                self.version += 1

    async def revoke(self, token: AccessToken) -> None:
        """End a token: committed when this returns."""
        expires_at = datetime.fromtimestamp(token.expires_at, UTC)
        await self._revoked.add(token.caller.tenant, token.caller.client_id, token.jti, expires_at)
        self.version += 1

    def suspends(self, caller: Caller) -> bool:
        """Whether the caller's partner or client is suspended."""
        return self._standing.suspended(caller)

    def limits_of(self, client_id: UUID) -> ClientLimits | None:
        """What the client is limited to; None for one that was made so lately that it is not known yet."""
        return self._standing.limits_of(client_id)

    def has_ended(self, token: Ended) -> bool:
        """Whether a token was revoked, alone or with all of its client's, or the key that signed it was retired."""
        limits = self._standing.limits_of(token.caller.client_id)
        is_past = limits is not None and token.generation < limits.token_generation
        return is_past or token.jti in self._revoked or not self._keys.knows(token.key_id)
