"""The one writer of the chain: it gives committed entries their places and signs the head."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self
from uuid import UUID

import asyncpg
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from kernel.audit.entry import Connection
from kernel.audit.head import Head, digest_of, sign, verified
from kernel.audit.keys import SQL, HeadKey, make_key, open_keys, public_halves
from kernel.audit.links import GENESIS, Link, Mark, linked
from kernel.clock import Clock
from kernel.errors import ThreadneedleError
from kernel.sealing import Vault

_log = structlog.get_logger()


class ChainBroken(ThreadneedleError):
    """The chain's end is not the one that was signed last. Going on would sign what somebody changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPolicy:
    """How often committed entries are chained, and how many in one transaction."""

    interval_seconds: float = 1.0
    rows_per_turn: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainMetrics:
    """What the process that leads sees."""

    chained: Counter
    waiting_seconds: Gauge

    @classmethod
    def registered(cls, registry: CollectorRegistry) -> Self:
        """On a registry."""
        return cls(
            chained=Counter("threadneedle_audit_chained", "Audit entries given their place.", registry=registry),
            waiting_seconds=Gauge(
                "threadneedle_audit_waiting_seconds",
                "For how long the first audit entry has waited for its place.",
                registry=registry,
            ),
        )


class ChainWriter:
    """Any number of processes may have one; one at a time works."""

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        vault: Vault,
        clock: Clock,
        metrics: ChainMetrics,
        policy: ChainPolicy | None = None,
    ) -> None:
        self._pool = pool
        self._vault = vault
        self._clock = clock
        self._metrics = metrics
        self._policy = policy or ChainPolicy()

    async def run_once(self) -> int:
        """Chain all that is committed; how many were.

        Raises ChainBroken, SealError where the signing key does not open, and what the database's driver raises.
        """
        chained = 0
        while (count := await self._turn()) is not None:
            chained += count
            if count < self._policy.rows_per_turn:
                break
        return chained

    async def _turn(self) -> int | None:
        """One transaction; None if another process leads."""
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(SQL["lead"]):
                return None
            end = await connection.fetchrow(SQL["chain_end"])
            assert end is not None  # noqa: S101 - it has one row always
            self._metrics.waiting_seconds.set(end["waiting_seconds"])
            rows = await connection.fetch(SQL["unchained"], self._policy.rows_per_turn)
            if rows or (end["position"] and end["head_day"] != end["today"]):
                await self._extend(connection, end, rows)
        return len(rows)

    async def _extend(self, connection: Connection, end: asyncpg.Record, rows: Sequence[asyncpg.Record]) -> None:
        keys = await open_keys(connection, self._vault)
        links = linked(_trusted_end(end, keys), map(dict, rows), end["now"])
        columns = (
            [UUID(link.content["id"]) for link in links],
            [link.position for link in links],
            [link.previous for link in links],
            [link.hash for link in links],
        )
        await connection.execute(SQL["chain"], *columns)
        mark = Mark(links[-1].position, links[-1].hash) if links else Mark(end["position"], end["hash"])
        await self._sign(connection, end, mark, keys)
        self._note(links, mark)

    async def _sign(self, connection: Connection, end: asyncpg.Record, mark: Mark, keys: list[HeadKey]) -> None:
        key = keys[0] if keys else await make_key(connection, self._vault, self._clock)
        before = await connection.fetchval(SQL["head_before"], end["today"])
        head = Head(
            day=end["today"].isoformat(),
            mark=mark,
            signed_at=end["now"],
            previous=None if before is None else digest_of(before),
        )
        await connection.execute(SQL["put_head"], end["today"], mark.position, sign(head, key.id, key.private))

    def _note(self, links: Sequence[Link], mark: Mark) -> None:
        """The line is a witness outside the database: `threadneedle audit verify --expect` takes what it says."""
        self._metrics.chained.inc(len(links))
        self._metrics.waiting_seconds.set(0)
        _log.info("audit.chained", entries=len(links), position=mark.position, hash=mark.hash.hex())


def _trusted_end(end: asyncpg.Record, keys: list[HeadKey]) -> Mark:
    """Where the chain ends, if that is what was signed last. Raises ChainBroken."""
    mark = Mark(end["position"], end["hash"] or GENESIS)
    if end["document"] is None:
        if end["has_key"] or mark != Mark():
            raise ChainBroken("The signed heads of the audit log are gone.")
        return mark
    try:
        head = verified(end["document"], public_halves(keys))
    except ValueError:
        raise ChainBroken("The newest head of the audit log was not signed here.") from None
    if head.mark != mark:
        raise ChainBroken("The audit log does not end where its newest head says.")
    return mark
