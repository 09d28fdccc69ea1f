"""An endpoint's keys: shown on request, and replaced with a time in which both old and new sign."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from kernel.clock import Clock
from kernel.errors import Conflict
from kernel.sealing import Vault
from webhooks.endpoints import rows
from webhooks.endpoints.checks.request import check_rotation
from webhooks.endpoints.keys.store import SQL, NewKey, add_key, fetch_live, new_key, open_shown
from webhooks.endpoints.model import Caller, LiveKey
from webhooks.endpoints.requests import EndpointRules, Rotation
from webhooks.endpoints.telling import EventTeller
from webhooks.events.model import Connection
from webhooks.health.notices import EndpointRef, secret_rotated
from webhooks.queue.port import Job


class EndpointSecrets:
    """Reveal and rotate."""

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        vault: Vault,
        clock: Clock,
        rules: EndpointRules,
        teller: EventTeller,
    ) -> None:
        self._pool = pool
        self._vault = vault
        self._clock = clock
        self._rules = rules
        self._teller = teller

    async def reveal(self, caller: Caller, endpoint_id: UUID) -> tuple[LiveKey, ...]:
        """The keys that sign now, v1 first, of each scheme the current one first. Audited. Raises NotFound."""
        partner_id = caller.tenant.partner_id
        async with self._pool.acquire() as connection, connection.transaction():
            await rows.lock_endpoint(connection, caller.tenant, endpoint_id)
            found = await fetch_live(connection, partner_id, endpoint_id)
            await rows.audit(connection, self._clock, caller, "endpoint.secret_revealed", endpoint_id=endpoint_id)
        return await open_shown(self._vault, partner_id, found)

    async def rotate(self, caller: Caller, endpoint_id: UUID, rotation: Rotation) -> tuple[LiveKey, ...]:
        """Sign with a new key from now on, and with the one before until the overlap is over; the partner is told.

        Returns what `reveal` would. Without an overlap only the new key signs from the answer on. Raises Invalid,
        NotFound, and Conflict (`rotation_unfinished`) while an earlier overlap of the scheme lasts, unless that ends
        now: by `is_oldest_dropped`, or because there is to be no overlap.
        """
        check_rotation(rotation, self._rules)
        overlap = self._rules.overlap_default if rotation.overlap is None else rotation.overlap
        key = new_key(rotation.scheme, self._clock.now(), rotation.secret)
        async with self._pool.acquire() as connection, connection.transaction():
            row = await rows.lock_endpoint(connection, caller.tenant, endpoint_id)
            ends_at = await _retire(connection, (caller.tenant.partner_id, endpoint_id), overlap, rotation)
            owner = rows.EndpointOwner(caller.tenant.partner_id, row["merchant_id"], endpoint_id)
            await add_key(connection, self._vault, owner, key)
            await rows.move_endpoint(connection, caller.tenant, endpoint_id)
            await self._audit(connection, caller, endpoint_id, (rotation, overlap))
            found = await fetch_live(connection, caller.tenant.partner_id, endpoint_id)
            jobs = await self._tell(connection, EndpointRef(caller.tenant, endpoint_id), key, ends_at)
        await self._teller.offer(jobs)
        if not overlap or rotation.is_oldest_dropped:
            # Whoever read the revoked key before the commit signs with it no longer than this.
            await asyncio.sleep(self._rules.signing_seconds)
        return await open_shown(self._vault, caller.tenant.partner_id, found)

    async def _audit(
        self, connection: Connection, caller: Caller, endpoint_id: UUID, done: tuple[Rotation, timedelta]
    ) -> None:
        rotation, overlap = done
        await rows.audit(
            connection,
            self._clock,
            caller,
            "endpoint.secret_rotated",
            endpoint_id=endpoint_id,
            scheme=rotation.scheme.value,
            overlap_seconds=int(overlap.total_seconds()),
        )

    async def _tell(
        self, connection: Connection, about: EndpointRef, key: NewKey, previous_ends_at: datetime
    ) -> Sequence[Job]:
        event = secret_rotated(
            about, self._clock.now(), scheme=key.scheme, secret_id=key.id, previous_ends_at=previous_ends_at
        )
        return await self._teller.write(connection, event)


async def _retire(
    connection: Connection, endpoint: tuple[UUID, UUID], overlap: timedelta, rotation: Rotation
) -> datetime:
    """Let the current key expire after the overlap, and say when that is. Never are there three live ones."""
    named = (*endpoint, rotation.scheme)
    if rotation.is_oldest_dropped or not overlap:
        await connection.execute(SQL["drop_expiring"], *named)
    elif await connection.fetchval(SQL["count_expiring"], *named):
        raise Conflict(
            "An earlier secret has not expired yet.",
            code="rotation_unfinished",
            action="Wait until it expires, or rotate with drop_oldest, which ends that secret now.",
        )
    ends_at: datetime = await connection.fetchval(SQL["expire_current"], *named, overlap)
    return ends_at
