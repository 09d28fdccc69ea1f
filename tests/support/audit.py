"""An audit log with entries in a chain, and somebody who holds the database and changes it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import asyncpg
from prometheus_client import CollectorRegistry

from kernel.audit import AuditEntry, record
from kernel.audit.checking import Finding
from kernel.audit.head import Head, digest_of, sign
from kernel.audit.keys import open_keys
from kernel.audit.links import Mark
from kernel.audit.verifier import ChainReport, VerifyQuery, verify
from kernel.audit.writer import ChainMetrics, ChainPolicy, ChainWriter
from kernel.clock import Clock
from kernel.ids import new_id
from kernel.sealing import Vault

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLog:
    """A log on a database of its own."""

    pool: Pool
    vault: Vault
    clock: Clock

    def writer(self, rows_per_turn: int = 500) -> ChainWriter:
        """A writer, as the worker has one."""
        metrics, policy = ChainMetrics.registered(CollectorRegistry()), ChainPolicy(rows_per_turn=rows_per_turn)
        return ChainWriter(self.pool, self.vault, self.clock, metrics, policy)

    def entry(self, number: int) -> AuditEntry:
        """One act."""
        return AuditEntry(
            id=new_id(self.clock.now()),
            partner_id=uuid4() if number % 2 else None,
            actor=f"actor {number}",
            action="bank.changed",
            target=f"bank-{number}",
            request_id=f"request-{number}",
            detail={"fields": ["name", 'quoted " \\ \n'], "number": number, "wörter": None},
        )

    async def write(self, count: int) -> None:
        """Entries that are committed and not chained."""
        async with self.pool.acquire() as connection:
            for number in range(count):
                await record(connection, self.entry(number))

    async def chained(self, count: int) -> None:
        """Entries in the chain."""
        await self.write(count)
        await self.writer().run_once()

    async def report(self, **query: Any) -> ChainReport:
        """What the verifier says of it now."""
        return await verify(self.pool, self.vault, VerifyQuery(**query))

    async def findings(self, **query: Any) -> Sequence[Finding]:
        """The faults."""
        return (await self.report(**query)).findings

    async def ids(self) -> list[UUID]:
        """Of the entries in their places."""
        rows = await self.pool.fetch("SELECT id FROM audit_log WHERE position IS NOT NULL ORDER BY position")
        return [row["id"] for row in rows]

    @asynccontextmanager
    async def tampering(self) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
        """A connection of somebody who owns the tables: nothing that the database enforces stands in the way."""
        async with self.pool.acquire() as connection:
            await connection.execute("ALTER TABLE audit_log DISABLE TRIGGER ALL")
            try:
                yield connection
            finally:
                await connection.execute("ALTER TABLE audit_log ENABLE TRIGGER ALL")

    async def earlier_heads(self, days: int, *, is_today_signed: bool = True) -> None:
        """Heads of the days before today, each at one place further than the one before, and today's at the end."""
        key = (await open_keys(self.pool, self.vault))[0]
        rows = await self.pool.fetch("SELECT position, hash FROM audit_log ORDER BY position")
        now: datetime = await self.pool.fetchval("SELECT now()")
        await self.pool.execute("DELETE FROM audit_heads")
        before: str | None = None
        for number, row in enumerate([*rows[:days], *([rows[-1]] if is_today_signed else [])]):
            signed_at = now - timedelta(days=days - number)
            head = Head(
                day=signed_at.date().isoformat(),
                mark=Mark(row["position"], row["hash"]),
                signed_at=signed_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                previous=None if before is None else digest_of(before),
            )
            before = sign(head, key.id, key.private)
            await self.pool.execute(
                "INSERT INTO audit_heads VALUES ($1, $2, $3)", signed_at.date(), row["position"], before
            )
