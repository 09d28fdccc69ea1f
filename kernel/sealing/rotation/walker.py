"""The worker's walk over everything that retired keys sealed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import asyncpg
import structlog
from prometheus_client import CollectorRegistry, Counter

from kernel.sealing.rotation.columns import SealedColumn
from kernel.sealing.rotation.resealing import Portion, Resealer
from kernel.sealing.rotation.rotation import SQL
from kernel.sealing.vault import Vault
from kernel.sql import Executor

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkPolicy:
    """How fast a rotation goes.

    Rows per second bound one rotation, whatever the number of workers. `settle_seconds` is the rest between two walks:
    longer than any process uses a data key without asking (VaultPolicy.key_seconds_max) and any transaction or read
    takes, so that a whole walk without a find proves that a retired key is of no use any more.
    """

    rows_per_second: float = 1_000
    rows_per_portion: int = 100
    settle_seconds: float = 900
    interval_seconds: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkMetrics:
    """What was done."""

    resealed: Counter

    @classmethod
    def registered(cls, registry: CollectorRegistry) -> Self:
        """On a registry."""
        return cls(
            resealed=Counter("threadneedle_values_resealed", "Values sealed with a newer data key.", registry=registry)
        )


class RotationWalker:
    """Any number of processes may have one; each portion is a transaction, and whoever dies in it has done nothing."""

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        vault: Vault,
        columns: Sequence[SealedColumn],
        metrics: WalkMetrics,
        policy: WalkPolicy | None = None,
    ) -> None:
        self._pool = pool
        self._vault = vault
        self._columns = {column.name: column for column in columns}
        self._metrics = metrics
        self._policy = policy or WalkPolicy()

    async def run_once(self) -> int:
        """Do every portion that is due; how many values were sealed anew."""
        resealed = 0
        while (done := await self._portion()) is not None:
            resealed += done
        return resealed

    async def _portion(self) -> int | None:
        """One transaction; None where nothing is due."""
        async with self._pool.acquire() as connection, connection.transaction():
            rotation = await connection.fetchrow(SQL["take"])
            if rotation is None:
                return None
            await connection.execute(SQL["plan_by_index"])
            columns = self._columns_of(rotation)
            name = rotation["column_name"]
            if name not in columns:  # a walk begins, or the column is not there any more: then all of it is done again
                name, after = next(iter(columns)), None
            else:
                after = rotation["place"]
            resealer = Resealer(
                connection=connection, vault=self._vault, column=columns[name], partner_id=rotation["partner_id"]
            )
            portion = await resealer.portion(after, self._policy.rows_per_portion)
            await self._move_on(connection, rotation, name, portion)
        self._metrics.resealed.inc(portion.resealed)
        return portion.resealed

    def _columns_of(self, rotation: asyncpg.Record) -> dict[str, SealedColumn]:
        is_partners = rotation["partner_id"].int != 0
        return {name: column for name, column in self._columns.items() if column.is_partners == is_partners}

    async def _move_on(self, connection: Executor, rotation: asyncpg.Record, name: str, portion: Portion) -> None:
        which, place = (rotation["partner_id"], rotation["id"]), portion.place
        if portion.found > portion.resealed:
            _log.warning("keys.values_left", column=name, values=portion.found - portion.resealed)
        if portion.rows < self._policy.rows_per_portion:
            later = list(self._columns_of(rotation))
            later = later[later.index(name) + 1 :]
            if not later:
                await self._end_pass(connection, rotation, portion)
                return
            name, place = later[0], None
        pause = portion.rows / self._policy.rows_per_second
        counts = (portion.found, portion.resealed)
        await connection.execute(SQL["move_on"], *which, name, place, *counts, pause)

    async def _end_pass(self, connection: Executor, rotation: asyncpg.Record, last: Portion) -> None:
        """The keys go only after a whole walk without a find that was not the first."""
        which = (rotation["partner_id"], rotation["id"])
        await connection.execute(SQL["move_on"], *which, None, None, last.found, last.resealed, 0.0)
        if rotation["found"] + last.found or rotation["pass"] == 1:
            await connection.execute(SQL["next_pass"], *which, self._policy.settle_seconds)
            return
        await connection.execute(SQL["destroy_retired"], *which)
        resealed = await connection.fetchval(SQL["finish"], *which)
        _log.info("keys.rotated", partner_id=str(which[0]), values=resealed, walks=rotation["pass"])
