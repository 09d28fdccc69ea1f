"""Rotation of the signing keys: a new one is published before it signs, an old one kept until its last token died."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg

from gateway.oauth.signing.keys import QUERIES, add_key
from kernel.audit import AuditEntry, Connection, record
from kernel.clock import Clock
from kernel.errors import Conflict
from kernel.ids import NIL, new_id
from kernel.sealing import Vault

# Clocks of processes agree to less than this.
_SPARE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationPolicy:
    """How long a key signs, how long before that it is published, and how long a token lives."""

    life: timedelta = timedelta(days=90)
    published_before: timedelta = timedelta(hours=1)
    token_life: timedelta = timedelta(minutes=10)

    def next_signs_at(self, newest: datetime | None, now: datetime) -> datetime | None:
        """From when a key made now is to sign; None while none is due. `newest` is since when the newest signs."""
        if newest is None:
            return now
        return now + self.published_before if now >= newest + self.life - self.published_before else None

    def superseded_before(self, now: datetime) -> datetime:
        """A key whose successor has signed since then has no living token."""
        return now - self.token_life - _SPARE


class KeyStage(StrEnum):
    """What a key does."""

    NEXT = "next"  # It is published and does not sign yet.
    SIGNING = "signing"  # It signs.
    OLD = "old"  # It verifies the last tokens that it signed.


@dataclass(frozen=True, slots=True)
class By:
    """Who rotates, for the audit log."""

    actor: str
    request_id: str


class KeyRotation:
    """Makes and retires keys. Every change leaves its audit row."""

    def __init__(
        self, pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: Clock, policy: RotationPolicy
    ) -> None:
        self._pool = pool
        self._vault = vault
        self._clock = clock
        self._policy = policy

    async def run_once(self) -> None:
        """What the schedule asks for now. Safe to run from many processes at once."""
        now, data_key = self._clock.now(), await self._vault.data_key(NIL)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(QUERIES["lock_signing_keys"])
            newest = await connection.fetchval(QUERIES["find_newest"], now)
            signs_at = self._policy.next_signs_at(newest, now)
            by = By("worker", "schedule")
            if signs_at is not None:
                made = await add_key(connection, self._vault, data_key, self._clock, signs_at)
                await self._record(connection, by, "signing_key.created", made)
            before = self._policy.superseded_before(now)
            for row in await connection.fetch(QUERIES["retire_superseded"], now, before):
                await self._record(connection, by, "signing_key.retired", row["id"])

    async def rotate(self, by: By) -> UUID:
        """Begin a rotation now: the next key is published, and signs after the usual time. Raises Conflict.

        The conflict (`rotation_under_way`) is that a next key is published already.
        """
        now, data_key = self._clock.now(), await self._vault.data_key(NIL)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(QUERIES["lock_signing_keys"])
            newest = await connection.fetchval(QUERIES["find_newest"], now)
            if newest is not None and newest > now:
                raise Conflict("The next key is published already; it signs soon.", code="rotation_under_way")
            signs_at = now + self._policy.published_before
            made = await add_key(connection, self._vault, data_key, self._clock, signs_at)
            await self._record(connection, by, "signing_key.created", made)
        return made

    async def replace(self, by: By) -> UUID:
        """For a key that others may hold: a new one signs at once, and all tokens of others are refused from now on."""
        now, data_key = self._clock.now(), await self._vault.data_key(NIL)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(QUERIES["lock_signing_keys"])
            made = await add_key(connection, self._vault, data_key, self._clock, now)
            await self._record(connection, by, "signing_key.created", made)
            for row in await connection.fetch(QUERIES["retire_others"], now, made):
                await self._record(connection, by, "signing_key.retired", row["id"])
        return made

    async def listed(self) -> Sequence[dict[str, Any]]:
        """The keys that stand in the JWKS, the one that signs last first."""
        now = self._clock.now()
        rows = await self._pool.fetch(QUERIES["list_signing_keys"], now)
        stages = stages_of([row["signs_at"] for row in rows], now)
        return [
            {"id": str(row["id"]), "stage": stage, "signs_at": row["signs_at"], "created_at": row["created_at"]}
            for row, stage in zip(rows, stages, strict=True)
        ]

    async def _record(self, connection: Connection, by: By, action: str, key: UUID) -> None:
        entry = AuditEntry(
            id=new_id(self._clock.now()),
            partner_id=None,
            actor=by.actor,
            action=action,
            target=str(key),
            request_id=by.request_id,
        )
        await record(connection, entry)


def stages_of(signs_at: Sequence[datetime], now: datetime) -> list[KeyStage]:
    """The stage of each key, given from when each signs, latest first."""
    begun = [at <= now for at in signs_at]
    first = begun.index(True) if True in begun else len(begun)
    return [KeyStage.NEXT] * first + [KeyStage.SIGNING, *[KeyStage.OLD] * len(begun)][: len(begun) - first]
