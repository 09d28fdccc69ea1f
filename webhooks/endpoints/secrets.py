"""An endpoint's signing secrets: shown on request, and replaced with a time in which both old and new sign."""

from datetime import timedelta
from uuid import UUID

import asyncpg

from kernel.clock import Clock
from kernel.errors import Conflict
from kernel.ids import NIL, new_id
from kernel.masked import Secret
from kernel.sealing import Vault
from kernel.sql import beside
from webhooks.endpoints.model import Caller, LiveSecret, secret_context
from webhooks.endpoints.requests import EndpointRules, Rotation, check_rotation
from webhooks.endpoints.rows import EndpointOwner, audit, lock_endpoint, move_version
from webhooks.events.model import Connection
from webhooks.sending.signing import new_secret

_SQL = beside(__file__, "secrets.sql")


class EndpointSecrets:
    """Reveal and rotate."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: Clock, rules: EndpointRules) -> None:
        self._pool = pool
        self._vault = vault
        self._clock = clock
        self._rules = rules

    async def reveal(self, caller: Caller, endpoint_id: UUID) -> tuple[LiveSecret, ...]:
        """The secrets that sign now, the current one first. Audited. Raises NotFound."""
        async with self._pool.acquire() as connection, connection.transaction():
            await lock_endpoint(connection, caller.tenant, endpoint_id)
            rows = await connection.fetch(_SQL["live_secrets"], caller.tenant.partner_id, endpoint_id)
            await audit(connection, self._clock, caller, "endpoint.secret_revealed", endpoint_id=endpoint_id)
        return await self._open(caller.tenant.partner_id, rows)

    async def rotate(self, caller: Caller, endpoint_id: UUID, rotation: Rotation) -> tuple[LiveSecret, ...]:
        """Sign with a new secret from now on, and with the one before until the overlap is over.

        Returns what `reveal` would. Raises Invalid, NotFound, and Conflict (`rotation_unfinished`) while an earlier
        overlap lasts, unless `is_oldest_dropped`.
        """
        check_rotation(rotation, self._rules)
        overlap = self._rules.overlap_default if rotation.overlap is None else rotation.overlap
        async with self._pool.acquire() as connection, connection.transaction():
            await move_version(connection, caller.tenant)
            row = await lock_endpoint(connection, caller.tenant, endpoint_id)
            await _retire(connection, (caller.tenant.partner_id, endpoint_id), overlap, rotation)
            owner = EndpointOwner(caller.tenant.partner_id, row["merchant_id"], endpoint_id)
            secret = rotation.secret or new_secret()
            await add_secret(connection, self._vault, owner, new_id(self._clock.now()), secret)
            await connection.execute(_SQL["move_endpoint"], caller.tenant.partner_id, endpoint_id)
            await audit(
                connection,
                self._clock,
                caller,
                "endpoint.secret_rotated",
                endpoint_id=endpoint_id,
                overlap_seconds=int(overlap.total_seconds()),
            )
            rows = await connection.fetch(_SQL["live_secrets"], caller.tenant.partner_id, endpoint_id)
        return await self._open(caller.tenant.partner_id, rows)

    async def _open(self, partner_id: UUID, rows: list[asyncpg.Record]) -> tuple[LiveSecret, ...]:
        opened = await self._vault.open_many(
            [(partner_id, row["sealed_secret"], secret_context(row["id"])) for row in rows]
        )
        return tuple(
            LiveSecret(
                id=row["id"],
                secret=Secret(text.decode()),
                created_at=row["created_at"],
                expires_at=row["expires_at"],
            )
            for row, text in zip(rows, opened, strict=True)
        )


async def add_secret(
    connection: Connection, vault: Vault, owner: EndpointOwner, secret_id: UUID, secret: Secret
) -> None:
    """Insert a current secret, sealed like the endpoint's settings."""
    key = await vault.data_key(owner.partner_id, owner.merchant_id or NIL)
    sealed = vault.seal(key, secret.reveal().encode(), secret_context(secret_id))
    await connection.execute(_SQL["insert_secret"], owner.partner_id, owner.endpoint_id, secret_id, sealed)


async def _retire(connection: Connection, endpoint: tuple[UUID, UUID], overlap: timedelta, rotation: Rotation) -> None:
    """Let the current secret expire after the overlap. Never are there three live ones."""
    if rotation.is_oldest_dropped:
        await connection.execute(_SQL["drop_expiring"], *endpoint)
    elif overlap and await connection.fetchval(_SQL["count_expiring"], *endpoint):
        raise Conflict(
            "An earlier secret has not expired yet.",
            code="rotation_unfinished",
            action="Wait until it expires, or rotate again and let it expire now.",
        )
    await connection.execute(_SQL["expire_current"], *endpoint, overlap)
